"""A real node of a cloud for the tests, and the provider whose tokens it takes. Standard library only."""

import os
import shutil
import subprocess
import tempfile

from daemon import BINARY, ROOT, Daemon, call


class Provider:
    """`tests/oidc/mock.mjs`, with the packages that `./test` put into USHER_TEST_OIDC."""

    def __init__(self):
        packages = os.environ["USHER_TEST_OIDC"]
        # Node looks for packages beside the program.
        with tempfile.NamedTemporaryFile(suffix="mock.mjs", dir=packages) as copy:
            shutil.copyfile(ROOT / "tests/oidc/mock.mjs", copy.name)
            command = ["node", "--no-warnings", copy.name]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            self.url = self.process.stdout.readline().removeprefix("ready ").strip()
        assert self.url, "the provider did not start"

    def token(self, **claims):
        return call(self.url, "POST", "/test/token", claims).body.decode()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Cloud(Daemon):
    """One running node, on a file unless it is given another database."""

    def __init__(self, database=None):
        self.provider = Provider()
        self.database = database
        super().__init__()

    def command(self, port):
        config = self.scratch / "cloud.toml"
        config.write_text(f'[[issuer]]\nurl = "{self.provider.url}"\nclient_id = "usher"\n')
        database = self.database or str(self.data / "cloud.db")
        return [BINARY, "cloud", "--config", str(config), "--listen", f"127.0.0.1:{port}", "--database", database]

    def token(self, subject, **claims):
        return self.provider.token(sub=subject, **claims)

    def stop(self):
        try:
            super().stop()
        finally:
            self.provider.stop()
