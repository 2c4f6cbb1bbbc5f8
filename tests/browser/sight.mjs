// A person in front of the daemon's page: one daemon, perhaps with an identity provider, and one Chromium that knows no
// other machine. What goes wrong in the page itself fails the test at its end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { Daemon, environment } from "./daemon.mjs";

const require = createRequire(`${process.env.USHER_TEST_NODE}/package.json`);
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// A provider of `tests/oidc`, whose packages are in the folder USHER_TEST_OIDC.
export class Provider {
  static async start() {
    const provider = new Provider();
    provider.folder = mkdtempSync(join(tmpdir(), "usher-provider-"));
    // Node looks for packages beside the program.
    symlinkSync(join(process.env.USHER_TEST_OIDC, "node_modules"), join(provider.folder, "node_modules"));
    const program = join(provider.folder, "server.mjs");
    copyFileSync(fileURLToPath(new URL("../oidc/server.mjs", import.meta.url)), program);
    const stdio = ["ignore", "pipe", "inherit"];
    provider.process = spawn(process.execPath, ["--no-warnings", program], { env: environment(provider.folder), stdio });
    provider.ended = once(provider.process, "close");
    const first = once(createInterface(provider.process.stdout), "line").then(([line]) => line);
    const line = await Promise.race([first, provider.ended.then(() => "it ended")]);
    assert.match(line, /^ready /);
    provider.url = line.slice("ready ".length);
    return provider;
  }

  async stop() {
    this.process.kill();
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Sight {
  // With a provider, `settings` are lines of the configuration.
  static async open({ provider, settings = "" } = {}) {
    const sight = new Sight();
    sight.folder = mkdtempSync(join(tmpdir(), "usher-page-"));
    const config = join(sight.folder, "usher.toml");
    const issuer = `[[issuer]]\nurl = "${provider?.url}"\nclient_id = "usher"\nname = "Test"\n`;
    writeFileSync(config, `token_store = "file"\n${settings}\n${provider ? issuer : ""}`);
    sight.daemon = await Daemon.start("--config", config);
    sight.browser = await chromium.launch({
      executablePath: process.env.USHER_TEST_CHROMIUM ?? "/usr/bin/chromium",
      env: environment(sight.folder),
      // Pages of a provider may want fonts from elsewhere; nothing of this leaves the machine.
      args: ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
    });
    return sight;
  }

  // The page in a window of its own. `options` are those of the window.
  async page(options) {
    const window = await this.browser.newContext(options);
    window.setDefaultTimeout(10_000);
    const page = await window.newPage();
    page.troubles = [];
    page.on("pageerror", (error) => page.troubles.push(String(error)));
    // Above all what the policy of the page stopped.
    page.on("console", (message) => message.type() === "error" && page.troubles.push(message.text()));
    await page.goto(this.daemon.url);
    return page;
  }

  async close() {
    await this.browser?.close();
    await this.daemon.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Ends a window, in which nothing went wrong.
export async function leave(page) {
  assert.deepEqual(page.troubles, []);
  await page.context().close();
}

export const heading = (page, text) => page.getByRole("heading", { level: 1, name: text }).waitFor();

// No rule of axe is broken, in light and dark, wide and narrow; the region for announcements is for no eye.
export async function isAccessible(page, state) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1000, 320]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const { violations, passes } = await page.evaluate(`${AXE}; axe.run()`);
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(told, [], `${state}, ${colorScheme}, ${width}`);
      assert.ok(passes.some(({ id }) => id === "color-contrast"), "axe looked");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${state}: ${overflow}px wider than a window of ${width}px`);
    }
  }
}
