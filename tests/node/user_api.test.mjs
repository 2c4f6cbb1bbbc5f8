// The TypeScript SDK 4.1.0 and the `ws` package, as editor extensions use them, against the daemon of USHER_TEST_URL.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, beforeEach, test } from "node:test";

// The packages are not beside this file: USHER_TEST_NODE names the folder that holds node_modules.
const require = createRequire(`${process.env.USHER_TEST_NODE}/package.json`);
const pieces = require("@pieces.app/pieces-os-client");
const WebSocket = require("ws");

const url = process.env.USHER_TEST_URL;
const ADA = "0195a4c3-6b1e-4f0a-9c2d-0000000000aa";
const BOB = "0195a4c3-6b1e-4f0a-9c2d-0000000000bb";
const ada = { name: "Ada Lovelace", email: "ada@example.test", userMetadata: { globalId: ADA } };
const bob = { name: "Bob", email: "bob@example.test", userMetadata: { globalId: BOB } };
const configuration = (headers) => new pieces.Configuration({ basePath: url, headers });
const api = new pieces.UserApi(configuration());
const os = new pieces.OSApi(configuration());
const sockets = [];

async function refused(status, code, operation) {
  const error = await operation.then(
    () => assert.fail(`answered, where ${status} was due`),
    (error) => error,
  );
  assert.ok(error instanceof pieces.ResponseError, String(error.cause ?? error));
  const { response } = error;
  const body = await response.text();
  assert.equal(response.status, status, body);
  if (code) assert.equal(response.headers.get("x-error-code"), code, body);
  assert.ok(response.headers.get("x-request-id"));
  assert.match(response.headers.get("content-type"), /^text\/plain/);
  assert.match(body, /^\S.*\S$/);
}

// Polls with a deadline.
async function eventually(what, condition) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// A `/user/stream` socket that keeps the user by the rules of the Raycast extension: no data means nobody.
async function follow() {
  const socket = new WebSocket(`${url.replace("http", "ws")}/user/stream`);
  sockets.push(socket);
  const state = { user: undefined, frames: 0 };
  socket.onmessage = (event) => {
    state.user = event.data ? pieces.UserProfileFromJSON(JSON.parse(event.data.toString())) : null;
    state.frames += 1;
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = (event) => reject(event.error);
  });
  return state;
}

// One daemon serves the file: each test begins with no account on it.
beforeEach(async () => {
  const { iterable } = await (await fetch(`${url}/users`)).json();
  for (const { id } of iterable) assert.equal((await fetch(`${url}/users/${id}/disconnect`, { method: "POST" })).status, 200);
});

after(() => sockets.forEach((socket) => socket.terminate()));

test("userSnapshot and clearUser", async () => {
  assert.equal((await api.userSnapshot()).user, undefined);
  await api.selectUser({ auth0User: ada });
  const { user } = await api.userSnapshot();
  assert.deepEqual([user.id, user.name, user.email, user.allocation], [ADA, "Ada Lovelace", "ada@example.test", undefined]);
  assert.ok(user.updated.value instanceof Date && !Number.isNaN(user.updated.value.getTime()));
  assert.equal((await api.clearUserRaw()).raw.status, 204);
  await api.clearUser();
  assert.equal((await api.userSnapshot()).user, undefined);
});

test("selectUser", async () => {
  await refused(404, "not_found", api.selectUser());
  assert.equal((await api.selectUser({ auth0User: ada })).id, ADA);
  assert.equal((await api.selectUser({ auth0User: bob })).id, BOB);
  await api.clearUser();
  assert.equal((await api.selectUser()).id, BOB);
  assert.equal((await api.selectUser({ auth0User: { email: "ADA@example.test" } })).id, ADA);
});

test("refreshUser", async () => {
  await refused(401, "not_signed_in", api.refreshUser());
  await api.selectUser({ auth0User: ada });
  assert.equal((await api.refreshUser()).id, ADA);
});

test("streamUser as a plain request", async () => {
  assert.equal(await api.streamUser(), null);
  await api.selectUser({ auth0User: ada });
  assert.equal((await api.streamUser()).id, ADA);
});

test("updateUser with only the members that change", async () => {
  await refused(400, "invalid_body", api.updateUser());
  const { aesthetics } = await api.selectUser({ auth0User: ada });
  const userProfile = { id: ADA, name: "Countess", aesthetics };
  assert.equal((await api.updateUser({ userProfile })).name, "Countess");
  const { user } = await api.userSnapshot();
  assert.deepEqual([user.name, user.email], ["Countess", "ada@example.test"]);
  await refused(404, "not_found", api.updateUser({ userProfile: { ...userProfile, id: BOB } }));
});

test("updateUser with what was read earlier", async () => {
  const read = await api.selectUser({ auth0User: ada });
  await api.updateUser({ userProfile: { ...read, name: "Countess" } });
  const answer = await api.updateUser({ userProfile: { ...read, aesthetics: { theme: { dark: true }, font: { size: 22 } } } });
  assert.deepEqual([answer.name, answer.aesthetics.font.size], ["Countess", 22]);
});

test("userAccessToken", async () => {
  await refused(401, "not_registered", api.userAccessToken());
  const connector = new pieces.ConnectorApi(configuration());
  const seed = { application: { name: "OPEN_SOURCE", platform: "LINUX", version: "1.0.0" } };
  const { application } = await connector.connect({ seededConnectorConnection: seed });
  const registered = new pieces.UserApi(configuration({ application: application.id }));
  await refused(401, "not_signed_in", registered.userAccessToken());
  await api.selectUser({ auth0User: ada });
  await refused(501, "not_available_here", registered.userAccessToken());
});

test("userBetaStatus", async () => {
  const opted = { user: ADA, auth0: { vision: { continuous: true } } };
  await refused(511, undefined, api.userBetaStatus({ userBetaStatus: opted }));
  await api.selectUser({ auth0User: ada });
  await refused(400, "invalid_body", api.userBetaStatus());
  const answer = await api.userBetaStatus({ userBetaStatus: opted });
  assert.deepEqual([answer.user, answer.auth0.vision.continuous], [ADA, true]);
  assert.ok(answer.auth0.vision.from.value instanceof Date);
});

test("userProviders", async () => {
  await refused(501, "not_available_here", api.userProviders());
  await api.selectUser({ auth0User: ada });
  await refused(501, "not_available_here", api.userProviders());
});

test("userUpdateVanity", async () => {
  const read = await api.selectUser({ auth0User: ada });
  await refused(511, "not_connected", api.userUpdateVanity({ userProfile: { ...read, vanityname: "ada" } }));
  await api.clearUser();
  await refused(511, undefined, api.userUpdateVanity({ userProfile: { ...read, vanityname: "ada" } }));
});

test("the user stream, as the Raycast extension reads it", async () => {
  const state = await follow();
  await eventually("the first frame", () => state.frames);
  assert.equal(state.user, null);
  await api.selectUser({ auth0User: ada });
  await eventually("Ada on the stream", () => state.user?.name === "Ada Lovelace");
  assert.equal((await follow().then((second) => eventually("the present user", () => second.user))).id, ADA);
  await os.signOutOfOS();
  await eventually("nobody on the stream", () => state.user === null);
  assert.equal((await api.userSnapshot()).user, undefined);
});

test("signIntoOS waits for somebody to sign in", async () => {
  let profile;
  let failure;
  os.signIntoOS().then((answer) => (profile = answer), (error) => (failure = error));
  await eventually("the waiting sign-in to end", async () => {
    if (failure) throw failure;
    // The request may still be on its way, so the sign-in is repeated until it was there to see it.
    await api.clearUser();
    await api.selectUser({ auth0User: ada });
    return profile;
  });
  assert.equal(profile.id, ADA);
});
