// A provider that lies (npm oauth2-mock-server): whatever POST /test/lies {"token": {CLAIM: VALUE}, "userinfo": {CLAIM: VALUE},
// "redirect": {NAME: VALUE}} says is put into the tokens it signs, what it tells their bearers, and the query it sends
// browsers back with; {"ttl": SECONDS} is the life of its tokens, {"broken": true} refuses to give any. Nobody is asked for a password. POST /test/token {CLAIM: VALUE} answers
// a token with these claims, signed as any other. POST /test/rotate {} signs with a new key from then on, and as long as
// {"keyless": true} is among the lies, nobody is told the keys.
// Prints `ready URL`.
import http from 'node:http';
import { Events, OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';

let lies = {};
let service;
let kid;
const tests = {
  '/test/lies': (said) => { lies = said; return '{}'; },
  '/test/rotate': async () => { kid = (await issuer.keys.generate('RS256')).kid; return '{}'; },
  '/test/token': (claims) => issuer.buildToken({ kid, scopesOrTransform: (_, payload) => Object.assign(payload, { aud: 'usher' }, claims) }),
};
const server = http.createServer((request, response) => {
  const test = tests[request.url];
  if (lies.keyless && request.url === '/jwks') {
    response.statusCode = 503;
    return response.end();
  }
  if (!test) return service.requestHandler(request, response);
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', async () => response.end(await test(JSON.parse(body))));
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = new OAuth2Issuer();
issuer.url = `http://127.0.0.1:${server.address().port}`;
await issuer.keys.generate('RS256');
service = new OAuth2Service(issuer);
service.on(Events.BeforeTokenSigning, (token) => Object.assign(
  token.payload, { aud: 'usher', sub: 'mallory' }, lies.ttl && { exp: token.payload.iat + lies.ttl }, lies.token,
));
service.on(Events.BeforeResponse, (answer) => {
  if (lies.broken) answer.statusCode = 500;
  else if (lies.ttl) answer.body.expires_in = lies.ttl;
});
service.on(Events.BeforeUserinfo, (answer) => { answer.body = { sub: 'mallory', name: 'Mallory', ...lies.userinfo }; });
service.on(Events.BeforeAuthorizeRedirect, ({ url }) => {
  for (const [name, value] of Object.entries(lies.redirect ?? {})) url.searchParams.set(name, value);
});
console.log(`ready ${issuer.url}`);
