// A person signs in from the page `/` through the pages of a real identity provider, or does not: either way the last page
// and the page `/` say in words what became of it.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { eventually } from "./daemon.mjs";
import { Provider, Sight, heading, isAccessible, leave } from "./sight.mjs";

let provider, sight;
before(async () => {
  provider = await Provider.start();
  sight = await Sight.open({ provider });
}, { timeout: 30_000 });
after(async () => {
  await sight?.close();
  await provider?.stop();
});

beforeEach(async () => {
  for (const { id } of (await sight.daemon.call("GET", "/users")).json().iterable) {
    await sight.daemon.call("POST", `/users/${id}/disconnect`, {});
  }
});

// Starts a sign-in on the page and follows its link into another tab.
async function start(page, button) {
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("heading", { name: "Signing in" }).waitFor();
  const opening = page.context().waitForEvent("page");
  await page.locator("#continue").click();
  const tab = await opening;
  await tab.waitForLoadState("domcontentloaded");
  return tab;
}

const browser = (page) => start(page, "Sign in with Test");

// The provider's page for name and password, then the one that asks for consent.
async function name(tab, login = "auth0|alice") {
  await tab.locator("[name=login]").fill(login);
  await tab.locator("[name=password]").fill("pw");
  await tab.locator("[type=submit]").click();
  await tab.locator("[name=login]").waitFor({ state: "detached" });
}

// Keeps the tab from coming back to the daemon; where the provider sent it instead.
async function stranded(tab) {
  const wires = await tab.context().newCDPSession(tab);
  const sentBack = new Promise((resolve) => {
    wires.on("Fetch.requestPaused", ({ requestId, responseHeaders = [] }) => {
      const to = responseHeaders.find(({ name }) => name.toLowerCase() === "location")?.value ?? "";
      if (!to.includes("/sign-in/callback")) return wires.send("Fetch.continueRequest", { requestId });
      resolve(to);
      return wires.send("Fetch.failRequest", { requestId, errorReason: "ConnectionRefused" });
    });
  });
  await wires.send("Fetch.enable", { patterns: [{ urlPattern: `${provider.url}/*`, requestStage: "Response" }] });
  return { sentBack };
}

const consent = (tab) => tab.locator("[type=submit]").click();
const signedIn = async () => (await sight.daemon.user())?.email;
const told = (page, words) => page.locator("#state", { hasText: words }).waitFor();

describe("in the browser", { timeout: 60_000 }, () => {
  test("to the end", async () => {
    const page = await sight.page();
    const tab = await browser(page);
    await name(tab);
    await consent(tab);
    await heading(tab, "You are signed in");
    assert.equal(new URL(tab.url()).pathname, "/sign-in/callback");
    await heading(page, "Test alice is signed in");
    assert.equal(await page.locator("#part-connection p").innerText(), `Connected to ${provider.url}.`);
    assert.equal(await signedIn(), "alice@example.test");

    // The address with the code in it is worth nothing any more.
    await tab.reload();
    await heading(tab, "Nothing to do here");
    assert.match(await tab.innerText("main"), /Nothing was changed/);
    await tab.getByRole("link").click();
    await heading(tab, "Test alice is signed in");
    await leave(page);
  });

  test("the state is for everybody's eyes and ears", async () => {
    const page = await sight.page();
    const tab = await browser(page);
    await isAccessible(page, "a sign-in in the browser");
    assert.match(await page.locator("#state").innerText(), /Waiting for you to sign in at Test/);
    await name(tab);
    await consent(tab);
    await heading(tab, "You are signed in");
    await heading(page, "Test alice is signed in");
    await isAccessible(page, "signed in with a provider");
    await isAccessible(tab, "the page a sign-in ends on");
    await leave(page);
  });

  test("somebody says no", async () => {
    const page = await sight.page();
    const tab = await browser(page);
    await name(tab);
    await tab.getByRole("link", { name: "Cancel" }).click();
    await heading(tab, "You are not signed in");
    assert.match(await tab.innerText("main"), /the person declined at the identity provider/);
    await told(page, "The sign-in was cancelled: the person declined at the identity provider");
    await isAccessible(page, "a sign-in that failed");
    await heading(page, "Nobody is signed in");
    assert.equal(await signedIn(), undefined);
    await leave(page);
  });

  test("the tab is closed, and the sign-in cancelled", async () => {
    const page = await sight.page();
    const tab = await browser(page);
    const address = tab.url();
    await tab.close();
    assert.match(await page.locator("#state").innerText(), /^Waiting for you/);
    await page.getByRole("button", { name: "Cancel the sign-in" }).click();
    await told(page, "The sign-in was cancelled: it was cancelled");
    // Who comes back after all is told so.
    const late = await page.context().newPage();
    await late.goto(address);
    await name(late);
    await consent(late);
    await heading(late, "Nothing to do here");
    assert.equal(await signedIn(), undefined);
    await leave(page);
  });

  test("the browser cannot come back, and the address is pasted", async () => {
    const page = await sight.page();
    const tab = await browser(page);
    const { sentBack } = await stranded(tab);
    await name(tab);
    await consent(tab);
    const address = await sentBack;
    await page.getByText("cannot be reached?").click();
    await page.getByLabel("Address of that page").fill("http://127.0.0.1/else");
    await page.getByRole("button", { name: "Go on" }).click();
    assert.match(await page.getByRole("alert").innerText(), /holds neither a code nor an error/);
    await page.getByText("cannot be reached?").click();
    await page.getByLabel("Address of that page").fill(address);
    await page.getByRole("button", { name: "Go on" }).click();
    await heading(page, "Test alice is signed in");
    await leave(page);
  });
});

test("with a code on another device", { timeout: 60_000 }, async () => {
  const page = await sight.page();
  const tab = await start(page, "Use a code on another device");
  const code = await page.locator("#code").innerText();
  await isAccessible(page, "a sign-in with a code");
  assert.match(await tab.innerText("body"), new RegExp(code));
  await tab.locator("[type=submit]").first().click();
  await name(tab);
  await consent(tab);
  await tab.getByText("Sign-in Success").waitFor();
  await heading(page, "Test alice is signed in");
  assert.equal(await page.evaluate(() => document.getElementById("announced").textContent.includes("Test alice is signed in")), true);
  await leave(page);
});

test("a sign-in that began elsewhere is on the page, too", { timeout: 30_000 }, async () => {
  const page = await sight.page();
  await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
  await sight.daemon.call("POST", "/sign-in", { method: "browser" });
  // What a person does who comes back to the window.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.getByRole("heading", { name: "Signing in" }).waitFor();
  await page.getByRole("button", { name: "Cancel the sign-in" }).click();
  await told(page, "it was cancelled");
  await leave(page);
});

test("an address that nobody opens ends by itself", { timeout: 60_000 }, async () => {
  const brief = await Sight.open({ provider, settings: "sign_in_within = 3" });
  try {
    const page = await brief.page();
    const tab = await browser(page);
    await tab.close();
    await told(page, "The sign-in took too long: nobody signed in in time");
    await eventually("its end", async () => (await page.locator("#continue").count()) === 0);
    await leave(page);
  } finally {
    await brief.close();
  }
});
