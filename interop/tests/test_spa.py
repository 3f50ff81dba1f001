"""Postern's authorization server, used by a single-page application in a browser."""

import shutil

import pytest

from checks import apply, free_port, run_checks

CHECKS = [
    "a wrong password is refused, and the right one leads back to the application",
    "with refresh tokens a token is renewed without a frame, and a reload stays logged in",
    "with third-party cookies a token is renewed in a frame, and a reload stays logged in",
    "without third-party cookies a frame answers login_required",
    "a person logs in in a popup, and a token is renewed by refresh token",
    "with third-party cookies a person logs in in a popup, and a token is renewed in a frame",
    "a popup that the person closes, or answers with Cancel, is told to the application",
    "what the server refuses is told to the application, and not after a time-out",
    "logout with refresh tokens returns to the application, and the next login asks for the password",
    "logout with frames returns to the application, and the next login asks for the password",
]

# As dev's application `browser`, on a port that is free.
SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: auth0-samples
    applications:
      - name: spa
        type: browser
        client_id: spa
        redirect_uris: ["{origin}/callback"]
        logout_uris: ["{origin}/goodbye"]
        allowed_origins: ["{origin}"]
        first_party: true
"""


@pytest.fixture(scope="module")
def results(dev, tmp_path_factory):
    """The errors of the checks, by name."""
    folder = tmp_path_factory.mktemp("spa")
    port = free_port()
    apply(dev, folder, SETUP.format(origin=f"http://localhost:{port}"))
    given = {
        "domain": dev.env["AUTH0_DOMAIN"],
        "clientId": "spa",
        "port": port,
        "user": dev.env["USER_EMAIL"],
        "password": dev.env["USER_PASSWORD"],
        "chromium": shutil.which("chromium"),
    }
    return run_checks("spa.mjs", given, folder, timeout=480)  # longer than the checks allow themselves


@pytest.mark.parametrize("check", CHECKS)
def test_spa(results, check):
    assert results[check] is None, results[check]


def test_no_check_of_the_spa_is_left_out(results):
    assert set(results) == set(CHECKS)
