// A real OpenID provider (npm oidc-provider, certified) on a port of 127.0.0.1, with paths as Auth0 has them. Any login and
// password sign in; the login becomes `sub`. Prints `ready URL`. The environment sets it up:
//   PORT (any free one)  ACCESS_TTL, ID_TTL, DEVICE_TTL (seconds)  JWT_AT=1 (JWT access tokens for AUDIENCE)
//   CLOCK (seconds its clock is ahead)
// Beside the provider: GET /test/counts tells how often each path was asked, POST /test/fault {"PATH": FAULT} breaks a path:
// "500", "garbage", "hang" (for good), "drop" (cut off once, nothing done), null. The path "ttl" is the life of access tokens.
import http from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';

const env = process.env;
const ahead = Number(env.CLOCK ?? 0) * 1000;
const now = Date.now.bind(Date);
Date.now = () => now() + ahead;
const { Provider } = await import('oidc-provider');

const counts = {};
let faults = {};
let answer;
const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  if (pathname === '/test/counts') return response.end(JSON.stringify(counts));
  if (pathname === '/test/fault') {
    let body = '';
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => { faults = JSON.parse(body); response.end('{}'); });
    return;
  }
  counts[pathname] = (counts[pathname] ?? 0) + 1;
  response.setHeader('date', new Date(Date.now()).toUTCString());
  switch (faults[pathname]) {
    case '500': response.statusCode = 500; return response.end('out of order');
    case 'garbage': response.setHeader('content-type', 'application/json'); return response.end('{"access_token": 7');
    case 'hang': return;
    case 'drop':
      delete faults[pathname];
      return request.socket.destroy();
  }
  answer(request, response);
});
await new Promise((listening) => server.listen(Number(env.PORT ?? 0), '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const audience = env.AUDIENCE ?? 'https://api.example.test/';
const scope = 'openid profile email offline_access';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const account = (sub) => {
  const nick = sub.split('|').pop().replace(/[^A-Za-z0-9._-]/g, '');
  return {
    sub, name: `Test ${nick}`, nickname: nick, picture: `https://img.example.test/${nick}.png`,
    email: `${nick}@example.test`, email_verified: true,
  };
};

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'usher', application_type: 'native', token_endpoint_auth_method: 'none', response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    // Native and loopback: any port is accepted (RFC 8252, 7.3).
    redirect_uris: ['http://127.0.0.1/sign-in/callback', 'http://[::1]/sign-in/callback', 'http://127.0.0.1/pkce/response/code'],
  }],
  findAccount: (_, id) => ({ accountId: id, claims: async () => account(id) }),
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'nickname', 'picture'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomBytes(4).toString('hex') }] },
  // Every refresh gives another refresh token; using an old one ends the grant.
  rotateRefreshToken: true,
  ttl: {
    AccessToken: () => faults.ttl ?? Number(env.ACCESS_TTL ?? 3600), IdToken: Number(env.ID_TTL ?? 3600), RefreshToken: 86400,
    AuthorizationCode: 60, DeviceCode: Number(env.DEVICE_TTL ?? 600), Session: 86400, Grant: 86400, Interaction: 3600,
  },
  routes: {
    authorization: '/authorize', token: '/oauth/token', userinfo: '/userinfo', revocation: '/oauth/revoke',
    introspection: '/oauth/introspect', device_authorization: '/oauth/device/code', code_verification: '/activate',
    jwks: '/.well-known/jwks.json',
  },
  features: {
    devInteractions: { enabled: true }, deviceFlow: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true }, introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: Boolean(env.JWT_AT), defaultResource: () => audience, useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope, audience, accessTokenFormat: 'jwt', accessTokenTTL: Number(env.ACCESS_TTL ?? 3600),
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});
answer = provider.callback();
console.log(`ready ${issuer}`);
