// A real `usher serve` on a free port, with a data directory and a home of its own, and the command line that talks to it.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const BINARY = process.env.USHER_BIN ?? fileURLToPath(new URL("../../target/debug/usher", import.meta.url));

// Polls with a deadline.
export async function eventually(what, condition) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `not within 10 s: ${typeof what === "function" ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// The caller's environment with a home of its own, and without what would steer the daemon or a browser elsewhere.
export function environment(home) {
  const steering = /^(USHER_|XDG_|NODE_|DISPLAY$|WAYLAND_DISPLAY$)|_proxy$/i;
  const kept = Object.entries(process.env).filter(([name]) => !steering.test(name));
  return { ...Object.fromEntries(kept), HOME: home };
}

export class Daemon {
  static async start(...options) {
    const daemon = new Daemon();
    daemon.scratch = mkdtempSync(join(tmpdir(), "usher-browser-"));
    const data = join(daemon.scratch, "data");
    mkdirSync(data, { mode: 0o700 });
    daemon.env = environment(daemon.scratch);
    daemon.args = ["--data-dir", data, "--no-browser", ...options];
    await daemon.run("127.0.0.1:0");
    return daemon;
  }

  async run(listen) {
    const args = ["serve", "--listen", listen, ...this.args];
    this.process = spawn(BINARY, args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.log = "";
    this.process.stderr.on("data", (text) => (this.log += text));
    this.ended = once(this.process, "close").then(([code]) => code);
    const late = setTimeout(() => this.process.kill("SIGKILL"), 20_000);
    const first = once(createInterface(this.process.stdout), "line").then(([line]) => line);
    const line = await Promise.race([first, this.ended.then((code) => `exit code ${code}`)]);
    clearTimeout(late);
    if (!line.startsWith("listening on ")) {
      this.discard();
      assert.fail(`${args.join(" ")}: ${line}\n${this.log}`);
    }
    this.url = line.slice("listening on ".length);
    this.port = Number(new URL(this.url).port);
  }

  // Ends it and keeps its data.
  async end() {
    this.process.kill("SIGTERM");
    assert.equal(await this.ended, 0, this.log);
  }

  // Starts it again where it was.
  again() {
    return this.run(`127.0.0.1:${this.port}`);
  }

  // Runs a verb of the command line and answers what it printed; its failure is an exception.
  async usher(...args) {
    return (await promisify(execFile)(BINARY, args, { env: { ...this.env, USHER_URL: this.url } })).stdout;
  }

  // As a program of this machine calls: no page, so no `Origin`.
  async call(method, path, body) {
    const headers = body && { "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) };
  }

  async user() {
    return (await this.call("GET", "/user")).json().user;
  }

  // All that a hostile call could have changed.
  async state() {
    const answers = await Promise.all(["/user", "/users"].map((path) => this.call("GET", path)));
    return answers.map((answer) => `${answer.status} ${answer.headers.get("etag")} ${answer.text}`).join("\n");
  }

  // What `GET /origins` says about an origin: `ALLOWED`, `DENIED`, `ASKED`, or nothing.
  async verdict(origin) {
    const answer = await this.call("GET", "/origins");
    assert.equal(answer.status, 200, answer.text);
    return answer.json().iterable.find((known) => known.origin === origin)?.verdict;
  }

  discard() {
    rmSync(this.scratch, { recursive: true, force: true, maxRetries: 5 });
  }

  async stop() {
    this.process.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGKILL"), 5_000);
    const code = await this.ended;
    clearTimeout(late);
    this.discard();
    assert.equal(code, 0, `after SIGTERM, within 5 s; the daemon's log:\n${this.log}`);
    assert.ok(!this.log.includes("panicked at"), this.log);
  }
}
