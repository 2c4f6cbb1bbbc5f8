"""The operations that only SDK 5.0.1 has, on a device without a cloud and without an issuer."""

import datetime
import json
import uuid

import pytest
from daemon import eventually
from pieces_os_client.exceptions import (
    BadRequestException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from pieces_os_client.models.has_feature_access_enum import HasFeatureAccessEnum
from pieces_os_client.models.has_feature_access_input import HasFeatureAccessInput
from sdk import *

FEATURES = [feature.value for feature in HasFeatureAccessEnum if feature.value != "UNKNOWN"]
MODEL = {"allowedCloudModels": {"modelUniqueName": "gpt-4o"}}
ORGANIZATION = "0195a4c3-6b1e-4f0a-9c2d-0000000000ee"


def access(api, feature, context=None):
    return api.user_has_feature_access(HasFeatureAccessInput.from_dict({"feature": feature, "context": context}))


def verdict(answer):
    return answer.enabled, answer.can_use, answer.is_enterprise_user


# user_access_token


def test_access_token_needs_a_registered_application(daemon):
    refused(401, user_api(daemon).user_access_token, code="not_registered")
    user_api(daemon).select_user(person())
    refused(401, user_api(daemon).user_access_token, code="not_registered")
    refused(401, user_api(daemon, application=str(uuid.uuid4())).user_access_token, code="not_registered")


def test_access_token_of_a_registered_application(daemon):
    api = user_api(daemon, application=daemon.register())
    assert isinstance(refused(401, api.user_access_token, code="not_signed_in"), UnauthorizedException)
    api.select_user(person())
    # A local account has no token to give.
    assert isinstance(refused(501, api.user_access_token, code="not_available_here"), ServiceException)


# user_checkout, user_manage_subscriptions, user_paddle_refresh


@pytest.mark.parametrize("operation", ["user_checkout", "user_manage_subscriptions"])
def test_billing_pages_need_billing(daemon, operation):
    call = getattr(user_api(daemon), operation)
    assert isinstance(refused(401, call, code="not_signed_in"), UnauthorizedException)
    user_api(daemon).select_user(person())
    assert isinstance(refused(501, call, code="not_available_here"), ServiceException)


def test_paddle_refresh_without_billing(daemon):
    api = user_api(daemon)
    refused(401, api.user_paddle_refresh, code="not_signed_in")
    api.select_user(person())
    assert api.user_paddle_refresh().user.id == ADA


# stream_user_last_checked_in


def test_last_checked_in_as_a_plain_get(daemon):
    api = user_api(daemon)
    signed_out = api.stream_user_last_checked_in()
    # Signed out a plain GET answers `null`; a state without a user says the same.
    assert signed_out is None or signed_out.user_id is None
    api.select_user(person())
    assert api.stream_user_last_checked_in().user_id == ADA


# user_has_feature_access: the input


def test_every_feature_is_allowed_without_an_organization(daemon):
    api = user_api(daemon)
    api.select_user(person())
    for feature in FEATURES:
        assert verdict(access(api, feature)) == (True, True, False), feature


def test_every_feature_needs_somebody_signed_in(daemon):
    api = user_api(daemon)
    for feature in FEATURES:
        refused(401, access, api, feature, code="not_signed_in")
    # Before anything else is looked at.
    assert daemon.call("POST", "/user/has_feature_access", {}).status == 401


def test_contexts_of_a_user_without_an_organization(daemon):
    api = user_api(daemon)
    api.select_user(person())
    for feature, context in (
        ("ALLOWED_CLOUD_MODELS", MODEL),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", {"deniedWorkstreamPatternEngineSource": {"application": "Slack"}}),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", {"deniedWorkstreamPatternEngineWebsite": {"website": "https://example.test"}}),
        ("EXTERNAL_PROVIDER_PROCESSING", {"processing": {"processing": "CLOUD"}}),
    ):
        assert verdict(access(api, feature, context)) == (True, True, False), feature


def test_unknown_features(daemon):
    api = user_api(daemon)
    api.select_user(person())
    assert isinstance(refused(404, access, api, "UNKNOWN", code="not_found"), NotFoundException)
    # The SDK says UNKNOWN for every word it does not know; other clients send the word.
    assert daemon.call("POST", "/user/has_feature_access", {"feature": "TIME_TRAVEL"}).status == 404


def test_bad_input_has_its_own_model(daemon):
    daemon.sign_in(name="Ada")
    for body in (None, {}, {"feature": 7}):
        answer = daemon.call("POST", "/user/has_feature_access", body)
        assert answer.status == 400 and answer.json["code"] == "invalid_body" and answer.json["message"], answer


def test_bad_contexts(daemon):
    api = user_api(daemon)
    api.select_user(person())
    missing = refused(400, access, api, "ALLOWED_CLOUD_MODELS", {})
    assert isinstance(missing, BadRequestException) and missing.data.code == "missing_context", missing.body
    for feature, context in (
        ("ALLOWED_CLOUD_MODELS", {"allowedCloudModels": {"modelUniqueName": ""}}),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", {"deniedWorkstreamPatternEngineSource": {"application": ""}}),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", {"deniedWorkstreamPatternEngineWebsite": {"website": ""}}),
    ):
        empty = refused(400, access, api, feature, context)
        assert empty.data.code == "invalid_context", empty.body


@pytest.mark.parametrize(
    "feature, expected",
    [
        ("CONNECT_TO_CLOUD", "none"),
        ("SENTRY", "none"),
        ("EXTERNAL_PROVIDER_PROCESSING", "processing"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", "deniedWorkstreamPatternEngineSource"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", "deniedWorkstreamPatternEngineWebsite"),
    ],
)
def test_the_context_of_another_feature(daemon, feature, expected):
    api = user_api(daemon)
    api.select_user(person())
    foreign = refused(422, access, api, feature, MODEL)
    assert isinstance(foreign, UnprocessableEntityException)
    assert (foreign.data.expected_context_type, foreign.data.feature) == (expected, feature)
    assert foreign.data.message


# user_has_feature_access: organizations from policy files


def now():
    return {"value": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}


def write_policy(daemon, configuration, users, file="org.json", id=ORGANIZATION, name="Analytical Engines", kind="ORGANIZATION"):
    entity = {"id": id, "name": name, "type": kind, "created": now(), "updated": now(), "configuration": configuration}
    if users is not None:
        entity["users"] = {"iterable": [{"id": user} for user in users]}
    put(daemon, file, json.dumps(entity))


def put(daemon, file, text):
    folder = daemon.data / "policies"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Renamed into place, so that the daemon never reads half a file.
    draft = daemon.scratch / file
    draft.write_text(text)
    draft.rename(folder / file)


def becomes(api, expected, feature, context=None):
    answers = []

    def holds():
        answers.append(verdict(access(api, feature, context)))
        return answers[-1] == expected

    eventually(lambda: f"{feature} {context} to be {expected}, is {answers[-1]}", holds)
    return access(api, feature, context)


def associated(api, entity=ORGANIZATION):
    """Joins once the daemon has read the file that names the entity."""

    def joined():
        try:
            return api.user_associate_entity_with_http_info(ADA, entity).status_code == 204
        except NotFoundException:
            return False

    eventually("the entity to be known", joined)


RULES = {
    "externalCloud": {"connectToCloud": {"enabled": "DISABLED"}, "shareSnippet": {"enabled": "ENABLED"}, "reconnectToCloud": {"enabled": "UNKNOWN"}},
    "externalProvider": {
        "allowedCloudModels": {"enabled": "ENABLED", "allowedModels": {"iterable": [{"unique": "local-only"}]}},
        "deniedWorkstreamPatternEngineSources": {
            "enabled": "ENABLED",
            "deniedSources": {"iterable": [{"application": "Slack", "bundle_identifiers": ["com.tinyspeck.slackmacgap"]}]},
        },
        "deniedWorkstreamPatternEngineWebsites": {
            "enabled": "ENABLED",
            "deniedWebsites": {"iterable": [{"url": "https://bank.example"}, {"url": "https://example.test/private"}]},
        },
        "processing": {"enabled": "ENABLED", "processing": "LOCAL"},
    },
}


def test_an_organization_is_joined_and_left(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, RULES, users=[])
    associated(api)
    # Again, which changes nothing.
    assert api.user_associate_entity(ADA, ORGANIZATION) is None
    denied = access(api, "ALLOWED_CLOUD_MODELS", MODEL)
    assert verdict(denied) == (True, False, True)
    assert denied.reason.startswith("model_not_allowed"), denied.reason
    entities = api.user_snapshot().user.entities.iterable
    assert [entity.id for entity in entities] == [ORGANIZATION]
    assert (entities[0].reference.name, entities[0].reference.type) == ("Analytical Engines", "ORGANIZATION")

    assert api.user_disassociate_entity_with_http_info(ADA, ORGANIZATION).status_code == 204
    assert verdict(access(api, "ALLOWED_CLOUD_MODELS", MODEL)) == (True, True, False)
    assert not (daemon.user().get("entities") or {"iterable": []})["iterable"]
    api.user_disassociate_entity(ADA, ORGANIZATION)


def test_membership_survives_a_restart(daemon):
    user_api(daemon).select_user(person())
    write_policy(daemon, RULES, users=[])
    associated(user_api(daemon))
    daemon.restart()
    assert verdict(access(user_api(daemon), "ALLOWED_CLOUD_MODELS", MODEL)) == (True, False, True)


def test_associating_strangers(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, RULES, users=[])
    associated(api)
    stranger = str(uuid.uuid4())
    for operation in (api.user_associate_entity, api.user_disassociate_entity):
        assert isinstance(refused(404, operation, stranger, ORGANIZATION, code="not_found"), NotFoundException)
        assert isinstance(refused(404, operation, ADA, stranger, code="not_found"), NotFoundException)
        refused(404, operation, ADA, "e n/t", code="not_found")


def test_association_through_the_mirror_operations(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, RULES, users=[])
    path = f"/entity/{ORGANIZATION}/users/{{}}/{ADA}"
    eventually("the entity to be known", lambda: daemon.call("POST", path.format("associate")).status == 204)
    assert access(api, "SENTRY").is_enterprise_user
    assert daemon.call("POST", path.format("disassociate")).status == 204
    assert not access(api, "SENTRY").is_enterprise_user


def test_each_rule_of_an_organization(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, RULES, users=[ADA])
    becomes(api, (False, True, True), "CONNECT_TO_CLOUD")
    source = lambda **members: {"deniedWorkstreamPatternEngineSource": members}
    website = lambda url: {"deniedWorkstreamPatternEngineWebsite": {"website": url}}
    processing = lambda kind: {"processing": {"processing": kind}}
    for feature, context, expected, reason in (
        ("SHARE_SNIPPET", None, (True, True), None),
        ("RECONNECT_TO_CLOUD", None, (False, True), None),
        ("SENTRY", None, (True, True), None),
        ("ALLOWED_CLOUD_MODELS", {"allowedCloudModels": {"modelUniqueName": "local-only"}}, (True, True), None),
        ("ALLOWED_CLOUD_MODELS", MODEL, (True, False), "model_not_allowed"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", None, (True, True), None),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", source(application=" slack.EXE"), (True, False), "source_denied"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", source(application="x", bundleIdentifier="com.TinySpeck.slackmacgap"), (True, False), "source_denied"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES", source(application="Slacker"), (True, True), None),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", website("https://www.login.bank.example:443/x"), (True, False), "website_denied"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", website("https://notbank.example"), (True, True), None),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", website("https://example.test/private/page"), (True, False), "website_denied"),
        ("DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES", website("https://example.test/privateer"), (True, True), None),
        ("EXTERNAL_PROVIDER_PROCESSING", processing("LOCAL"), (True, True), None),
        ("EXTERNAL_PROVIDER_PROCESSING", processing("CLOUD"), (True, False), "processing_not_allowed"),
    ):
        answer = access(api, feature, context)
        assert verdict(answer) == (*expected, True), (feature, context, answer)
        if reason:
            assert answer.reason.startswith(reason) and "Analytical Engines" in answer.reason, (feature, context, answer.reason)


def test_the_most_restrictive_organization_wins(daemon):
    api = user_api(daemon)
    api.select_user(person())
    team = "0195a4c3-6b1e-4f0a-9c2d-0000000000ff"
    write_policy(daemon, {"externalCloud": {"shareSnippet": {"enabled": "DISABLED"}}}, users=None, file="team.json", id=team, name="Team", kind="TEAM")
    # A team alone does not make an enterprise user.
    becomes(api, (False, True, False), "SHARE_SNIPPET")
    write_policy(daemon, RULES, users=None)
    becomes(api, (False, True, True), "SHARE_SNIPPET")


def test_a_file_without_users_is_for_every_account(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, RULES, users=None)
    becomes(api, (True, False, True), "ALLOWED_CLOUD_MODELS", MODEL)
    api.select_user(bob())
    becomes(api, (True, False, True), "ALLOWED_CLOUD_MODELS", MODEL)


def test_a_file_with_users_is_for_them(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, RULES, users=[BOB])
    api.select_user(bob())
    becomes(api, (True, False, True), "ALLOWED_CLOUD_MODELS", MODEL)
    api.select_user(person())
    assert verdict(access(api, "ALLOWED_CLOUD_MODELS", MODEL)) == (True, True, False)


def test_a_file_is_read_again_when_it_changes(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, {"externalCloud": {"connectToCloud": {"enabled": "DISABLED"}}}, users=None)
    becomes(api, (False, True, True), "CONNECT_TO_CLOUD")
    write_policy(daemon, {"externalCloud": {"connectToCloud": {"enabled": "ENABLED"}}}, users=None)
    becomes(api, (True, True, True), "CONNECT_TO_CLOUD")
    (daemon.data / "policies/org.json").unlink()
    becomes(api, (True, True, False), "CONNECT_TO_CLOUD")


def test_a_bad_file_leaves_the_last_good_one_in_force(daemon):
    api = user_api(daemon)
    api.select_user(person())
    write_policy(daemon, {"externalCloud": {"connectToCloud": {"enabled": "DISABLED"}}}, users=None)
    becomes(api, (False, True, True), "CONNECT_TO_CLOUD")
    put(daemon, "org.json", "{ not json")
    # What the second file says shows that the first was looked at, too.
    write_policy(daemon, {"externalCloud": {"shareSnippet": {"enabled": "DISABLED"}}}, users=None, file="zeta.json", id=str(uuid.uuid4()), name="Zeta")
    becomes(api, (False, True, True), "SHARE_SNIPPET")
    assert verdict(access(api, "CONNECT_TO_CLOUD")) == (False, True, True)
    eventually("the log to name the bad file", lambda: "org.json" in daemon.log_text())
