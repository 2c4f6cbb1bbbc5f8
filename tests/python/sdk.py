"""The two Python SDKs behind one set of names, and what the tests expect of every refusal."""

import importlib.metadata
import uuid

import pytest
from pieces_os_client.api.user_api import UserApi
from pieces_os_client.api_client import ApiClient
from pieces_os_client.configuration import Configuration
from pieces_os_client.exceptions import ApiException
from pieces_os_client.models.aesthetics import Aesthetics
from pieces_os_client.models.auth0_user import Auth0User
from pieces_os_client.models.auth0_user_metadata import Auth0UserMetadata
from pieces_os_client.models.font import Font
from pieces_os_client.models.theme import Theme
from pieces_os_client.models.user_profile import UserProfile

MAJOR = int(importlib.metadata.version("pieces_os_client").split(".")[0])
ADA = "0195a4c3-6b1e-4f0a-9c2d-0000000000aa"
BOB = "0195a4c3-6b1e-4f0a-9c2d-0000000000bb"


def client(daemon, application=None, bearer=None):
    configuration = Configuration(host=daemon.url)
    configuration.access_token = bearer
    api_client = ApiClient(configuration)
    if application:
        # The header that the wrappers set after /connect.
        api_client.set_default_header("application", application)
    return api_client


def user_api(daemon, **kinds):
    return UserApi(client(daemon, **kinds))


def person(name="Ada Lovelace", email="ada@example.test", global_id=ADA, **more):
    metadata = Auth0UserMetadata(global_id=global_id) if global_id else None
    return Auth0User(name=name, email=email, user_metadata=metadata, **more)


def bob():
    return person("Bob", "bob@example.test", BOB)


def refused(status, operation, *arguments, code=None):
    """The operation raises the SDK's exception for the status, with an answer in the documented shape of errors."""
    with pytest.raises(ApiException) as caught:
        operation(*arguments)
    error = caught.value
    assert error.status == status, (error.status, error.body, dict(error.headers or {}))
    headers = {name.lower(): value for name, value in error.headers.items()}
    assert headers.get("x-request-id"), headers
    assert headers.get("x-error-code"), headers
    if code:
        assert headers["x-error-code"] == code, (headers["x-error-code"], error.body)
    text = error.body.decode() if isinstance(error.body, bytes) else error.body
    assert text and text.strip() == text and "\n" not in text, text
    return error


def edit(profile, **members):
    """A profile as a program sends it back: what it read, with a few members changed."""
    return profile.copy(update=members) if MAJOR == 4 else profile.model_copy(update=members)


def aesthetics(dark=False, size=14):
    return Aesthetics(theme=Theme(dark=dark), font=Font(size=size))


def is_uuid7(text):
    return uuid.UUID(text).version == 7


__all__ = [name for name in dir() if not name.startswith("_")]
