"""The browser client that `postern dev` starts, in Chromium, with people who log in and an API that lets them in or not."""

import json
import os
import shutil
import subprocess

import pytest

from development import POSTERN
from processes import FOLDER

CHECKS = [
    "every page can be opened and looks right without a login",
    "a person with the permission reads all messages",
    "a person without the permission reads why not",
    "a reload stays logged in, without a third party's cookie and without a stored token",
    "a token that has ended is renewed, and a lost session is said",
    "an answer that belongs to no login is refused",
    "logout ends the session at the issuer too",
    "what the issuer sends stays text",
    "an API that does not answer, or hides its answer, is said",
]

SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: auth0-samples
    applications:
      - name: browser
        type: browser
        client_id: browser
        redirect_uris: ["{origin}/callback"]
        logout_uris: ["{origin}"]
        allowed_origins: ["{origin}"]
        first_party: true
"""


@pytest.fixture(scope="module")
def results(dev, tmp_path_factory):
    """The errors of the checks, by name."""
    folder = tmp_path_factory.mktemp("browser-client")
    (folder / "client.yaml").write_text(SETUP.format(origin=dev.client))
    command = [POSTERN, "apply", "--data", dev.data, "-f", folder / "client.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = {
        "client": dev.client,
        "issuer": dev.http,
        "people": [
            {"email": dev.env[name + "_EMAIL"], "password": dev.env[name + "_PASSWORD"]} for name in ("USER", "USER_WITHOUT_ROLE")
        ],
        "pictures": os.environ.get("POSTERN_PICTURES"),
        "chromium": shutil.which("chromium"),
    }
    path = folder / "given.json"
    path.touch(0o600)
    path.write_text(json.dumps(given))
    done = subprocess.run(
        ["node", FOLDER / "clients" / "browser_client.mjs", path],
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["error"] for line in lines}


@pytest.mark.parametrize("check", CHECKS)
def test_browser_client(results, check):
    assert results[check] is None, results[check]


def test_no_check_of_the_browser_client_is_left_out(results):
    assert set(results) == set(CHECKS)
