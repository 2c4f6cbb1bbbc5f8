"""An OpenID provider (tests/oidc) beside a daemon, and the person in front of its pages."""

import contextlib
import shutil
import subprocess
import sys
import tempfile

from daemon import ROOT

OIDC = ROOT / "tests/oidc"


@contextlib.contextmanager
def running():
    """Its address."""
    script = ". tests/tools.sh && get_node oidc >&2 && node_dir oidc"
    found = subprocess.run(["bash", "-c", f"root={ROOT}; {script}"], cwd=ROOT, check=True, capture_output=True, text=True)
    # Node looks for packages beside the program.
    with tempfile.NamedTemporaryFile(suffix="server.mjs", dir=found.stdout.strip()) as copy:
        shutil.copyfile(OIDC / "server.mjs", copy.name)
        process = subprocess.Popen(["node", "--no-warnings", copy.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            yield process.stdout.readline().removeprefix("ready ").strip()
        finally:
            process.kill()
            process.wait()


def configuration(url):
    return f'token_store = "file"\n[[issuer]]\nurl = "{url}"\nclient_id = "usher"\nkind = "auth0"\n'


def browse(url, login="auth0|alice"):
    """Where the browser is sent in the end, or what its last page says."""
    command = [sys.executable, OIDC / "person.py", "authorize", url, login]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
