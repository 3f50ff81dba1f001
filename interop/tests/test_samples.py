"""The single-page samples' flow, with the SDK of each framework: a person goes through the application's pages, which
call Postern's sample API."""

import shutil

import pytest

from checks import apply, free_port, run_checks
from development import POSTERN
from processes import Program

APPLICATIONS = ["react.jsx", "angular.ts", "vue.js", "vue2.js", "svelte.js"]

# As dev's application `browser`, on a port that is free.
SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: auth0-samples
    applications:
      - name: samples
        type: browser
        client_id: samples
        redirect_uris: ["{origin}", "{origin}/callback"]
        logout_uris: ["{origin}", "{origin}/"]
        allowed_origins: ["{origin}"]
        first_party: true
"""


@pytest.fixture(scope="module")
def results(dev, tmp_path_factory):
    """The errors of the checks, by name."""
    folder = tmp_path_factory.mktemp("samples")
    port = free_port()
    origin = f"http://localhost:{port}"
    apply(dev, folder, SETUP.format(origin=origin))
    variables = {name: dev.env[name] for name in ("AUTH0_DOMAIN", "AUTH0_AUDIENCE", "CA_FILE")}
    api = Program([POSTERN, "api", "hello-world", "--listen=127.0.0.1:0"], {**variables, "CLIENT_ORIGIN_URL": origin}, folder)
    given = {
        "domain": dev.env["AUTH0_DOMAIN"],
        "clientId": "samples",
        "audience": dev.env["AUTH0_AUDIENCE"],
        "api": api.wait_for("listens on "),
        "port": port,
        "user": dev.env["USER_EMAIL"],
        "password": dev.env["USER_PASSWORD"],
        "other": dev.env["USER_WITHOUT_ROLE_EMAIL"],
        "otherPassword": dev.env["USER_WITHOUT_ROLE_PASSWORD"],
        "chromium": shutil.which("chromium"),
    }
    yield run_checks("samples.mjs", given, folder, timeout=360)
    api.stop()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_sample(results, application):
    assert results[application] is None, results[application]


def test_no_sample_is_left_out(results):
    assert set(results) == set(APPLICATIONS)
