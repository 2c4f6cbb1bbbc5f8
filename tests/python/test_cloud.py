"""SDK 5.0.1 with a bearer, against a cloud."""

import json

import pytest
import websocket
from cloud import Cloud
from daemon import call
from pieces_os_client.models.anonymous_temporal_range import AnonymousTemporalRange
from pieces_os_client.models.auth0_user_beta_status import Auth0UserBetaStatus
from pieces_os_client.models.has_feature_access_input import HasFeatureAccessInput
from pieces_os_client.models.user_beta_status import UserBetaStatus
from sdk import *


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as running:
        yield running
        print(running.log_text()[-4000:])


def holder(cloud, token):
    api_client = client(cloud)
    # The access token of its configuration goes out with `select_user` alone.
    api_client.set_default_header("Authorization", f"Bearer {token}")
    return UserApi(api_client)


def signed_in(cloud, subject, **claims):
    return holder(cloud, cloud.token(subject, name=subject.title(), **claims))


def test_a_stranger_is_told_to_bring_a_token(cloud):
    for api in (user_api(cloud), holder(cloud, "not-a-token")):
        for operation in (api.user_snapshot, api.refresh_user, api.select_user):
            refused(401, operation, code="not_signed_in")


def test_the_token_says_who_it_is(cloud):
    api = signed_in(cloud, "ada", email="ada@example.test")
    profile = api.user_snapshot().user
    assert (profile.name, profile.email) == ("Ada", "ada@example.test")
    assert is_uuid7(profile.id)
    assert api.select_user().id == profile.id
    configured = user_api(cloud, bearer=cloud.token("ada"))
    assert configured.select_user().id == profile.id
    # The body fills what the token left empty, and makes nobody somebody else.
    named = api.select_user(person(global_id=None, username="countess"))
    assert (named.id, named.name, named.username) == (profile.id, "Ada", "countess")
    refused(403, api.select_user, Auth0User(user_id="somebody-else"), code="not_allowed")


def test_people_see_themselves_only(cloud):
    ada, bob = signed_in(cloud, "ada2"), signed_in(cloud, "bob2")
    first, second = ada.user_snapshot().user, bob.user_snapshot().user
    assert first.id != second.id
    refused(404, bob.update_user, edit(first, name="Mallory"), code="not_found")
    assert ada.user_snapshot().user.name == "Ada2"


def test_an_update_is_stored_and_seen_by_every_program_of_the_person(cloud):
    token = cloud.token("eve", name="Eve")
    laptop, phone = holder(cloud, token), holder(cloud, cloud.token("eve"))
    profile = laptop.user_snapshot().user
    changed = laptop.update_user(edit(profile, name="Evelyn", aesthetics=aesthetics(dark=True, size=16)))
    assert (changed.name, changed.aesthetics.theme.dark) == ("Evelyn", True)
    seen = phone.user_snapshot().user
    assert (seen.name, seen.aesthetics.font.size) == ("Evelyn", 16)
    # Of a copy from before only what was changed in it counts.
    phone.update_user(edit(profile, username="eve"))
    both = laptop.user_snapshot().user
    assert (both.name, both.username) == ("Evelyn", "eve")


def test_refresh_asks_the_provider(cloud):
    lie = {"userinfo": {"sub": "rita", "email": "rita@example.test"}}
    assert call(cloud.provider.url, "POST", "/test/lies", lie).status == 200
    api = signed_in(cloud, "rita")
    assert api.user_snapshot().user.email != "rita@example.test"
    assert api.refresh_user().email == "rita@example.test"
    assert api.user_snapshot().user.email == "rita@example.test"


def test_beta(cloud):
    api = signed_in(cloud, "beta")
    user = api.user_snapshot().user.id
    vision = AnonymousTemporalRange(continuous=True)
    joined = api.user_beta_status(UserBetaStatus(user=user, auth0=Auth0UserBetaStatus(vision=vision)))
    assert joined.auth0.vision.continuous is True
    # Without a section the question is only what holds.
    present = api.user_beta_status(UserBetaStatus(user=user))
    assert (present.user, present.auth0) == (user, joined.auth0)
    refused(404, signed_in(cloud, "gamma").user_beta_status, UserBetaStatus(user=user), code="not_found")


def test_features_of_nobodys_organization(cloud):
    answer = signed_in(cloud, "free").user_has_feature_access(HasFeatureAccessInput.from_dict({"feature": "SHARE_SNIPPET"}))
    assert (answer.enabled, answer.can_use, answer.is_enterprise_user) == (True, True, False)


def test_user_stream_tells_every_change(cloud):
    token = cloud.token("stream", name="Stream")
    api = holder(cloud, token)
    url = cloud.url.replace("http", "ws", 1) + "/user/stream"
    socket = websocket.create_connection(url, timeout=10, header=[f"Authorization: Bearer {token}"])
    try:
        first = json.loads(socket.recv())
        assert UserProfile.from_dict(first).name == "Stream"
        api.update_user(edit(api.user_snapshot().user, name="River"))
        assert json.loads(socket.recv())["name"] == "River"
        # Somebody else's change is nobody's here, so the next frame is the person's own.
        other = signed_in(cloud, "other")
        other.update_user(edit(other.user_snapshot().user, name="Brook"))
        api.update_user(edit(api.user_snapshot().user, name="Sea"))
        assert json.loads(socket.recv())["name"] == "Sea"
    finally:
        socket.close(timeout=3)


def test_user_stream_is_not_for_strangers(cloud):
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(cloud.url.replace("http", "ws", 1) + "/user/stream", timeout=10)
    assert caught.value.status_code == 401
