// Who tries: pages that nobody approved, from where a page can come. And what must come of it: the daemon refuses what
// reaches it, nothing can be read, nothing changes.

import assert from "node:assert/strict";

// What a foreign page's browser sends for an attempt: the preflight alone, where there is one.
const foreign = {
  sent: ({ asks, request }) => [asks ? request.replace(/^\S+/, "OPTIONS") : request],
  base: (world) => world.daemon.url,
};

export const at = (url) => ({ ...foreign, enter: (world) => world.page(url(world)) });

export const ANOTHER_PORT = at((world) => `http://127.0.0.1:${world.site}/`);
export const LOCALHOST = at((world) => `http://localhost:${world.site}/`);
// The same under the name that is its own: one site, by the browser's rules.
export const LOCALHOST_ALIKE = { ...LOCALHOST, base: (world) => `http://localhost:${world.daemon.port}` };
export const ANOTHER_HOST = at((world) => `http://evil.test:${world.site}/`);
// Names that begin like this machine's.
export const LOOKALIKE = at((world) => `http://localhost.evil.test:${world.site}/`);
export const NUMERIC_LOOKALIKE = at((world) => `http://127.0.0.1.evil.test:${world.site}/`);
export const NO_ORIGIN = {
  ...foreign,
  enter: async (world) => (await world.page(`http://127.0.0.1:${world.site}/sandbox`)).frames()[1],
};
// Of pages from the internet the browser itself stops all but navigations.
export const INTERNET = {
  ...at((world) => `http://127.0.0.1:${world.outside}/`),
  sent: (attempt) => (attempt.navigates ? foreign.sent(attempt) : []),
};
// Unless the user let them call this machine when the browser asked.
export const ADMITTED = at((world) => `http://127.0.0.1:${world.admitted}/`);
// For the browser this page and the daemon are one origin: it asks for nothing, and the page may read the answer.
export const REBOUND = {
  sent: ({ request }) => [request],
  base: (world) => `http://rebound.test:${world.daemon.port}`,
  async enter(world) {
    world.rebinding.bind(world.site);
    const page = await world.page(this.base(world));
    world.rebinding.bind(world.recorder.port);
    return page;
  },
};

// Makes one attempt from a page that was entered, and answers the requests it came to.
export async function refused(world, attacker, target, attempt) {
  const state = await world.daemon.state();
  const seen = await attempt.run(target, attacker.base(world) + attempt.request.split(" ")[1]);
  const sent = attacker.sent(attempt);
  const requests = await world.recorder.take(sent.length);
  // What was sent is compared too: an attempt that comes to nothing would prove nothing.
  assert.deepEqual(requests.map(({ name }) => name), sent, JSON.stringify(seen));
  for (const { name, status, answer } of requests) {
    assert.deepEqual([status, answer["x-error-code"]], [403, "not_allowed"], name);
    assert.ok(!Object.keys(answer).some((header) => header.startsWith("access-control-")), JSON.stringify(answer));
  }
  assert.ok(!seen.text.includes("ada@example.test"), seen.text);
  if (attempt.what.startsWith("frame")) assert.equal(seen.type, "chrome-error:", `the frame shows: ${seen.text}`);
  assert.equal(await world.daemon.state(), state);
  return requests;
}
