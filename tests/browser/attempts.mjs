// Everything a web page can try with an address: each attempt runs in a page (or a frame, or an extension's worker) and
// answers what could be seen of the answer, as text.

import { eventually } from "./daemon.mjs";

// `fetch`, with what the page could read of the answer.
export function fetching(target, url, init = {}) {
  return target.evaluate(
    async ([url, init]) => {
      try {
        const answer = await fetch(url, init);
        const headers = Object.fromEntries(answer.headers);
        return { type: answer.type, status: answer.status, headers, text: await answer.text() };
      } catch (error) {
        return { type: "error", text: String(error) };
      }
    },
    [url, init],
  );
}

// Opens a WebSocket and answers whether it was opened, with the first frame.
export function socket(target, url) {
  return target.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url.replace("http", "ws"));
        socket.onerror = socket.onclose = ({ type }) => resolve({ type, text: "" });
        socket.onmessage = ({ data }) => {
          resolve({ type: "open", text: data });
          socket.close();
        };
      }),
    url,
  );
}

// Puts an element into the page and waits for it to load or to fail.
const include = (tag, attribute) => (target, url) =>
  target.evaluate(
    ([tag, attribute, url]) =>
      new Promise((resolve) => {
        const element = document.createElement(tag);
        element.onload = element.onerror = ({ type }) => resolve({ type, text: "" });
        if (tag === "link") element.rel = "stylesheet";
        element[attribute] = url;
        document.documentElement.append(element);
      }),
    [tag, attribute, url],
  );

// What a person sees of a document that is not the one at `before`.
async function shown(view, before = "about:blank") {
  await eventually("another document", () => !["", before].includes(view.url()));
  await view.waitForLoadState();
  return { type: new URL(view.url()).protocol, text: await view.evaluate(() => document.documentElement.innerText) };
}

// Shows the address in a frame of the page, and answers what a person sees there.
export async function frame(target, url) {
  await include("iframe", "src")(target, url);
  const frames = target.childFrames?.() ?? target.mainFrame().childFrames();
  return shown(frames.at(-1));
}

// Does something that opens a tab, and answers what the tab shows.
async function tab(target, act, argument) {
  const opening = (target.page?.() ?? target).context().waitForEvent("page");
  await target.evaluate(act, argument);
  const opened = await opening;
  const seen = await shown(opened);
  await opened.close();
  return seen;
}

const open = (target, url) => tab(target, (url) => void window.open(url), url);

export const form = (enctype, fields) => (target, url) => {
  const submit = ([url, enctype, fields]) => {
    const form = document.createElement("form");
    Object.assign(form, { action: url, method: "post", enctype, target: "_blank" });
    for (const [name, value] of fields) form.append(Object.assign(document.createElement("input"), { name, value }));
    document.documentElement.append(form);
    form.submit();
  };
  return tab(target, submit, [url, enctype, fields]);
};

// The page itself goes there.
async function leave(target, url) {
  const before = target.url();
  await target.evaluate((url) => location.assign(url), url);
  return shown(target, before);
}

const beacon = (type) => async (target, url) => {
  await target.evaluate(([url, type]) => navigator.sendBeacon(url, new Blob(["{}"], { type })), [url, type]);
  return { type: "sent", text: "" };
};

const events = (target, url) =>
  target.evaluate(
    (url) =>
      new Promise((resolve) => {
        const source = new EventSource(url);
        const end = ({ type, data }) => {
          source.close();
          resolve({ type, text: data ?? "" });
        };
        source.onopen = source.onmessage = source.onerror = end;
      }),
    url,
  );

export const post = (type, body) => ({ method: "POST", headers: type && { "content-type": type }, body });
const fetched = (init) => (target, url) => fetching(target, url, init);

const JSON_AS_TEXT = post("text/plain", "{}");
const MULTIPART = post("multipart/form-data; boundary=x", "--x\r\ncontent-disposition: form-data; name=x\r\n\r\ny\r\n--x--\r\n");
const APPROVAL = post("application/json", JSON.stringify({ origin: "http://evil.test", allowed: true }));
const OWN_HEADER = { headers: { application: "x" } };

// What the page `/` sends when a person without an account signs in.
export const EVE = [["name", "Eve"], ["email", "eve@example.test"]];
const OWN_FORM = post("application/x-www-form-urlencoded", new URLSearchParams(EVE).toString());

// What it is, the request that is meant, and how it is tried. `asks`: a foreign page's browser asks first, by a preflight.
// `navigates`: the browser shows the answer as a document of its own.

// For whatever has scripts.
export const CALLS = [
  { what: "fetch", request: "GET /user", run: fetched() },
  { what: "fetch, no-cors", request: "GET /user", run: fetched({ mode: "no-cors" }) },
  { what: "fetch with credentials", request: "GET /user", run: fetched({ credentials: "include" }) },
  { what: "fetch of the access token", request: "GET /user/access_token", run: fetched() },
  { what: "fetch with a header of its own", request: "GET /user/access_token", asks: true, run: fetched(OWN_HEADER) },
  { what: "fetch of JSON as text", request: "POST /user/clear", run: fetched(JSON_AS_TEXT) },
  { what: "fetch of JSON as text, no-cors", request: "POST /user/clear", run: fetched({ ...JSON_AS_TEXT, mode: "no-cors" }) },
  { what: "fetch of a form", request: "POST /user/clear", run: fetched(post("application/x-www-form-urlencoded", "x=y")) },
  { what: "fetch of a multipart form", request: "POST /user/clear", run: fetched(MULTIPART) },
  { what: "fetch of empty text", request: "POST /user/clear", run: fetched(post("text/plain")) },
  { what: "fetch without a body", request: "POST /user/clear", run: fetched(post()) },
  { what: "fetch of a form of the page", request: "POST /page/local", run: fetched(OWN_FORM) },
  { what: "fetch of a form of the page, no-cors", request: "POST /page/local", run: fetched({ ...OWN_FORM, mode: "no-cors" }) },
  { what: "fetch of the page", request: "GET /", run: fetched() },
  { what: "fetch of JSON", request: "POST /user/clear", asks: true, run: fetched(post("application/json", "{}")) },
  { what: "post with a header of its own", request: "POST /user/clear", asks: true, run: fetched({ ...post(), ...OWN_HEADER }) },
  { what: "fetch that approves a page", request: "POST /origins", asks: true, run: fetched(APPROVAL) },
  { what: "WebSocket to the user", request: "WS /user/stream", run: socket },
  { what: "WebSocket to check-ins", request: "WS /user/last_checked_in/stream", run: socket },
];

// For what has a document. The last one leaves the page.
export const INCLUSIONS = [
  { what: "form of text", request: "POST /user/clear", navigates: true, run: form("text/plain", [['{"x":"', '"}']]) },
  { what: "form", request: "POST /user/clear", navigates: true, run: form("application/x-www-form-urlencoded", [["x", "y"]]) },
  { what: "empty form", request: "POST /user/clear", navigates: true, run: form("application/x-www-form-urlencoded", []) },
  { what: "multipart form", request: "POST /user/clear", navigates: true, run: form("multipart/form-data", [["x", "y"]]) },
  { what: "form of the page", request: "POST /page/local", navigates: true, run: form("application/x-www-form-urlencoded", EVE) },
  { what: "form of the page as text", request: "POST /page/local", navigates: true, run: form("text/plain", EVE) },
  { what: "beacon of text", request: "POST /user/clear", run: beacon("text/plain") },
  { what: "beacon of JSON", request: "POST /user/clear", asks: true, run: beacon("application/json") },
  { what: "image", request: "GET /user", run: include("img", "src") },
  { what: "script", request: "GET /user", run: include("script", "src") },
  { what: "style sheet", request: "GET /user", run: include("link", "href") },
  { what: "frame", request: "GET /docs", run: frame },
  { what: "frame of the page", request: "GET /", run: frame },
  { what: "script of the page", request: "GET /page/script.js", run: include("script", "src") },
  { what: "EventSource", request: "GET /user/stream", run: events },
  { what: "window.open", request: "GET /user", navigates: true, run: open },
  { what: "window.open of the page", request: "GET /", navigates: true, run: open },
  { what: "navigation", request: "GET /user", navigates: true, run: leave },
];
