// One Chromium, one daemon, and servers of pages that are not the daemon's: everything a test needs to act as a web page.

import { createRequire } from "node:module";
import { once } from "node:events";
import http from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";

import { Daemon, environment } from "./daemon.mjs";
import { Recorder } from "./recorder.mjs";

// The package is not beside this file: USHER_TEST_NODE names the folder that holds node_modules.
const require = createRequire(`${process.env.USHER_TEST_NODE}/package.json`);
const { chromium } = require("playwright-core");

// Its origin is `null`.
const SANDBOX = `<iframe sandbox="allow-scripts allow-forms allow-popups" srcdoc="<title>a page without an origin</title>"></iframe>`;

// Two extensions of Manifest V3: one that the user gave this machine's pages to, and one without any permission.
const EXTENSIONS = { permitted: { host_permissions: ["http://127.0.0.1/*"] }, plain: {} };

function extension(folder, name, members) {
  const manifest = { manifest_version: 3, name, version: "1", background: { service_worker: "worker.js" }, ...members };
  mkdirSync(folder);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "worker.js"), `self.which = "${name}";`);
  return folder;
}

async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

// Pages of somebody else; what they do is up to the tests.
function pages() {
  return http.createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>a page</title>${request.url === "/sandbox" ? SANDBOX : ""}`);
  });
}

// A name whose address changes under an open page: connections go where `to` says at the time.
class Rebinding {
  connections = new Set();
  server = net.createServer((socket) => {
    // When one side ends, so does the other.
    pipeline(socket, net.connect(this.to, "127.0.0.1"), socket, () => {});
    this.connections.add(socket.on("close", () => this.connections.delete(socket)));
  });

  bind(port) {
    this.to = port;
    for (const socket of this.connections) socket.destroy();
  }
}

export class World {
  rebinding = new Rebinding();
  servers = [this.rebinding.server, pages(), pages(), pages(), pages()];

  // `options` are the daemon's.
  static async open(...options) {
    const world = new World();
    world.daemon = await Daemon.start(...options);
    try {
      await world.daemon.usher("login", "--local", "--name", "Ada Lovelace", "--email", "ada@example.test");
      world.recorder = await Recorder.start(world.daemon);
      // `outside` and `admitted` are ports the browser takes for the internet; the latter's pages may call this machine.
      const ports = await Promise.all(world.servers.map(listen));
      [world.rebinding.port, world.site, world.neighbour, world.outside, world.admitted] = ports;
      await world.browse();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async browse() {
    const { port, scratch: home } = this.daemon;
    const folders = Object.entries(EXTENSIONS).map(([name, members]) => extension(join(home, name), name, members));
    // The browser believes to speak with the daemon's own port, so that `Host` and `Origin` are the real ones.
    const rules = [
      `MAP 127.0.0.1:${port} 127.0.0.1:${this.recorder.port}`,
      `MAP localhost:${port} 127.0.0.1:${this.recorder.port}`,
      `MAP rebound.test:${port} 127.0.0.1:${this.rebinding.port}`,
      "MAP *.test 127.0.0.1",
    ];
    const spaces = [this.outside, this.admitted].map((port) => `127.0.0.1:${port}=public`);
    this.browser = await chromium.launchPersistentContext("", {
      executablePath: process.env.USHER_TEST_CHROMIUM ?? "/usr/bin/chromium",
      env: environment(home),
      args: [
        "--no-proxy-server",
        `--host-resolver-rules=${rules}`,
        `--ip-address-space-overrides=${spaces}`,
        `--disable-extensions-except=${folders}`,
        `--load-extension=${folders}`,
      ],
    });
    await this.browser.grantPermissions(["local-network-access"], { origin: `http://127.0.0.1:${this.admitted}` });
  }

  // The background of one of the extensions.
  async extension(name) {
    for (;;) {
      for (const worker of this.browser.serviceWorkers()) {
        if ((await worker.evaluate("self.which")) === name) return worker;
      }
      await this.browser.waitForEvent("serviceworker");
    }
  }

  async page(url) {
    const page = await this.browser.newPage();
    await page.goto(url);
    return page;
  }

  async close() {
    await this.browser?.close();
    this.recorder?.stop();
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections?.();
    }
    await this.daemon.stop();
  }
}
