"""The nine operations that SDK 4.0.0 and 5.0.1 share, on a device without a cloud and without an issuer."""

import threading
import uuid

from daemon import eventually
from pieces_os_client.api.connector_api import ConnectorApi
from pieces_os_client.api.os_api import OSApi
from pieces_os_client.exceptions import BadRequestException, NotFoundException, ServiceException, UnauthorizedException
from pieces_os_client.models.anonymous_temporal_range import AnonymousTemporalRange
from pieces_os_client.models.auth0_user_beta_status import Auth0UserBetaStatus
from pieces_os_client.models.grouped_timestamp import GroupedTimestamp
from pieces_os_client.models.seeded_connector_connection import SeededConnectorConnection
from pieces_os_client.models.seeded_tracked_application import SeededTrackedApplication
from pieces_os_client.models.user_beta_status import UserBetaStatus
from sdk import *

DEFAULT_EMAIL = "user@pieces.app"


# user_snapshot and clear_user


def test_snapshot_signed_out(daemon):
    assert user_api(daemon).user_snapshot().user is None


def test_snapshot_signed_in(daemon):
    api = user_api(daemon)
    api.select_user(person())
    user = api.user_snapshot().user
    assert (user.id, user.name, user.email) == (ADA, "Ada Lovelace", "ada@example.test")
    assert user.aesthetics.font.size > 0
    assert user.created.value and user.updated.value
    assert user.allocation is None


def test_snapshot_is_not_sent_twice_to_who_has_it(daemon):
    daemon.sign_in(name="Ada", email="ada@example.test")
    first = daemon.call("GET", "/user")
    etag = first.headers["ETag"]
    again = daemon.call("GET", "/user", headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")
    daemon.call("POST", "/user/clear")
    assert daemon.call("GET", "/user", headers={"If-None-Match": etag}).status == 200


def test_clear_is_idempotent_and_keeps_the_account(daemon):
    api = user_api(daemon)
    api.clear_user()
    api.select_user(person())
    api.clear_user()
    assert api.user_snapshot().user is None
    assert daemon.call("POST", "/user/clear").status == 204
    assert api.select_user(person()).id == ADA
    assert api.user_snapshot().user.name == "Ada Lovelace"


def test_the_present_user_survives_a_restart(daemon):
    user_api(daemon).select_user(person())
    daemon.restart()
    assert user_api(daemon).user_snapshot().user.id == ADA


# select_user


def test_select_makes_a_local_account_under_its_global_id(daemon):
    profile = user_api(daemon).select_user(person())
    assert (profile.id, profile.name, profile.email) == (ADA, "Ada Lovelace", "ada@example.test")


def test_select_makes_an_id_where_none_is_given(daemon):
    api = user_api(daemon)
    assert is_uuid7(api.select_user(person(global_id=None)).id)
    assert is_uuid7(api.select_user(person(email="not-a-uuid@example.test", global_id="not-a-uuid")).id)


def test_select_without_body_takes_the_account_that_was_current_last(daemon):
    api = user_api(daemon)
    assert isinstance(refused(404, api.select_user, code="not_found"), NotFoundException)
    api.select_user(person())
    api.select_user(bob())
    api.clear_user()
    assert api.select_user().id == BOB


def test_select_finds_an_account_by_its_address(daemon):
    api = user_api(daemon)
    api.select_user(person())
    api.select_user(bob())
    assert api.select_user(person(name=None, email="ADA@Example.test", global_id=None)).id == ADA


def test_select_enriches_only_empty_members(daemon):
    api = user_api(daemon)
    api.select_user(Auth0User(name="Ada", user_metadata={"global_id": ADA}))
    profile = api.select_user(person(name="Somebody Else", nickname="ada", picture="https://example.test/ada.png"))
    assert profile.name == "Ada"
    assert (profile.email, profile.username, profile.picture) == ("ada@example.test", "ada", "https://example.test/ada.png")


def test_select_with_a_token_needs_an_issuer_that_vouches_for_it(daemon):
    api = user_api(daemon, bearer="not-a-token")
    assert isinstance(refused(401, api.select_user, person()), UnauthorizedException)
    assert daemon.user() is None


# update_user


def test_update_signed_in_changes_the_name(daemon):
    api = user_api(daemon)
    profile = api.select_user(person())
    answer = api.update_user(edit(profile, name="Countess Lovelace"))
    assert (answer.id, answer.name) == (ADA, "Countess Lovelace")
    assert answer.updated.value > profile.updated.value
    assert api.user_snapshot().user.name == "Countess Lovelace"


def test_update_ignores_the_defaults_that_the_client_fills_in(daemon):
    api = user_api(daemon)
    api.select_user(person(picture="https://example.test/ada.png"))
    minimal = UserProfile(id=ADA, name="Countess", aesthetics=aesthetics())
    assert minimal.email == DEFAULT_EMAIL
    api.update_user(minimal)
    user = daemon.user()
    assert (user["name"], user["email"], user["picture"]) == ("Countess", "ada@example.test", "https://example.test/ada.png")


def test_update_does_not_store_the_defaults_where_nothing_is(daemon):
    api = user_api(daemon)
    api.select_user(Auth0User(name="Ada", user_metadata={"global_id": ADA}))
    api.update_user(UserProfile(id=ADA, name="Countess", aesthetics=aesthetics()))
    user = daemon.user()
    assert user["name"] == "Countess"
    assert user.get("email") is None and user.get("picture") is None


def test_stale_writers_do_not_undo_each_other(daemon):
    first, second = user_api(daemon), user_api(daemon)
    first.select_user(person())
    first_read, second_read = first.user_snapshot().user, second.user_snapshot().user
    first.update_user(edit(first_read, name="Countess"))
    answer = second.update_user(edit(second_read, aesthetics=aesthetics(dark=True, size=22)))
    assert (answer.name, answer.aesthetics.font.size, answer.aesthetics.theme.dark) == ("Countess", 22, True)
    third = first.update_user(edit(first_read, username="ada"))
    assert (third.name, third.username, third.aesthetics.font.size) == ("Countess", "ada", 22)


def test_the_last_writer_of_the_same_member_wins(daemon):
    first, second = user_api(daemon), user_api(daemon)
    read = first.select_user(person())
    first.update_user(edit(read, name="First"))
    assert second.update_user(edit(read, name="Second")).name == "Second"


def test_update_leaves_read_only_members_alone(daemon):
    api = user_api(daemon)
    profile = api.select_user(person())
    answer = api.update_user(edit(profile, vanityname="ada", name="Countess"))
    assert (answer.name, answer.vanityname) == ("Countess", None)


def test_update_of_an_account_that_is_not_current(daemon):
    api = user_api(daemon)
    profile = api.select_user(person())
    api.select_user(bob())
    assert api.update_user(edit(profile, name="Countess")).name == "Countess"
    assert api.user_snapshot().user.id == BOB
    api.clear_user()
    assert api.update_user(edit(profile, username="ada")).username == "ada"
    assert api.user_snapshot().user is None


def test_update_refusals(daemon):
    api = user_api(daemon)
    profile = api.select_user(person(nickname="ada"))
    assert isinstance(refused(400, api.update_user, code="invalid_body"), BadRequestException)
    stranger = UserProfile(id=str(uuid.uuid4()), name="Nobody", aesthetics=aesthetics())
    assert isinstance(refused(404, api.update_user, stranger, code="not_found"), NotFoundException)
    for members in (
        {"name": "x" * 201},
        {"name": ""},
        {"username": "not a name"},
        {"picture": "ftp://example.test/ada.png"},
        {"aesthetics": aesthetics(size=97)},
        {"aesthetics": aesthetics(size=5)},
    ):
        error = refused(400, api.update_user, edit(profile, **members), code="invalid_value")
        assert next(iter(members)) in str(error.body), error.body
    other = api.select_user(bob())
    refused(409, api.update_user, edit(other, username="ADA"), code="taken")
    assert daemon.call("GET", f"/users/{ADA}").json["name"] == "Ada Lovelace"


# user_beta_status


def beta(user, **members):
    return UserBetaStatus(user=user, auth0=Auth0UserBetaStatus(vision=AnonymousTemporalRange(**members)))


def test_beta_status_signed_out(daemon):
    assert isinstance(refused(511, user_api(daemon).user_beta_status, beta(ADA, continuous=True)), ServiceException)


def test_beta_status_opting_in_and_out(daemon):
    api = user_api(daemon)
    api.select_user(person())
    joined = api.user_beta_status(beta(ADA, continuous=True))
    assert (joined.user, joined.auth0.vision.continuous) == (ADA, True)
    start = joined.auth0.vision.var_from
    assert start is not None
    past = GroupedTimestamp.from_json('{"value": "2025-01-02T03:04:05.678Z"}')
    ended = api.user_beta_status(beta(ADA, to=past))
    assert ended.auth0.vision.to is not None
    # Without a section the question is only what holds.
    present = api.user_beta_status(UserBetaStatus(user=ADA))
    assert present.user == ADA
    assert present.auth0.vision.to == ended.auth0.vision.to


def test_beta_status_refusals(daemon):
    api = user_api(daemon)
    api.select_user(person())
    refused(400, api.user_beta_status, code="invalid_body")
    refused(404, api.user_beta_status, beta(str(uuid.uuid4()), continuous=True), code="not_found")
    late, early = (GroupedTimestamp.from_json(f'{{"value": "{year}-01-02T03:04:05Z"}}') for year in (2031, 2030))
    reversed_range = AnonymousTemporalRange.from_dict({"from": {"value": "2031-01-02T03:04:05Z"}, "to": {"value": "2030-01-02T03:04:05Z"}})
    assert (reversed_range.var_from, reversed_range.to) == (late, early)
    refused(400, api.user_beta_status, UserBetaStatus(user=ADA, auth0=Auth0UserBetaStatus(vision=reversed_range)), code="invalid_value")


# user_providers, user_update_vanity, refresh_user, stream_user


def test_providers_are_not_a_device_s_to_tell(daemon):
    assert isinstance(refused(501, user_api(daemon).user_providers, code="not_available_here"), ServiceException)
    user_api(daemon).select_user(person())
    assert isinstance(refused(501, user_api(daemon).user_providers, code="not_available_here"), ServiceException)


def test_vanity_needs_a_cloud(daemon):
    api = user_api(daemon)
    wish = UserProfile(id=ADA, vanityname="ada", aesthetics=aesthetics())
    assert isinstance(refused(511, api.user_update_vanity, wish), ServiceException)
    profile = api.select_user(person())
    assert isinstance(refused(511, api.user_update_vanity, edit(profile, vanityname="ada"), code="not_connected"), ServiceException)
    assert daemon.user().get("vanityname") is None


def test_refresh_answers_what_is_stored(daemon):
    api = user_api(daemon)
    assert isinstance(refused(401, api.refresh_user, code="not_signed_in"), UnauthorizedException)
    api.select_user(person())
    assert api.refresh_user().id == ADA


def test_stream_user_as_a_plain_get(daemon):
    api = user_api(daemon)
    assert api.stream_user() is None
    assert daemon.call("GET", "/user/stream").body == b"null"
    api.select_user(person())
    assert api.stream_user().id == ADA


# Beside the user: applications and signing in


def test_connecting_twice_gives_the_same_application(daemon):
    seed = SeededConnectorConnection(application=SeededTrackedApplication(name="OPEN_SOURCE", platform="LINUX", version="1.0.0"))
    api = ConnectorApi(client(daemon))
    first = api.connect(seeded_connector_connection=seed)
    assert first.user is None
    user_api(daemon).select_user(person())
    second = api.connect(seeded_connector_connection=seed)
    assert first.application.id == second.application.id
    assert second.user.id == ADA


def test_os_sign_in_waits_for_somebody_to_sign_in(daemon):
    outcome = []
    # A daemon thread: the call may stay open for minutes when the test fails.
    waiting = threading.Thread(target=lambda: outcome.append(OSApi(client(daemon)).sign_into_os()), daemon=True)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive(), outcome

    def signed_in():
        # The request may still be on its way, so the sign-in is repeated until it was there to see it.
        user_api(daemon).clear_user()
        user_api(daemon).select_user(person())
        waiting.join(0.3)
        return not waiting.is_alive()

    eventually("the end of the waiting sign-in", signed_in)
    assert outcome and outcome[0].id == ADA


def test_os_sign_out(daemon):
    user_api(daemon).select_user(person())
    OSApi(client(daemon)).sign_out_of_os()
    assert daemon.user() is None
    OSApi(client(daemon)).sign_out_of_os()
