"""Postern's authorization server, used by a single-page application in a browser."""

import json
import os
import shutil
import socket
import subprocess

import pytest

from development import POSTERN
from processes import FOLDER

CHECKS = [
    "a wrong password is refused, and the right one leads back to the application",
    "with refresh tokens a token is renewed without a frame, and a reload stays logged in",
    "with third-party cookies a token is renewed in a frame, and a reload stays logged in",
    "without third-party cookies a frame answers login_required",
    "a person logs in in a popup",
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
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (folder / "spa.yaml").write_text(SETUP.format(origin=f"http://localhost:{port}"))
    command = [POSTERN, "apply", "--data", dev.data, "-f", folder / "spa.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = {
        "domain": dev.env["AUTH0_DOMAIN"],
        "clientId": "spa",
        "port": port,
        "user": dev.env["USER_EMAIL"],
        "password": dev.env["USER_PASSWORD"],
        "chromium": shutil.which("chromium"),
    }
    path = folder / "given.json"
    path.touch(0o600)
    path.write_text(json.dumps(given))
    done = subprocess.run(
        ["node", FOLDER / "clients" / "spa.mjs", path],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=480,  # longer than the checks allow themselves
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["error"] for line in lines}


@pytest.mark.parametrize("check", CHECKS)
def test_spa(results, check):
    assert results[check] is None, results[check]


def test_no_check_of_the_spa_is_left_out(results):
    assert set(results) == set(CHECKS)
