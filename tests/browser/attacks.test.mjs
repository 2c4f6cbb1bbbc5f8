// Web pages that nobody approved try all they can with the daemon's address, and the daemon's own pages are not kept from it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import * as attackers from "./attackers.mjs";
import { CALLS, INCLUSIONS, fetching, form, post, socket } from "./attempts.mjs";
import { World } from "./world.mjs";

let world;
before(async () => (world = await World.open()), { timeout: 30_000 });
after(() => world?.close());

const ATTACKERS = {
  "a page on another port": attackers.ANOTHER_PORT,
  "a page of `localhost`": attackers.LOCALHOST,
  "a page of `localhost`, to `localhost`": attackers.LOCALHOST_ALIKE,
  "a page of another host": attackers.ANOTHER_HOST,
  "a page without an origin": attackers.NO_ORIGIN,
  "a page from the internet": attackers.INTERNET,
  "a page from the internet, let in by the user": attackers.ADMITTED,
  "a page whose name was rebound": attackers.REBOUND,
};

for (const [name, attacker] of Object.entries(ATTACKERS)) {
  describe(name, () => {
    let page;
    before(async () => (page = await attacker.enter(world)));
    after(async () => {
      assert.deepEqual(await world.recorder.take(0), [], "and nothing came late");
      await (page.page?.() ?? page).close();
    });
    for (const attempt of [...CALLS, ...INCLUSIONS]) {
      test(`${attempt.what}: ${attempt.request}`, { timeout: 20_000 }, () => attackers.refused(world, attacker, page, attempt));
    }
  });
}

test("of a page whose name was rebound only the `Host` tells", async () => {
  const page = await attackers.REBOUND.enter(world);
  const [{ headers }] = await attackers.refused(world, attackers.REBOUND, page, CALLS[0]);
  assert.equal(headers.host, `rebound.test:${world.daemon.port}`);
  assert.deepEqual([headers.origin, headers["sec-fetch-site"]], [undefined, undefined]);
});

describe("a page of the daemon itself", () => {
  let page;
  before(async () => (page = await world.page(`${world.daemon.url}/user`)));

  test("is shown when a person types its address", async () => {
    assert.match(await page.innerText("body"), /ada@example\.test/);
    const [{ status, headers }] = await world.recorder.take(1);
    assert.deepEqual([status, headers["sec-fetch-site"]], [200, "none"]);
  });

  test("may call", async () => {
    const { status, text } = await fetching(page, "/user", { cache: "no-store" });
    assert.equal(status, 200);
    assert.match(text, /ada@example\.test/);
    assert.match((await socket(page, `${world.daemon.url}/user/stream`)).text, /ada@example\.test/);
    assert.deepEqual((await world.recorder.take(2)).map(({ status }) => status), [200, 101]);
  });

  test("may not send what any page could", async () => {
    const state = await world.daemon.state();
    for (const body of ["{}", undefined]) {
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
        assert.equal((await fetching(page, "/user/clear", post(type, body))).status, 415, `${type}: ${body}`);
      }
    }
    assert.deepEqual((await world.recorder.take(6)).map(({ status }) => status), Array(6).fill(415));
    await form("text/plain", [['{"x":"', '"}']])(page, `${world.daemon.url}/user/clear`);
    // The daemon's pages send no referrer, and so no origin with a form: that alone is refused.
    const [{ headers, status }] = await world.recorder.take(1);
    assert.deepEqual([headers.origin, status], ["null", 403]);
    assert.equal(await world.daemon.state(), state);
  });
});
