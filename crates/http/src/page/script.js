// Keeps the page as it would look if it were loaded now: when the daemon tells of a change, the page is asked for again,
// and the parts that differ take the place of the old ones. What somebody typed, unfolded or focused stays.
"use strict";

const LOOK_EVERY = 15_000; // For what no stream tells: applications, other accounts, the connection.
const RETRY_FROM = 500;
const RETRY_TO = 10_000;

const parts = (page) => page.querySelectorAll("[data-live]");
// Each part as the daemon sent it, before times are put into words.
const sent = new Map([...parts(document)].map((part) => [part.id, part.outerHTML]));
const offline = document.getElementById("offline");
const announced = document.getElementById("announced");

let asking = false;
let askAgain = false;

async function refresh() {
  askAgain = true;
  if (asking) return;
  asking = true;
  while (askAgain) {
    askAgain = false;
    try {
      const answer = await fetch("/");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (parts(page).length === sent.size) show(page);
      reached(true);
    } catch {
      reached(false);
    }
  }
  asking = false;
}

function reached(yes) {
  const words = yes ? "" : "Usher does not answer. What you see may be out of date; it is tried again.";
  if (offline.textContent !== words) offline.textContent = words;
}

function show(page) {
  const news = [];
  for (const part of parts(page)) {
    if (sent.get(part.id) === part.outerHTML) continue;
    sent.set(part.id, part.outerHTML);
    const old = document.getElementById(part.id);
    news.push(...spoken(part).filter((words) => !spoken(old).includes(words)));
    replace(old, document.importNode(part, true));
  }
  if (news.length) announced.textContent = news.join(". ");
  tellTimes();
  followSignIn();
}

const spoken = (part) => [...part.querySelectorAll("[data-say]")].map((said) => said.textContent);

function replace(old, part) {
  for (const { id, value } of old.querySelectorAll("input[id]")) {
    const input = part.querySelector(`#${CSS.escape(id)}`);
    if (input) input.value = value;
  }
  for (const { id } of old.querySelectorAll("details[open]")) {
    const details = part.querySelector(`#${CSS.escape(id)}`);
    if (details) details.open = true;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const selection = focused?.selectionStart == null ? null : [focused.selectionStart, focused.selectionEnd];
  old.replaceWith(part);
  if (!focused) return;
  // What was focused may be gone; then the heading of its part, or of the page, is where one was.
  const next = part.querySelector(`#${CSS.escape(focused.id)}`) ?? part.querySelector("h1, h2") ?? document.querySelector("h1");
  next.focus({ preventScroll: true });
  if (selection && next.id === focused.id) next.setSelectionRange(...selection);
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

function tellTimes() {
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const seconds = (at - Date.now()) / 1000;
    const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
    const words = `${relative.format(Math.round(seconds / length), unit)} (${exact.format(at)})`;
    if (time.textContent !== words) time.textContent = words;
  }
}

// Follows a stream until `goesOn` says no, through every interruption.
function follow(path, goesOn) {
  let pause = RETRY_FROM;
  const open = () => {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}${path}`);
    socket.onmessage = () => {
      pause = RETRY_FROM;
      refresh();
    };
    socket.onclose = async () => {
      // Also says whether the daemon is there at all.
      await refresh();
      if (goesOn()) setTimeout(open, pause);
      pause = Math.min(pause * 2, RETRY_TO);
    };
  };
  open();
}

let followed;

function followSignIn() {
  const running = () => document.querySelector("[data-sign-in]")?.dataset.signIn;
  const id = running();
  if (id === followed) return;
  followed = id;
  if (id) follow(`/sign-in/${encodeURIComponent(id)}/stream`, () => running() === id);
}

// A notice is told once, so its number means nothing any more.
if (location.search) history.replaceState(null, "", "/");
tellTimes();
followSignIn();
follow("/user/stream", () => true);
const look = () => document.visibilityState === "visible" && refresh();
document.addEventListener("visibilitychange", look);
setInterval(look, LOOK_EVERY);
setInterval(tellTimes, LOOK_EVERY);
