"""A second, unrelated OpenID provider (PyPI canaille) on a free port of 127.0.0.1. It has real passwords, compares the whole
redirect address, knows no device grant, and gives refresh tokens without a scope for them. Alice's password is pw-Alice-1.

  second.py REDIRECT_URI     prints `ready URL CLIENT_ID`, then serves until it is killed
"""

import json
import os
import pathlib
import socketserver
import subprocess
import sys
import tempfile
import wsgiref.simple_server

redirect_uri = sys.argv[1]
state = tempfile.TemporaryDirectory(prefix="usher-canaille-")
folder = pathlib.Path(state.name)
canaille = pathlib.Path(sys.executable).with_name("canaille")


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class Silent(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = Server(("127.0.0.1", 0), Silent)
host = f"127.0.0.1:{server.server_port}"
made = subprocess.run([canaille, "jwk", "create", "rsa"], check=True, capture_output=True, text=True).stdout
key = ", ".join(f"{name} = {json.dumps(value)}" for name, value in json.loads(made).items())
(folder / "canaille.toml").write_text(f"""
SECRET_KEY = "test-only"
SERVER_NAME = "{host}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
ENABLE_REGISTRATION = false
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{folder}/db.sqlite"
[CANAILLE_OIDC]
DYNAMIC_CLIENT_REGISTRATION_OPEN = true
ACTIVE_JWKS = [{{{key}}}]
""")
os.environ["CANAILLE_CONFIG"] = str(folder / "canaille.toml")
alice = ["--user-name", "alice", "--password", "pw-Alice-1", "--given-name", "Alice", "--family-name", "Example"]
for command in (["install"], ["create", "user", *alice, "--emails", "alice@example.test"]):
    subprocess.run([canaille, *command], check=True, capture_output=True)

from canaille import create_app  # noqa: E402  (it reads the configuration)

app = create_app()
server.set_app(app)
client = {
    "client_name": "usher", "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "openid profile email",
}
reply = app.test_client().post("/oauth/register", json=client, base_url=f"http://{host}")
assert reply.status_code == 201, reply.text
print(f"ready http://{host} {reply.json['client_id']}", flush=True)
server.serve_forever()
