"""Single-page applications in a browser, each with an SDK that knows nothing of Postern."""

import shutil

import pytest

from checks import apply, free_port, run_checks
from development import POSTERN
from processes import Program

CHECKS = {
    "spa.mjs": [
        "a wrong password is refused, and the right one leads back to the application",
        "with refresh tokens a token is renewed without a frame, and a reload stays logged in",
        "with third-party cookies a token is renewed in a frame, and a reload stays logged in",
        "without third-party cookies a frame answers login_required",
        "a person logs in in a popup, and a token is renewed by refresh token",
        "with third-party cookies a person logs in in a popup, and a token is renewed in a frame",
        "a popup that the person closes, or answers with Cancel, is told to the application",
        "what the server refuses is told to the application, and not after a time-out",
        "over http, which no certificate has to be trusted for, a person logs in, tokens are renewed, and logout returns",
        "a stranger signs up by a link in a mail, and comes back to the application",
        "with useDpop tokens are bound to a key, and worth nothing without it",
        "logout with refresh tokens returns to the application, and the next login asks for the password",
        "logout with frames returns to the application, and the next login asks for the password",
    ],
    "samples.mjs": ["react.jsx", "angular.ts", "vue.js", "vue2.js", "svelte.js"],
    "oidc_client_ts.mjs": [
        "a person logs in by redirect, and the profile holds what userinfo says",
        "with offline_access a token is renewed by refresh token",
        "with third-party cookies a token is renewed in a frame",
        "without third-party cookies a frame answers login_required",
        "a person logs in in a popup",
        "revoked tokens are dead",
        "logout returns to the application with its state, and the next log-in asks for the password",
        "with dpop tokens are bound to a key, and worth nothing without it",
        "what the server refuses is told to the application",
    ],
}

# As dev's application `browser`, on a port that is free.
SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: auth0-samples
    applications:
      - name: spa
        type: browser
        client_id: spa
        redirect_uris: ["{origin}", "{origin}/callback"]
        logout_uris: ["{origin}", "{origin}/", "{origin}/goodbye"]
        allowed_origins: ["{origin}"]
        first_party: true
"""


@pytest.fixture(scope="module")
def run(dev, tmp_path_factory):
    """Runs a program once, and returns the errors of its checks by name."""
    folder = tmp_path_factory.mktemp("spa")
    port = free_port()
    origin = f"http://localhost:{port}"
    apply(dev, folder, SETUP.format(origin=origin))
    variables = {name: dev.env[name] for name in ("AUTH0_DOMAIN", "AUTH0_AUDIENCE", "CA_FILE")}
    api = Program([POSTERN, "api", "hello-world", "--listen=127.0.0.1:0"], {**variables, "CLIENT_ORIGIN_URL": origin}, folder)
    given = {
        "domain": dev.env["AUTH0_DOMAIN"],
        "plainDomain": dev.http.replace("localhost", "127.0.0.1"),
        "mails": dev.http + "/dev/mail",
        "issuer": dev.env["ZITADEL_DOMAIN"],
        "clientId": "spa",
        "audience": dev.env["AUTH0_AUDIENCE"],
        "api": api.wait_for("listens on "),
        "port": port,
        "user": dev.env["USER_EMAIL"],
        "password": dev.env["USER_PASSWORD"],
        "other": dev.env["USER_WITHOUT_ROLE_EMAIL"],
        "otherPassword": dev.env["USER_WITHOUT_ROLE_PASSWORD"],
        "chromium": shutil.which("chromium"),
    }
    results = {}

    def run(program):
        if program not in results:
            results[program] = run_checks(program, given, folder, timeout=480)  # longer than the checks allow themselves
        return results[program]

    yield run
    api.stop()


@pytest.mark.parametrize("program, check", [(program, check) for program, checks in CHECKS.items() for check in checks])
def test_spa(run, program, check):
    error = run(program)[check]
    assert error is None, error


@pytest.mark.parametrize("program", CHECKS)
def test_no_check_of_a_spa_is_left_out(run, program):
    assert set(run(program)) == set(CHECKS[program])
