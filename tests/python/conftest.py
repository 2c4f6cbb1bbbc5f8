import importlib.metadata
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import daemon as daemons
import provider as providers


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


SDK = version("pieces_os_client")
# Each venv holds one client, and collects the tests of that client.
needs = {
    "test_user_api.py": SDK,
    "test_user_api_5.py": SDK and SDK.startswith("5."),
    "test_pieces_client.py": SDK,
    "test_streams.py": SDK and SDK.startswith("5."),
    "test_cloud.py": SDK and SDK.startswith("5."),
    "test_cloud_device.py": SDK and SDK.startswith("5."),
    "test_pkce.py": SDK and SDK.startswith("5."),
    "test_cli.py": version("pieces-cli"),
}
collect_ignore = [name for name, client in needs.items() if not client]


def pytest_report_header():
    return f"clients: pieces_os_client {SDK}, pieces-cli {version('pieces-cli')}"


@pytest.fixture
def daemon():
    with daemons.Daemon() as running:
        yield running
        # Shown by pytest when the test has failed.
        print(running.log_text()[-4000:])


@pytest.fixture
def discoverable():
    with daemons.discoverable() as running:
        yield running
        print(running.log_text()[-4000:])


@pytest.fixture
def provider():
    with providers.running() as url:
        yield url


@pytest.fixture
def signing_in(provider):
    """A daemon where people sign in with a provider."""
    with daemons.Daemon(configuration=providers.configuration(provider)) as running:
        yield running
        print(running.log_text()[-4000:])


@pytest.fixture
def discoverable_signing_in(provider):
    with daemons.discoverable(providers.configuration(provider)) as running:
        yield running
        print(running.log_text()[-4000:])
