// A person approves the origin of a web page: the same page that was refused works, no other does, and it ends with a denial.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import * as attackers from "./attackers.mjs";
import { CALLS, EVE, fetching, form, frame, post } from "./attempts.mjs";
import { eventually } from "./daemon.mjs";
import { World } from "./world.mjs";

let world;
before(async () => (world = await World.open()), { timeout: 30_000 });
after(() => world?.close());

// Each way has a page of its own to approve, since a browser remembers the preflights that were granted.
const WAYS = {
  "on the command line": {
    mine: () => `http://127.0.0.1:${world.site}`,
    others: [() => `http://127.0.0.1:${world.neighbour}`, () => `http://localhost:${world.site}`],
    decide: (origin, allowed) => world.daemon.usher("origins", allowed ? "allow" : "deny", origin),
  },
  "by the API": {
    mine: () => `http://tool.test:${world.site}`,
    others: [() => `http://tool.test:${world.neighbour}`, () => `http://my.tool.test:${world.site}`],
    async decide(origin, allowed) {
      const answer = await world.daemon.call("POST", "/origins", { origin, allowed });
      assert.equal(answer.status, 200, answer.text);
      const { verdict, at, ...rest } = answer.json();
      assert.deepEqual([rest, verdict], [{ origin }, allowed ? "ALLOWED" : "DENIED"]);
      assert.ok(Date.parse(at.value));
    },
  },
};

const list = (header) => (header ?? "").toLowerCase().split(/\s*,\s*/);
const statuses = (requests) => requests.map(({ name, status }) => `${name} ${status}`);

// Opens a stream in the page; answers how to ask for the names it showed so far, and whether it was closed.
async function follow(page, url) {
  const address = `${url.replace("http", "ws")}/user/stream`;
  await page.evaluate((address) => {
    window.seen = [];
    window.socket = new WebSocket(address);
    window.socket.onmessage = ({ data }) => window.seen.push(JSON.parse(data).name);
    window.socket.onclose = () => window.seen.push("closed");
  }, address);
  const followed = () => page.evaluate(() => window.seen);
  await eventually("the present user", async () => (await followed()).length);
  return followed;
}

for (const [way, { mine, others, decide }] of Object.entries(WAYS)) {
  describe(`a page that is approved ${way}`, { timeout: 60_000 }, () => {
    let origin, url, page;
    before(async () => {
      [origin, url] = [mine(), world.daemon.url];
      page = await world.page(origin);
    });

    test("asks by being refused", async () => {
      assert.equal(await world.daemon.verdict(origin), undefined);
      await attackers.refused(world, attackers.at(mine), page, CALLS[0]);
      assert.equal(await world.daemon.verdict(origin), "ASKED");
      const lines = (await world.daemon.usher("origins", "list")).split("\n");
      assert.match(lines.find((line) => line.includes(origin)) ?? `not in ${lines}`, /\basked\b/i);
      await decide(origin, true);
      assert.equal(await world.daemon.verdict(origin), "ALLOWED");
    });

    test("reads the user and its ETag, without credentials", async () => {
      const seen = await fetching(page, `${url}/user`, { cache: "no-store" });
      assert.deepEqual([seen.type, seen.status], ["cors", 200], seen.text);
      assert.equal(JSON.parse(seen.text).user.email, "ada@example.test");
      assert.equal(seen.headers.etag, (await world.daemon.call("GET", "/user")).headers.get("etag"));
      const [{ answer }] = await world.recorder.take(1);
      assert.equal(answer["access-control-allow-origin"], origin);
      assert.ok(list(answer.vary).includes("origin"), answer.vary);
      assert.equal(answer["access-control-allow-credentials"], undefined);

      assert.equal((await fetching(page, `${url}/user`, { credentials: "include", cache: "no-store" })).type, "error");
      await world.recorder.take(1);
    });

    test("reads the other headers it needs", async () => {
      const version = await fetching(page, `${url}/.well-known/version`);
      assert.ok(version.headers["usher-version"], JSON.stringify(version));
      const failure = await fetching(page, `${url}/user/update`, { method: "POST" });
      assert.deepEqual([failure.status, failure.headers["x-error-code"]], [400, "invalid_body"]);
      assert.ok(failure.headers["x-request-id"]);
      await world.recorder.take(2);
    });

    test("may send the headers of the API, after a preflight", async () => {
      const names = ["application", "authorization", "content-type", "if-match", "if-none-match", "x-application-id"];
      await fetching(page, `${url}/user`, { headers: Object.fromEntries(names.map((name) => [name, "x"])) });
      const [preflight, request, ...more] = await world.recorder.take(2);
      assert.deepEqual([preflight.name, request.name, more], ["OPTIONS /user", "GET /user", []]);
      const { status, answer } = preflight;
      assert.deepEqual([status, answer["access-control-allow-origin"]], [204, origin]);
      assert.ok(list(answer.vary).includes("origin"), answer.vary);
      assert.equal(answer["access-control-allow-credentials"], undefined);
      assert.deepEqual(list(answer["access-control-allow-methods"]).sort(), ["delete", "get", "post"]);
      const allowed = list(answer["access-control-allow-headers"]);
      assert.ok(names.every((name) => allowed.includes(name)) && !allowed.includes("*"), `${allowed}`);
    });

    test("writes, and follows changes live", async () => {
      const followed = await follow(page, url);
      const { id } = await world.daemon.user();
      const changed = `Ada, ${way}`;
      const seen = await fetching(page, `${url}/user/update`, post("application/json", JSON.stringify({ id, name: changed })));
      assert.equal(seen.status, 200, seen.text);
      await eventually("what the page wrote", async () => (await followed()).at(-1) === changed);
      await world.daemon.call("POST", "/user/update", { id, name: "Ada Lovelace" });
      await eventually("what somebody else wrote", async () => (await followed()).at(-1) === "Ada Lovelace");
      await page.evaluate(() => window.socket.close());
      const requests = ["WS /user/stream 101", "OPTIONS /user/update 204", "POST /user/update 200"];
      assert.deepEqual(statuses(await world.recorder.take(3)), requests);
    });

    test("still may not send forms, show an answer in a frame, or approve others", async () => {
      const state = await world.daemon.state();
      for (const body of ["{}", undefined]) await fetching(page, `${url}/user/clear`, post("text/plain", body));
      await form("text/plain", [['{"x":"', '"}']])(page, `${url}/user/clear`);
      assert.deepEqual(statuses(await world.recorder.take(3)), Array(3).fill("POST /user/clear 415"));
      await form("application/x-www-form-urlencoded", EVE)(page, `${url}/page/local`);
      assert.deepEqual(statuses(await world.recorder.take(1)), ["POST /page/local 403"]);
      for (const path of ["/docs", "/user", "/"]) {
        assert.equal((await frame(page, url + path)).type, "chrome-error:", path);
        await world.recorder.take(1);
      }

      const body = JSON.stringify({ origin: "http://evil.test", allowed: true });
      const path = "/origins?from=page";
      assert.notEqual((await fetching(page, url + path, post("application/json", body))).status, 200);
      const requests = await world.recorder.take(1);
      for (const request of requests.filter(({ name }) => name.startsWith("POST"))) {
        assert.deepEqual([request.status, request.answer["x-error-code"]], [403, "not_allowed"]);
      }
      assert.equal(await world.daemon.verdict("http://evil.test"), undefined);
      assert.equal(await world.daemon.state(), state);
    });

    test("is the only one", async () => {
      for (const attacker of [...others.map(attackers.at), attackers.NO_ORIGIN, attackers.REBOUND]) {
        const target = await attacker.enter(world);
        for (const attempt of CALLS) await attackers.refused(world, attacker, target, attempt);
      }
    });

    test("is refused again once it is denied", async () => {
      const followed = await follow(page, url);
      await world.recorder.take(1);
      await decide(origin, false);
      const { id } = await world.daemon.user();
      await world.daemon.call("POST", "/user/update", { id, name: "Countess" });
      await eventually("the end of the stream", async () => (await followed()).at(-1) === "closed");
      assert.deepEqual(await followed(), ["Ada Lovelace", "closed"]);
      await world.daemon.call("POST", "/user/update", { id, name: "Ada Lovelace" });
      for (const attempt of CALLS) await attackers.refused(world, attackers.at(mine), page, attempt);
      assert.equal(await world.daemon.verdict(origin), "DENIED");
    });
  });
}

test("pages without an origin cannot be approved", async () => {
  const answer = await world.daemon.call("POST", "/origins", { origin: "null", allowed: true });
  assert.deepEqual([answer.status, answer.headers.get("x-error-code")], [400, "invalid_value"], answer.text);
  await assert.rejects(world.daemon.usher("origins", "allow", "null"));
  const page = await attackers.NO_ORIGIN.enter(world);
  for (const attempt of CALLS) await attackers.refused(world, attackers.NO_ORIGIN, page, attempt);
});
