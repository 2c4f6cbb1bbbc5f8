// The page `/` for a person: usable for everybody in each of its states, live without being loaded again, and with neither
// scripts nor a mouse.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";

import { eventually } from "./daemon.mjs";
import { Sight, heading, isAccessible, leave } from "./sight.mjs";

let sight;
before(async () => (sight = await Sight.open()), { timeout: 30_000 });
after(() => sight?.close());

const login = (name) =>
  sight.daemon.usher("login", "--local", "--name", name, "--email", `${name.split(" ")[0].toLowerCase()}@example.test`);
const call = (...request) => sight.daemon.call(...request);
const rename = async (name) => call("POST", "/user/update", { id: (await sight.daemon.user()).id, name });
const focused = (page) => page.evaluate(() => document.activeElement.id);

beforeEach(async () => {
  for (const { id } of (await call("GET", "/users")).json().iterable) await call("POST", `/users/${id}/disconnect`, {});
});

describe("no rule of accessibility is broken", { timeout: 120_000 }, () => {
  test("with nobody, one and many", async () => {
    const page = await sight.page();
    await heading(page, "Nobody is signed in");
    await isAccessible(page, "nobody");
    await login("Ada Lovelace");
    await heading(page, "Ada Lovelace is signed in");
    await isAccessible(page, "one");
    for (const name of ["Grace Hopper", "<script>alert(1)</script>", "\u202eevil"]) await login(name);
    await page.getByText("alert(1)").first().waitFor();
    await page.locator("details").last().locator("summary").click();
    await isAccessible(page, "many, and one about to be removed");
    await leave(page);
  });

  test("with an error and a revoked application", async () => {
    await login("Ada Lovelace");
    const application = { name: "JUPYTER", platform: "LINUX", version: "1" };
    const { id } = (await call("POST", "/connect", { application })).json().application;
    await call("POST", `/applications/${id}/revoke`, {});
    const page = await sight.page();
    await page.getByText("revoked: may not read tokens").waitFor();
    // The account goes while the button is still there.
    await page.evaluate(() => document.querySelector("[name=user]").setAttribute("value", "nobody"));
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.match(await page.getByRole("alert").innerText(), /^Error: somebody else is signed in by now/);
    assert.deepEqual([await focused(page), await page.title()], ["notice", "Error – Usher"]);
    await isAccessible(page, "error and revoked");
    await page.reload();
    assert.equal(await page.getByRole("alert").count(), 0, "it is told once");
    await leave(page);
  });
});

describe("without being loaded again", { timeout: 60_000 }, () => {
  let page;
  beforeEach(async () => {
    await login("Ada Lovelace");
    page = await sight.page();
    await heading(page, "Ada Lovelace is signed in");
    await page.evaluate(() => (window.loaded = "once"));
  });

  test("a change is shown and announced, and what is focused stays so", async () => {
    await page.locator("#sign-out").focus();
    await rename("Countess of Lovelace");
    await heading(page, "Countess of Lovelace is signed in");
    assert.equal(await focused(page), "sign-out");
    assert.equal(await page.locator("#announced").innerText(), "Countess of Lovelace is signed in");
    // The button that is focused is the one that is shown.
    await page.keyboard.press("Enter");
    await heading(page, "Nobody is signed in");
    await leave(page);
  });

  test("what was typed, marked and unfolded stays", async () => {
    await page.locator("#name").fill("Augusta");
    await page.locator("#name").evaluate((input) => input.setSelectionRange(2, 5));
    await sight.daemon.usher("logout");
    await heading(page, "Nobody is signed in");
    await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
    const typed = await page.locator("#name").evaluate((input) => [input.value, input.selectionStart, input.selectionEnd]);
    assert.deepEqual([...typed, await focused(page)], ["Augusta", 2, 5, "name"]);
    const unfolded = page.locator("#part-accounts details");
    await unfolded.locator("summary").click();
    await login("Grace Hopper");
    await heading(page, "Grace Hopper is signed in");
    await sight.daemon.usher("logout");
    await eventually("both accounts", async () => (await page.locator("#part-accounts li").count()) === 2);
    assert.equal(await page.locator("#part-accounts details[open]").count(), 1);
    assert.equal(await page.evaluate(() => window.loaded), "once");
    await leave(page);
  });

  test("focus goes to a heading when what had it is gone", async () => {
    await login("Grace Hopper");
    await heading(page, "Grace Hopper is signed in");
    await page.locator("[id^=switch-]").focus();
    await sight.daemon.usher("switch", "ada@example.test");
    await heading(page, "Ada Lovelace is signed in");
    await eventually("focus", async () => (await focused(page)) === "accounts");
    await leave(page);
  });

  test("a daemon that is gone is told, and one that is back is followed", async () => {
    // What the browser says of connections that fail is no trouble of the page.
    page.removeAllListeners("console");
    await sight.daemon.end();
    await page.locator("#offline", { hasText: "does not answer" }).waitFor();
    await sight.daemon.again();
    await eventually("the way back", async () => (await page.locator("#offline").textContent()) === "");
    await rename("Ada, again");
    await heading(page, "Ada, again is signed in");
    assert.equal(await page.evaluate(() => window.loaded), "once");
    await leave(page);
  });
});

// Holds a database until its input ends.
const HOLD = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
`;

test("a daemon that is still starting says so, and then shows the page", { timeout: 30_000 }, async () => {
  await login("Ada Lovelace");
  await sight.daemon.end();
  const holder = spawn("python3", ["-c", HOLD, join(sight.daemon.scratch, "data", "usher.db")]);
  await once(holder.stdout, "data");
  const started = sight.daemon.again();
  try {
    await eventually("an answer", () => fetch(sight.daemon.url).then(() => true, () => false));
    const page = await sight.page();
    await heading(page, "Usher is starting");
    await isAccessible(page, "starting");
    holder.stdin.end();
    await heading(page, "Ada Lovelace is signed in");
    // The browser complains of every answer that is no success, as this one has to be.
    page.troubles = page.troubles.filter((trouble) => !trouble.includes("503"));
    await leave(page);
  } finally {
    holder.kill();
    await started;
  }
});

test("everything works without scripts", { timeout: 30_000 }, async () => {
  const page = await sight.page({ javaScriptEnabled: false });
  const add = async (name, email) => {
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("E-mail").fill(email);
    await page.getByRole("button", { name: "Sign in to a local account" }).click();
    await heading(page, `${name} is signed in`);
  };
  await add("Ada Lovelace", "ada@example.test");
  assert.equal(await page.locator("#notice").innerText(), "You are signed in.");
  await add("Grace Hopper", "grace@example.test");
  await page.getByRole("button", { name: "Switch (Ada Lovelace, ada@example.test)" }).click();
  await heading(page, "Ada Lovelace is signed in");
  await page.getByRole("button", { name: "Sign out" }).click();
  await heading(page, "Nobody is signed in");
  await page.locator("summary", { hasText: "Grace Hopper" }).click();
  await page.getByRole("button", { name: "Remove this account (Grace Hopper" }).click();
  assert.equal(await page.locator("#notice").innerText(), "The account was removed from this machine.");
  assert.equal(await page.getByText("Grace Hopper").count(), 0);
  assert.equal((await call("GET", "/users")).json().iterable.length, 1);
  await leave(page);
});

test("everything works with the keyboard, and one sees where one is", { timeout: 30_000 }, async () => {
  await login("Ada Lovelace");
  await login("Grace Hopper");
  const page = await sight.page();
  const visited = [];
  const go = async (id) => {
    while (!(await focused(page)).startsWith(id)) {
      await page.keyboard.press("Tab");
      visited.push(await focused(page));
      assert.ok(visited.length < 40, `${visited}`);
      const [style, width] = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        return [outlineStyle, parseFloat(outlineWidth)];
      });
      assert.ok(style !== "none" && width >= 2, `${visited.at(-1)} shows that it is focused: ${style} ${width}`);
    }
  };
  await go("switch-");
  await page.keyboard.press("Enter");
  await heading(page, "Ada Lovelace is signed in");
  assert.equal(await focused(page), "notice");
  await go("unfold-");
  await page.keyboard.press("Enter");
  await go("remove-");
  await page.keyboard.press("Space");
  await heading(page, "Nobody is signed in");
  await go("name");
  await page.keyboard.type("Augusta King");
  await go("email");
  await page.keyboard.type("augusta@example.test");
  await page.keyboard.press("Enter");
  await heading(page, "Augusta King is signed in");
  await leave(page);
});

test("nothing moves", { timeout: 30_000 }, async () => {
  const page = await sight.page({ reducedMotion: "no-preference" });
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll("*")].filter((element) => {
      const { animationName, transitionDuration } = getComputedStyle(element);
      return animationName !== "none" || transitionDuration !== "0s";
    }).length,
  );
  assert.equal(moving, 0);
  await leave(page);
});
