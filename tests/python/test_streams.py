"""The WebSockets, frame by frame, with the library that the Python clients use."""

import json

import pytest
import websocket
from sdk import *


class Socket:
    def __init__(self, daemon, path, **options):
        self.ws = websocket.create_connection(daemon.url.replace("http", "ws", 1) + path, timeout=10, **options)

    def text(self):
        """The next message, which must be a text frame; pings are answered on the way."""
        opcode, data = self.ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_TEXT, (opcode, data)
        return data.decode()

    def json(self):
        return json.loads(self.text())

    def until(self, what, holds):
        """The first message for which it holds; what a stream repeats before that is its own affair."""
        seen = []
        while not (seen and holds(seen[-1])):
            assert len(seen) < 20, f"{what}, but got {seen}"
            seen.append(self.json())
        return seen[-1]


@pytest.fixture
def stream(daemon):
    sockets = []

    def open(path, **options):
        sockets.append(Socket(daemon, path, **options))
        return sockets[-1]

    yield open
    for socket in sockets:
        socket.ws.close(timeout=3)


def test_user_stream_tells_every_change(daemon, stream):
    api = user_api(daemon)
    first, second = stream("/user/stream"), stream("/user/stream")
    assert (first.text(), second.text()) == ("", "")

    profile = api.select_user(person())
    for socket in (first, second):
        frame = socket.json()
        assert (frame["id"], frame["name"], frame["email"]) == (ADA, "Ada Lovelace", "ada@example.test")

    # The same account again changes nothing, so the next frame is that of the update.
    api.select_user(person())
    api.update_user(edit(profile, name="Countess"))
    assert (first.json()["name"], second.json()["name"]) == ("Countess", "Countess")

    api.select_user(bob())
    assert first.json()["id"] == BOB
    api.clear_user()
    assert first.text() == ""
    api.clear_user()
    api.select_user(person())
    assert first.json()["id"] == ADA


def test_user_stream_begins_with_the_present_state(daemon, stream):
    user_api(daemon).select_user(person())
    assert stream("/user/stream").json() == daemon.user()


def test_user_stream_is_for_clients_without_an_origin_too(daemon, stream):
    user_api(daemon).select_user(person())
    assert stream("/user/stream", suppress_origin=True).json()["id"] == ADA


def test_user_stream_is_not_for_other_origins(daemon):
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(daemon.url.replace("http", "ws", 1) + "/user/stream", timeout=10, origin="https://example.test")
    assert caught.value.status_code == 403


def test_a_profile_is_parsed_by_the_sdk(daemon, stream):
    user_api(daemon).select_user(person())
    assert UserProfile.from_json(stream("/user/stream").text()).name == "Ada Lovelace"


def test_stopping_closes_streams(daemon, stream):
    socket = stream("/user/stream")
    assert socket.text() == ""
    assert daemon.terminate() is None
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        # A close frame reads as an empty message of another kind, a dropped connection as an exception.
        if socket.ws.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE:
            raise ConnectionError("closed")
    daemon._start(daemon.port)


def test_last_checked_in_stream(daemon, stream):
    api = user_api(daemon)
    socket = stream("/user/last_checked_in/stream")
    first = socket.json()
    assert first.get("userId") is None
    assert first["needsRefresh"] in (True, False)

    profile = api.select_user(person())
    signed_in = socket.until("a frame of the user", lambda frame: frame.get("userId") == ADA)
    assert signed_in["needsRefresh"] is True
    assert signed_in["lastCheckedIn"]["value"].endswith("Z")
    api.update_user(edit(profile, name="Countess"))
    assert socket.json()["needsRefresh"] is True
    api.clear_user()
    socket.until("a frame of nobody", lambda frame: frame.get("userId") is None)

    api.select_user(person())
    assert stream("/user/last_checked_in/stream").json()["userId"] == ADA


def test_health_stream(daemon, stream):
    assert stream("/.well-known/stream/health").text() == "ok"


@pytest.mark.parametrize(
    "path",
    [
        "/qgpt/stream",
        "/conversations/stream/identifiers",
        "/assets/stream/identifiers",
        "/anchors/stream/identifiers",
        "/ranges/stream/identifiers",
        "/workstream_pattern_engine/processors/vision/status/stream",
    ],
)
def test_streams_of_neighbours_are_accepted(daemon, stream, path):
    # Accepted and silent: a ping comes back, and nothing before it.
    socket = stream(path)
    socket.ws.ping("here")
    opcode, data = socket.ws.recv_data(control_frame=True)
    assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"here")
