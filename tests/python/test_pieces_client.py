"""The wrapper that most programs use, finding the daemon where it looks for it."""

import pathlib
import subprocess
import sys

import pytest

DRIVER = pathlib.Path(__file__).with_name("drive_pieces_client.py")


@pytest.mark.parametrize("scenario", ["signed_out", "signed_out+websockets", "signed_in", "signed_in+websockets"])
def test_pieces_client(discoverable, scenario):
    command = [sys.executable, str(DRIVER), scenario, discoverable.url]
    run = subprocess.run(command, env=discoverable.env, capture_output=True, text=True, timeout=90)
    output = run.stdout + run.stderr
    assert run.returncode == 0 and run.stdout.rstrip().endswith("done"), output
    # The wrapper prints a line for each socket that is refused.
    assert "Handshake status" not in output, output
