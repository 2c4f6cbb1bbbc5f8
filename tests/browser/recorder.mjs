// Stands between browser and daemon and passes everything on as it is, headers in their order and spelling; keeps of each
// request what was asked and what was answered, also what no page may read.

import http from "node:http";
import { once } from "node:events";
import { pipeline } from "node:stream";

import { eventually } from "./daemon.mjs";

export class Recorder {
  static async start(daemon) {
    const recorder = new Recorder();
    recorder.daemon = daemon;
    recorder.requests = [];
    recorder.server = http.createServer((request, response) => recorder.pass(request, response));
    recorder.server.on("upgrade", (request, socket) => recorder.upgrade(request, socket));
    recorder.server.listen(0, "127.0.0.1");
    await once(recorder.server, "listening");
    recorder.port = recorder.server.address().port;
    return recorder;
  }

  // What reached the daemon since the last call, at least `count` requests, each with its answer.
  async take(count) {
    const told = () => `${count} requests; there are ${JSON.stringify(this.requests)}`;
    await eventually(told, () => this.requests.length >= count && this.requests.every((request) => request.status));
    return this.requests.splice(0);
  }

  note(request, name) {
    const { url: path, headers } = request;
    const kept = { name: `${name} ${path}`, headers };
    // Asked for by the browser itself beside each page it shows.
    if (path !== "/favicon.ico") this.requests.push(kept);
    return kept;
  }

  forward(request) {
    const { method, url: path, rawHeaders: headers } = request;
    return http.request({ host: "127.0.0.1", port: this.daemon.port, method, path, headers, setHost: false, agent: false });
  }

  pass(request, response) {
    const kept = this.note(request, request.method);
    const onward = this.forward(request).on("response", (answer) => {
      kept.answer = answer.headers;
      kept.status = answer.statusCode;
      response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  upgrade(request, socket) {
    const kept = this.note(request, "WS");
    const head = (answer) => {
      const lines = answer.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [`${name}: ${all[at + 1]}\r\n`]));
      kept.answer = answer.headers;
      kept.status = answer.statusCode;
      socket.write(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join("")}\r\n`);
    };
    const onward = this.forward(request);
    onward.on("response", (answer) => {
      head(answer);
      answer.pipe(socket);
    });
    onward.on("upgrade", (answer, peer, first) => {
      head(answer);
      socket.write(first);
      pipeline(socket, peer, socket, () => {});
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    onward.end();
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
