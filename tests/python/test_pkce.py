"""The code flow that a tool runs by itself, with SDK 5.0.1 as it is installed and a real provider."""

import urllib.parse

from daemon import call
from pieces_os_client.api.pkce_api import PKCEApi
from pieces_os_client.models.seeded_pkce import SeededPKCE
from pieces_os_client.models.tokenized_pkce import TokenizedPKCE
from provider import browse
from sdk import *

SCOPE = ["openid", "profile", "email", "offline_access"]


def api_of(daemon):
    return PKCEApi(client(daemon, application=daemon.register()))


def begin(api, **more):
    begun = api.get_challenge().challenge
    assert begun.method == "S256" and begun.nonce == begun.state
    members = {"code_challenge": begun.challenge, "code_challenge_method": begun.method, "state": begun.state, "nonce": begun.nonce}
    return begun, SeededPKCE(client_id="usher", response_type="code", scope=SCOPE, **members, **more)


def address(seed):
    """What the tool opens in the browser, from what it was answered."""
    names = ["client_id", "response_type", "code_challenge", "code_challenge_method", "state", "nonce", "redirect_uri", "response_mode"]
    query = {name: getattr(seed, name) for name in names if getattr(seed, name) not in (None, "UNKNOWN")}
    return f"{seed.domain}?{urllib.parse.urlencode(query | {'scope': ' '.join(seed.scope), 'prompt': 'consent'})}"


def token_of(begun, seed, code):
    return TokenizedPKCE(
        client_id=seed.client_id, code=code, code_verifier=begun.verifier, grant_type="authorization_code", redirect_uri=seed.redirect_uri
    )


def test_a_flow_whose_browser_comes_back_to_the_daemon(signing_in):
    api = api_of(signing_in)
    begun, seed = begin(api)
    asked = api.generate_code(seed)
    assert asked.result is None
    page = browse(address(asked.seed))
    assert page.startswith("You can go back"), page
    result = api.generate_code(seed).result
    assert result.state == begun.state
    granted = api.generate_token(token_of(begun, asked.seed, result.code)).auth0
    assert granted.client == "usher" and granted.o_auth.token.refresh_token
    bearer = {"Authorization": f"Bearer {granted.o_auth.token.access_token}"}
    assert call(urllib.parse.urljoin(asked.seed.domain, "/"), "GET", "/userinfo", headers=bearer).json["sub"] == "auth0|alice"
    # What the tool has, it can make an account of.
    added = signing_in.call("POST", "/users/authenticate/from_token", granted.o_auth.token.to_dict() | {"token_type": "Bearer"})
    assert added.status == 200 and signing_in.user()["email"] == "alice@example.test"


def test_a_flow_whose_browser_comes_back_to_the_tool(signing_in):
    api = api_of(signing_in)
    begun, seed = begin(api, redirect_uri="http://127.0.0.1:9/sign-in/callback")
    asked = api.generate_code(seed)
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(browse(address(asked.seed))).query))
    refused(404, api.respond_with_code, back["code"], "another", code="not_found")
    assert api.respond_with_code(code=back["code"], state=back["state"]).result.code == back["code"]
    refused(409, api.respond_with_code, back["code"], back["state"], code="conflict")
    assert api.generate_token(token_of(begun, asked.seed, back["code"])).auth0.o_auth.token.access_token
    refused(404, api.generate_token, token_of(begun, asked.seed, back["code"]), code="not_found")


def test_a_flow_that_is_cleared_is_gone(signing_in):
    api = api_of(signing_in)
    _, seed = begin(api)
    assert api.clear_pkce() is None
    refused(404, api.generate_code, seed, code="not_found")
