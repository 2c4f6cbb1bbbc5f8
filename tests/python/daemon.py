"""A real daemon for the tests, and plain HTTP to look at it. Standard library only.

`python daemon.py COMMAND...` runs a command beside a fresh daemon: its address is in USHER_TEST_URL, its data directory
in USHER_TEST_DATA, and the exit code is the command's, or 1 when the daemon did not end well.
"""

import contextlib
import http.client
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("USHER_BIN") or str(ROOT / "target/debug/usher")
# Where the official wrappers look for a daemon.
RANGE = range(39300, 39334)


def eventually(what, condition, seconds=10.0):
    """Polls until the condition is true and returns its value; one that never is fails, naming what was awaited."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.02)
    return value


def scratch_environment(home):
    """The caller's environment with a home of its own, and without what would steer the daemon or a client elsewhere."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("USHER_", "XDG_")) and k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env["HOME"] = str(home)
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        env[f"XDG_{name}_HOME"] = str(home / name.lower())
    for name in ("config", "data", "state", "cache"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return env


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers.get('Content-Type')} {self.body[:400]!r}"


class Daemon:
    """One running daemon with a data directory of its own."""

    def __init__(self, port=0, configuration=None):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="usher-test-"))
        self.data = self.scratch / "daemon"
        self.data.mkdir(mode=0o700)
        self.log = self.scratch / "daemon.log"
        self.env = scratch_environment(self.scratch / "home")
        if configuration:
            folder = self.scratch / "home/config/usher"
            folder.mkdir()
            (folder / "usher.toml").write_text(configuration)
        self._start(port)

    def command(self, port):
        return [BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(self.data), "--no-browser"]

    def _start(self, port):
        command = self.command(port)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=self.env, text=True)
        lines = queue.Queue()
        # Read on a thread, so that a silent daemon cannot block the tests and a talkative one cannot fill the pipe.
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout] + [lines.put("")], daemon=True).start()
        deadline = time.monotonic() + 20
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = ""
            if line.startswith("listening on "):
                self.url = line.removeprefix("listening on ").strip()
                break
            if not line:
                self.process.kill()
                raise RuntimeError(f"{' '.join(command)} did not say where it listens; its log:\n{self.log_text()}")
        self.port = urllib.parse.urlsplit(self.url).port

    def log_text(self):
        return self.log.read_text(errors="replace")

    def terminate(self):
        """SIGTERM, then exit code 0 within 5 s, or the reason why not."""
        if self.process.poll() is not None:
            return f"the daemon had ended with {self.process.returncode} before it was stopped"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "the daemon did not end within 5 s of SIGTERM"
        return None if code == 0 else f"the daemon's exit code after SIGTERM was {code}"

    def restart(self):
        """The same data, a new process on the same port."""
        fault = self.terminate()
        assert fault is None, fault
        self._start(self.port)

    def stop(self):
        fault = self.terminate()
        log = self.log_text()
        shutil.rmtree(self.scratch, ignore_errors=True)
        assert fault is None, f"{fault}; its log:\n{log}"
        assert "panicked at" not in log, f"the daemon panicked:\n{log}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is None:
            self.stop()
        else:
            # The first failure is the one to report.
            with contextlib.suppress(AssertionError):
                self.stop()

    def call(self, method, path, body=None, headers=None, timeout=20):
        return call(self.url, method, path, body, headers, timeout)

    def user(self):
        """The present user as it is on the wire, or None."""
        answer = self.call("GET", "/user")
        assert answer.status == 200, answer
        return answer.json.get("user")

    def sign_in(self, **auth0_user):
        answer = self.call("POST", "/user/select", auth0_user)
        assert answer.status == 200, answer
        return answer.json

    def register(self, name="OPEN_SOURCE"):
        """Registers an application and answers its id."""
        seed = {"application": {"name": name, "platform": "LINUX", "version": "1.0.0"}}
        answer = self.call("POST", "/connect", seed)
        assert answer.status == 200, answer
        return answer.json["application"]["id"]


def call(url, method, path, body=None, headers=None, timeout=20):
    """One request on a connection of its own; a body that is not bytes goes out as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def listening(port):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def bindable(port):
    with socket.socket() as probe:
        # As the daemon does, so that connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def discoverable(configuration=None):
    """A daemon where the official wrappers search. They take the first that answers, so no other may listen there."""
    others = []

    def alone():
        others[:] = [port for port in RANGE if listening(port)]
        return not others

    try:
        eventually("an empty port range", alone, 15)
    except AssertionError:
        message = f"something else listens on port {others} of {RANGE.start}-{RANGE.stop - 1}, where clients search: stop it first"
        raise RuntimeError(message) from None
    # An outgoing connection may hold one of these ports; the next one serves as well.
    return Daemon(next(port for port in RANGE if bindable(port)), configuration)


def main():
    with Daemon() as daemon:
        env = daemon.env | {"USHER_TEST_URL": daemon.url, "USHER_TEST_DATA": str(daemon.data)}
        env |= {k: v for k, v in os.environ.items() if k.startswith("USHER_")}
        code = subprocess.run(sys.argv[1:], env=env).returncode
        if code:
            print(f"the daemon's log:\n{daemon.log_text()[-4000:]}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
