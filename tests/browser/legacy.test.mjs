// `--guard legacy`, for old clients that are web pages: every page of this machine may read, none gets tokens, and all
// others stay refused.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import * as attackers from "./attackers.mjs";
import { CALLS, INCLUSIONS, fetching, post } from "./attempts.mjs";
import { World } from "./world.mjs";

let world;
before(async () => (world = await World.open("--guard", "legacy")), { timeout: 30_000 });
after(() => world?.close());

for (const host of ["127.0.0.1", "localhost"]) {
  describe(`a page of \`${host}\``, { timeout: 20_000 }, () => {
    let origin, url, page;
    before(async () => {
      [origin, url] = [`http://${host}:${world.site}`, world.daemon.url];
      page = await world.page(origin);
    });

    test("reads the user", async () => {
      const seen = await fetching(page, `${url}/user`, { cache: "no-store" });
      assert.deepEqual([seen.type, seen.status], ["cors", 200], seen.text);
      assert.equal(JSON.parse(seen.text).user.email, "ada@example.test");
      const [{ answer }] = await world.recorder.take(1);
      assert.equal(answer["access-control-allow-origin"], origin);
      assert.equal(answer["access-control-allow-credentials"], undefined);
    });

    test("gets no access token", async () => {
      const application = { name: "OPEN_SOURCE", platform: "LINUX", version: "1.0.0" };
      const registered = (await world.daemon.call("POST", "/connect", { application })).json().application.id;
      for (const headers of [undefined, { application: registered }, { "x-application-id": registered }]) {
        assert.notEqual((await fetching(page, `${url}/user/access_token`, { headers })).status, 200);
        const requests = await world.recorder.take(1);
        // A header of its own makes the browser ask first, and that may be all it came to.
        const asked = requests.filter(({ name }) => !headers || !name.startsWith("OPTIONS"));
        for (const { name, status, answer } of asked) {
          assert.deepEqual([name, status, answer["x-error-code"]], ["GET /user/access_token", 403, "not_allowed"]);
        }
      }
    });

    test("sends no forms and approves nobody", async () => {
      const state = await world.daemon.state();
      for (const body of ["{}", undefined]) await fetching(page, `${url}/user/clear`, post("text/plain", body));
      assert.deepEqual((await world.recorder.take(2)).map(({ status }) => status), [415, 415]);
      const body = JSON.stringify({ origin: "http://evil.test", allowed: true });
      assert.notEqual((await fetching(page, `${url}/origins`, post("application/json", body))).status, 200);
      for (const { name, status } of await world.recorder.take(1)) if (name.startsWith("POST")) assert.equal(status, 403);
      assert.equal(await world.daemon.verdict("http://evil.test"), undefined);
      assert.equal(await world.daemon.state(), state);
    });

    test("is refused once it is denied", async () => {
      await world.daemon.usher("origins", "deny", origin);
      // Preflights that were granted are remembered by the browser for a while.
      const attempts = CALLS.filter(({ asks }) => !asks);
      for (const attempt of attempts) await attackers.refused(world, attackers.ANOTHER_PORT, page, attempt);
    });
  });
}

const ATTACKERS = {
  "a page of another host": { ...attackers.ANOTHER_HOST, attempts: [...CALLS, ...INCLUSIONS] },
  "a page of a host that is named like this machine": attackers.LOOKALIKE,
  "a page of a host that is numbered like this machine": attackers.NUMERIC_LOOKALIKE,
  "a page without an origin": attackers.NO_ORIGIN,
  "a page whose name was rebound": attackers.REBOUND,
  "an extension": { ...attackers.ANOTHER_HOST, enter: (world) => world.extension("plain") },
};

for (const [name, { attempts = CALLS, ...attacker }] of Object.entries(ATTACKERS)) {
  test(`${name} is refused`, { timeout: 30_000 }, async () => {
    const target = await attacker.enter(world);
    for (const attempt of attempts) await attackers.refused(world, attacker, target, attempt);
  });
}
