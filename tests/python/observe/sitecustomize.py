"""Put on PYTHONPATH of an unmodified client: writes the request lines it sends to the file USHER_TEST_REQUESTS."""

import os
import sys

FILE = os.environ.get("USHER_TEST_REQUESTS")


def note(event, arguments):
    if event == "http.client.send" and isinstance(arguments[1], bytes) and b" HTTP/1.1\r\n" in arguments[1]:
        with open(FILE, "ab") as file:
            file.write(arguments[1].split(b" HTTP/1.1\r\n", 1)[0] + b"\n")


if FILE:
    sys.addaudithook(note)
