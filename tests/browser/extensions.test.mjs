// Extensions of the browser, with and without the user's permission for this machine, before and after they are approved.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ANOTHER_PORT, REBOUND, refused } from "./attackers.mjs";
import { CALLS, fetching, post, socket } from "./attempts.mjs";
import { World } from "./world.mjs";

let world;
before(async () => (world = await World.open()), { timeout: 30_000 });
after(() => world?.close());

// Where it has permission, the browser asks for nothing, like on a page's own origin; elsewhere it is a foreign page.
const KINDS = {
  permitted: { base: ANOTHER_PORT.base, sent: REBOUND.sent },
  plain: { base: ANOTHER_PORT.base, sent: ANOTHER_PORT.sent },
};

// By design: the browser sends for it what it sends for an address that a person typed, no page can do so, and the user
// gave the permission. It reads what every program of this machine may read, and no tokens: those need a registration.
test("an extension with permission reads without approval", async () => {
  const worker = await world.extension("permitted");
  const seen = await fetching(worker, `${world.daemon.url}/user`);
  assert.deepEqual([seen.type, seen.status], ["basic", 200], seen.text);
  const [{ headers }] = await world.recorder.take(1);
  assert.deepEqual([headers.origin, headers["sec-fetch-site"]], [undefined, "none"]);
  assert.equal((await fetching(worker, `${world.daemon.url}/user/access_token`)).status, 401);
  await world.recorder.take(1);
});

for (const [kind, attacker] of Object.entries(KINDS)) {
  describe(`an extension that is ${kind}`, { timeout: 60_000 }, () => {
    let worker, origin;
    before(async () => {
      worker = await world.extension(kind);
      origin = await worker.evaluate("self.origin");
    });

    async function isRefused() {
      const calls = CALLS.filter(({ request }) => kind === "plain" || !request.startsWith("GET"));
      for (const attempt of calls) await refused(world, attacker, worker, attempt);
    }

    test("is refused", isRefused);

    test("asks by that, and works once it is approved", async () => {
      assert.equal(await world.daemon.verdict(origin), "ASKED");
      await world.daemon.usher("origins", "allow", origin);
      assert.equal(await world.daemon.verdict(origin), "ALLOWED");
      const { url } = world.daemon;
      const { id } = await world.daemon.user();
      const seen = await fetching(worker, `${url}/user`, { cache: "no-store" });
      assert.deepEqual([seen.type, JSON.parse(seen.text).user.id], [kind === "plain" ? "cors" : "basic", id]);
      const body = JSON.stringify({ id, name: kind });
      assert.equal((await fetching(worker, `${url}/user/update`, post("application/json", body))).status, 200);
      assert.equal(JSON.parse((await socket(worker, `${url}/user/stream`)).text).name, kind);
      await world.recorder.take(3);
    });

    test("is refused again once it is denied", async () => {
      await world.daemon.usher("origins", "deny", origin);
      await isRefused();
      assert.equal(await world.daemon.verdict(origin), "DENIED");
    });
  });
}
