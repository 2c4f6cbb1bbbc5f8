"""pieces-cli 1.20.1 as it is installed. Its exit codes hide failures, so the daemon's state is what counts."""

import json
import pathlib
import re
import subprocess
import sys

import websocket
from daemon import eventually
from provider import browse

HERE = pathlib.Path(__file__).parent
PIECES = pathlib.Path(sys.executable).with_name("pieces")
FIND = ["HEAD /.well-known/health", "GET /.well-known/health", "GET /.well-known/version"]
ADA = {"name": "Ada Lovelace", "email": "ada@example.test", "user_metadata": {"global_id": "0195a4c3-6b1e-4f0a-9c2d-0000000000aa"}}


class Pieces:
    """One running `pieces` command and the requests it has made so far."""

    def __init__(self, daemon, *arguments):
        self.record = daemon.scratch / "requests"
        self.record.write_text("")
        env = daemon.env | {
            "PYTHONPATH": str(HERE / "observe"),
            "USHER_TEST_REQUESTS": str(self.record),
            "NO_COLOR": "1",
            "COLUMNS": "200",
            # Its crash reports go to a server outside: a proxy that is not there keeps them at home.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        command = [str(PIECES), "--ignore-onboarding", *arguments]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def requests(self):
        return self.record.read_text().splitlines()

    def made(self, *expected):
        """Whether these were the requests; the CLI may look for the daemon again and again after a failure."""
        requests = self.requests()
        rest = requests[len(expected) :]
        return requests[: len(expected)] == list(expected) and all(request == "GET /.well-known/health" for request in rest)

    def end(self, seconds=60):
        try:
            self.out, self.err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode


def run(daemon, *arguments):
    pieces = Pieces(daemon, *arguments)
    pieces.end()
    return pieces


def test_version(discoverable):
    pieces = run(discoverable, "version")
    assert pieces.process.returncode == 0, pieces.err
    assert "1.20.1" in pieces.out and re.search(r"\b12\.\d+\.\d+", pieces.out), pieces.out
    assert pieces.made(*FIND), pieces.requests()


def test_login_joins_the_waiting_sign_in(discoverable):
    pieces = Pieces(discoverable, "login")
    eventually("the sign-in request", lambda: "POST /os/sign_in" in pieces.requests(), 60)
    assert pieces.process.poll() is None

    def ended():
        # The request is noted before it is sent, so the sign-in is repeated until it was there to see it.
        discoverable.call("POST", "/user/clear")
        discoverable.sign_in(**ADA)
        try:
            return pieces.process.wait(timeout=3) is not None
        except subprocess.TimeoutExpired:
            return False

    eventually("the end of the command", ended, 60)
    assert pieces.end() == 0, pieces.err
    assert pieces.made(*FIND, "GET /user", "POST /os/sign_in", "POST /allocations/connect"), pieces.requests()
    # That there is no cloud to connect to is swallowed.
    assert pieces.out.strip() == "" and "Traceback" not in pieces.err, (pieces.out, pieces.err)
    assert discoverable.user()["name"] == "Ada Lovelace"


def test_login_with_a_provider(discoverable_signing_in):
    daemon = discoverable_signing_in
    # What `pieces login` starts goes on in the browser it opens; where there is none, anybody may ask for the address.
    pieces = Pieces(daemon, "login")
    eventually("the sign-in request", lambda: "POST /os/sign_in" in pieces.requests(), 60)
    eventually("a sign-in under way", lambda: "somebody waits for a sign-in" in daemon.log_text())
    shown = daemon.call("POST", "/sign-in", {"method": "browser"}).json
    back = browse(shown["url"])
    page = daemon.call("GET", back.removeprefix(daemon.url), headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"})
    assert b"You are signed in" in page.body, page
    assert pieces.end() == 0, (pieces.out, pieces.err)
    assert daemon.user()["email"] == "alice@example.test"
    again = run(daemon, "login")
    assert "Signed in as Test alice" in again.out and "Email: alice@example.test" in again.out, (again.out, again.err)


def test_login_when_signed_in_says_who_it_is(discoverable):
    discoverable.sign_in(**ADA)
    pieces = run(discoverable, "login")
    assert "Signed in as Ada Lovelace" in pieces.out, (pieces.out, pieces.err)
    assert "Email: ada@example.test" in pieces.out
    assert "Cloud status: Disconnected" in pieces.out
    assert pieces.made(*FIND, "GET /user", "POST /allocations/connect"), pieces.requests()
    # There is no cloud: the 511 ends the command, with a text chosen by numbers in it, hence not compared here.
    assert pieces.process.returncode == 2, (pieces.out, pieces.err)
    assert discoverable.user()["name"] == "Ada Lovelace"


def test_logout(discoverable):
    discoverable.sign_in(**ADA)
    stream = websocket.create_connection(discoverable.url.replace("http", "ws", 1) + "/user/stream", timeout=10)
    assert json.loads(stream.recv())["name"] == "Ada Lovelace"
    pieces = run(discoverable, "logout")
    assert pieces.process.returncode == 0, pieces.err
    assert pieces.made(*FIND, "POST /os/sign_out"), pieces.requests()
    opcode, data = stream.recv_data()
    assert (opcode, data) == (websocket.ABNF.OPCODE_TEXT, b"")
    assert discoverable.call("GET", "/user").json == {}
    stream.close(timeout=3)


def test_logout_when_nobody_is_signed_in(discoverable):
    assert run(discoverable, "logout").process.returncode == 0
    assert discoverable.call("GET", "/user").json == {}


def test_a_command_that_needs_somebody_signed_in(discoverable):
    discoverable.sign_in(**ADA)
    pieces = run(discoverable, "list", "apps")
    assert pieces.process.returncode == 0, (pieces.out, pieces.err)
    assert "OS_SERVER" in pieces.out, pieces.out
    assert pieces.requests()[:6] == [*FIND, "GET /user", "GET /models", "GET /applications"]
