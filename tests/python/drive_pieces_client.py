"""What a program does with the SDK's PiecesClient; run by test_pieces_client.py in a process of its own.

SCENARIO URL. Prints `done` when all held. The wrapper joins its sockets' threads at exit, 10 s each for reasons of its own,
so every end is a hard one.
"""

import os
import sys
import traceback

import daemon as daemons
from pieces_os_client.wrapper import PiecesClient
from sdk import ADA, BOB, MAJOR


def connect(url, websockets):
    if MAJOR == 4:
        # The misspelling is the SDK's.
        return PiecesClient(host=url, connect_wesockets=websockets)
    return PiecesClient(connect_websockets=websockets)


def select(url, **auth0_user):
    answer = daemons.call(url, "POST", "/user/select", auth0_user)
    assert answer.status == 200, answer


def ada(url):
    select(url, name="Ada Lovelace", email="ada@example.test", user_metadata={"global_id": ADA})


def common(client, url):
    assert client.host == url, (client.host, url)
    assert client.health.startswith("ok"), client.health
    assert client.version.startswith("12."), client.version


def signed_out(url, websockets):
    client = connect(url, websockets)
    common(client, url)
    assert client.user_api.user_snapshot().user is None
    assert client.user.name is None
    # 5.0.1 stops before its sockets and its models when nobody is there; 4.0.0 does not look.
    assert client._is_started_runned is (MAJOR == 4)
    if MAJOR == 4 and websockets:
        ada(url)
        daemons.eventually("the name from the stream", lambda: client.user.name == "Ada Lovelace")
    if MAJOR > 4:
        ada(url)
        assert client._startup() is True


def signed_in(url, websockets):
    ada(url)
    client = connect(url, websockets)
    common(client, url)
    assert client._is_started_runned is True
    assert client.tracked_application.name == "OPEN_SOURCE"
    assert client.model_name == "GPT-3.5-turbo Chat Model"
    assert client.user_api.user_snapshot().user.id == ADA
    if websockets:
        followed(client, url)
    else:
        assert client.user.name is None
    client.os_api.sign_out_of_os()
    assert client.user_api.user_snapshot().user is None
    if websockets:
        daemons.eventually("nobody on the stream", lambda: client.user.name is None)


def followed(client, url):
    user = client.user
    daemons.eventually("the name from the stream", lambda: user.name == "Ada Lovelace")
    assert (user.id, user.email, user.vanity_name, user.cloud_status) == (ADA, "ada@example.test", None, None)
    assert user.picture
    if MAJOR > 4:
        daemons.eventually("ok from the health stream", lambda: client.is_pos_stream_running)
    select(url, name="Bob", user_metadata={"global_id": BOB})
    daemons.eventually("the other name from the stream", lambda: user.name == "Bob")
    daemons.call(url, "POST", "/user/clear")
    daemons.eventually("nobody on the stream", lambda: user.name is None)
    ada(url)
    daemons.eventually("the first name again", lambda: user.name == "Ada Lovelace")


def main():
    scenario, url = sys.argv[1:]
    name, _, sockets = scenario.partition("+")
    globals()[name](url, sockets == "websockets")
    print("done")


if __name__ == "__main__":
    code = 0
    try:
        main()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
