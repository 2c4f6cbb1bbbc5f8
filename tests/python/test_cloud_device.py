"""Every operation of a user that SDK 5.0.1 has, on a device in front of a cloud. What the cloud has no service for is asserted as the
cloud's own error."""

import json
import uuid

import pytest
import websocket
from cloud import Cloud
from daemon import Daemon, call, eventually
from pieces_os_client.api.allocation_api import AllocationApi
from pieces_os_client.api.allocations_api import AllocationsApi
from pieces_os_client.api.entities_api import EntitiesApi
from pieces_os_client.api.entity_api import EntityApi
from pieces_os_client.api.os_api import OSApi
from pieces_os_client.api.subscription_api import SubscriptionApi
from pieces_os_client.api.subscriptions_api import SubscriptionsApi
from pieces_os_client.api.users_api import UsersApi
from pieces_os_client.models.anonymous_temporal_range import AnonymousTemporalRange
from pieces_os_client.models.auth0_user_beta_status import Auth0UserBetaStatus
from pieces_os_client.models.has_feature_access_input import HasFeatureAccessInput
from pieces_os_client.models.o_auth_token import OAuthToken
from pieces_os_client.models.seeded_entity import SeededEntity
from pieces_os_client.models.user_beta_status import UserBetaStatus
from sdk import *


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as running:
        yield running
        print(running.log_text()[-4000:])


class Device(Daemon):
    """A device of this cloud, for this person."""

    def __init__(self, cloud, subject):
        self.cloud, self.subject = cloud, subject
        issuer = f'[[issuer]]\nurl = "{cloud.provider.url}"\nclient_id = "usher"\n'
        super().__init__(configuration=f'token_store = "file"\ncloud = "{cloud.url}"\n{issuer}')

    def sign_in_with_token(self):
        token = self.cloud.token(self.subject, name=self.subject.title())
        signed_in = UsersApi(client(self)).authenticate_from_oauth_token(OAuthToken(access_token=token, expires_in=3600, token_type="Bearer"))
        eventually(self.standing, lambda: self.standing().get("connectivity") == "CONNECTED")
        return signed_in

    def standing(self):
        return self.call("GET", "/status").json.get("cloud", {})

    def at_cloud(self, method="GET", path="/user", body=None):
        """The same person with nothing of the device between."""
        bearer = {"Authorization": f"Bearer {self.cloud.token(self.subject)}"}
        answer = call(self.cloud.url, method, path, body, bearer)
        assert answer.status in (200, 204), answer
        return answer.json if answer.status == 200 else None

    def stream(self, path):
        return websocket.create_connection(self.url.replace("http", "ws", 1) + path, timeout=10)


@pytest.fixture
def device(cloud, request):
    # A person of each test's own.
    with Device(cloud, request.node.name.removeprefix("test_").replace("_", "")[:40]) as running:
        running.sign_in_with_token()
        yield running
        print(running.log_text()[-4000:])


def of_cloud(device, operation, *arguments):
    """What the cloud has no service for says so, as a typed error and in the cloud's words."""
    error = refused(501, operation, *arguments, code="not_available_here")
    text = error.body.decode() if isinstance(error.body, bytes) else error.body
    assert text.startswith("this cloud "), text
    assert device.user() is not None


def test_the_user_is_the_one_of_the_cloud(device):
    api = user_api(device)
    present = api.user_snapshot().user
    there = device.at_cloud()["user"]
    assert (present.id, present.name) == (there["id"], there["name"])
    assert api.refresh_user().id == present.id
    assert api.stream_user().id == present.id
    assert [user.id for user in UsersApi(client(device)).users_snapshot().iterable] == [present.id]
    assert UsersApi(client(device)).users_specific_user_snapshot(present.id).name == present.name
    assert OSApi(client(device)).sign_into_os().id == present.id, "who is signed in need not do it again"


def test_updates_merge_with_those_of_elsewhere(device):
    api = user_api(device)
    stale = api.user_snapshot().user
    device.at_cloud("POST", "/user/update", {"id": stale.id, "name": "Countess"})
    eventually("the change of elsewhere", lambda: api.user_snapshot().user.name == "Countess")
    # The whole copy from before, with one member changed, as programs send it.
    merged = api.update_user(edit(stale, username="augusta", aesthetics=aesthetics(dark=True, size=18)))
    assert (merged.name, merged.username, merged.aesthetics.font.size) == ("Countess", "augusta", 18)
    eventually("the cloud has it", lambda: device.at_cloud()["user"].get("username") == "augusta")
    there = device.at_cloud()["user"]
    assert (there["name"], there["aesthetics"]["theme"]["dark"]) == ("Countess", True)
    refused(404, api.update_user, edit(stale, id=str(uuid.uuid4())), code="not_found")


def test_streams_tell_what_happens_elsewhere(device):
    user, check_ins = device.stream("/user/stream"), device.stream("/user/last_checked_in/stream")
    try:
        first = json.loads(user.recv())
        assert UserProfile.from_dict(first).id == first["id"]
        told = json.loads(check_ins.recv())
        assert (told["userId"], told["updateRequired"]) == (first["id"], False) and told["lastCheckedIn"]
        device.at_cloud("POST", "/user/update", {"id": first["id"], "name": "River"})
        frame = json.loads(user.recv())
        # The whole profile, not what changed: these clients know nothing else.
        assert (frame["name"], frame.keys() >= first.keys()) == ("River", True)
        while not json.loads(check_ins.recv())["needsRefresh"]:
            pass
        plain = user_api(device).stream_user_last_checked_in()
        assert (plain.user_id, plain.update_required) == (first["id"], False)
    finally:
        user.close(timeout=3)
        check_ins.close(timeout=3)


def test_clear_and_select(device):
    api = user_api(device)
    profile = api.user_snapshot().user
    assert api.clear_user() is None
    assert api.user_snapshot().user is None
    refused(401, api.refresh_user, code="not_signed_in")
    refused(511, api.user_beta_status, UserBetaStatus(user=profile.id), code="not_connected")
    assert api.select_user().id == profile.id
    assert device.at_cloud()["user"]["id"] == profile.id, "clearing ends nothing there"
    device.at_cloud("POST", "/user/update", {"id": profile.id, "name": "Back"})
    eventually("it is followed again", lambda: api.user_snapshot().user.name == "Back")
    named = api.select_user(Auth0User(user_id=device.subject))
    assert named.id == profile.id


def test_tokens_and_providers_need_an_application(device):
    refused(401, user_api(device).user_access_token, code="not_registered")
    refused(401, user_api(device).user_providers, code="not_registered")
    api = user_api(device, application=device.register())
    assert api.user_access_token().count(".") == 2
    assert api.user_providers().user.id == api.user_snapshot().user.id


def test_organisations(device):
    api, entities, entity = user_api(device), EntitiesApi(client(device)), EntityApi(client(device))
    user = api.user_snapshot().user.id
    assert entities.entities_snapshot().iterable == []
    made = device.at_cloud("POST", "/entities/create", {"name": "Engines"})["id"]
    eventually("it is on the profile", lambda: api.user_snapshot().user.entities is not None)
    assert [found.id for found in entities.entities_snapshot().iterable] == [made]
    read = entity.entities_specific_entity_snapshot(made)
    assert (read.name, [member.id for member in read.users.iterable]) == ("Engines", [user])
    # Taken in twice is being in; the last admin stays; and nobody finds what is not his.
    for associate in (api.user_associate_entity, api.user_associate_entity):
        assert associate(user, made) is None
    assert entity.entity_associate_user(made, user) is None
    for leave, arguments in ((api.user_disassociate_entity, (user, made)), (entity.entity_disassociate_user, (made, user))):
        refused(403, leave, *arguments, code="not_allowed")
    unknown = str(uuid.uuid4())
    refused(404, api.user_associate_entity, user, unknown, code="not_found")
    refused(404, entity.entities_specific_entity_snapshot, unknown, code="not_found")
    seed = SeededEntity.from_dict({"name": "Here", "type": "ORGANIZATION"})
    refused(403, lambda: entities.entities_create_new_entity(seeded_entity=seed), code="not_allowed")
    refused(403, lambda: entity.entity_update(entity=read), code="not_allowed")
    refused(403, entities.entities_delete_specific_entity, made, code="not_allowed")
    # Rules made at the cloud hold here.
    rules = device.at_cloud(path=f"/entity/{made}") | {"configuration": {"externalCloud": {"shareSnippet": {"enabled": "DISABLED"}}}}
    question = HasFeatureAccessInput.from_dict({"feature": "SHARE_SNIPPET"})
    assert api.user_has_feature_access(question).enabled is True
    device.at_cloud("POST", "/entity/update", rules)
    eventually("the rule holds", lambda: api.user_has_feature_access(question).enabled is False)
    answer = api.user_has_feature_access(question)
    assert (answer.enabled, answer.is_enterprise_user) == (False, True)


def test_beta(device):
    api = user_api(device)
    user = api.user_snapshot().user.id
    vision = AnonymousTemporalRange(continuous=True)
    joined = api.user_beta_status(UserBetaStatus(user=user, auth0=Auth0UserBetaStatus(vision=vision)))
    assert (joined.user, joined.auth0.vision.continuous) == (user, True)
    assert api.user_beta_status(UserBetaStatus(user=user)).auth0 == joined.auth0
    there = device.at_cloud("POST", "/user/beta/status", {"user": user})
    assert there["auth0"]["vision"]["continuous"] is True, "it is the cloud that keeps it"
    refused(404, api.user_beta_status, UserBetaStatus(user=str(uuid.uuid4())), code="not_found")


def test_names_and_plans_are_in_the_clouds_words(device):
    api, allocations = user_api(device), AllocationsApi(client(device))
    profile = api.user_snapshot().user
    of_cloud(device, api.user_update_vanity, edit(profile, vanityname="ada"))
    of_cloud(device, api.user_checkout)
    of_cloud(device, api.user_manage_subscriptions)
    of_cloud(device, allocations.allocations_connect_new_cloud)
    of_cloud(device, allocations.allocations_disconnect_cloud)
    assert allocations.allocations_snapshot().iterable == []
    refused(404, AllocationApi(client(device)).allocation_snapshot, str(uuid.uuid4()), code="not_found")
    assert SubscriptionsApi(client(device)).subscriptions_snapshot().iterable == []
    single = SubscriptionApi(client(device)).subscriptions_specific_subscription_snapshot
    refused(404, single, str(uuid.uuid4()), code="not_found")
    assert api.user_paddle_refresh().user.id == profile.id


def test_signing_out_and_in_again(device):
    api = user_api(device)
    profile = api.user_snapshot().user
    sessions = len(device.at_cloud(path="/sessions")["iterable"])
    OSApi(client(device)).sign_out_of_os()
    assert api.user_snapshot().user is None
    ended = lambda: [session for session in device.at_cloud(path="/sessions")["iterable"] if session.get("ended")]
    eventually("the session there has ended, too", lambda: len(ended()) == 1)
    assert device.sign_in_with_token().id == profile.id
    assert api.refresh_user().id == profile.id
    assert len(device.at_cloud(path="/sessions")["iterable"]) > sessions
    gone = UsersApi(client(device)).users_disconnect_user(profile.id)
    assert (gone.iterable, api.user_snapshot().user) == ([], None)
    assert device.at_cloud()["user"]["id"] == profile.id, "the person stays at the cloud"
