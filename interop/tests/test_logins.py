"""People log in to programs and sites, each made with a client library that knows nothing of Postern."""

import pytest

from checks import apply, free_port, run_checks

CHECKS = {
    "openid_client_login.mjs": [
        "a person logs in to a program, and the ID token and userinfo say who it is",
        "a site asks for consent once, and gets what was allowed",
        "tokens are refreshed, and say the same of the person",
        "a code serves once, and its second use ends what came of the first",
        "a code is for its verifier alone, and a wrong one does not use it up",
        "a revoked refresh token ends the tokens of its log-in",
        "a wrong secret is told, and the code stays good",
        "what a person refuses is access_denied, and what needs a person is login_required",
        "an answer of another issuer, or with another state, is not taken",
        "a request is pushed with a proof, and the tokens are bound to its key",
        "a device is let in by its person, and waits until then",
        "max_age wants a fresh log-in, and auth_time is that of it",
        "logout with a hint returns with the state, and ends the session",
        "logout without a hint asks, and then returns",
    ],
    "oauth4webapi_login.mjs": [
        "both forms of the metadata hold what a log-in needs",
        "a person logs in, and the ID token is signed by a published key",
        "an answer by form_post is one",
        "a request is pushed, and serves one log-in",
        "tokens are bound to a key by its proofs, and are worth nothing without it",
        "a code is bound to the key that the request named",
        "a person holds a token of an API, with the permissions that are the person's",
    ],
}

# A program on people's own machines, and a site that is not ours.
SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: logins
    apis:
      - {{name: notes, identifier: https://notes.example.com, token: rfc9068, permissions: [read:notes, write:notes]}}
    applications:
      - name: Program
        type: native
        client_id: program
        redirect_uris: ["http://127.0.0.1/callback"]
        logout_uris: ["http://127.0.0.1:49152/goodbye"]
        first_party: true
      - {{name: Device, type: native, client_id: device, grants: ["urn:ietf:params:oauth:grant-type:device_code", refresh_token]}}
      - name: Site
        type: web
        client_id: site
        redirect_uris: ["{site}/callback"]
        logout_uris: ["{site}/goodbye"]
        secrets: [{{secret_file: site-secret}}]
users:
  - login: reader
    email: reader@example.com
    email_verified: true
    given_name: Rita
    family_name: Reader
    nickname: rita
    permissions: {{https://notes.example.com: [read:notes]}}
    password_file: reader-password
"""


@pytest.fixture(scope="module")
def logins(dev, tmp_path_factory):
    """Runs a program once for each form of the issuer, and returns the errors of its checks by name."""
    folder = tmp_path_factory.mktemp("logins")
    site = f"http://localhost:{free_port()}"
    apply(dev, folder, SETUP.format(site=site))
    secret = (folder / "site-secret").read_text().strip()
    results = {}

    def run(program, issuer):
        if (program, issuer) not in results:
            given = {
                "issuer": issuer,
                "user": "reader@example.com",
                "password": (folder / "reader-password").read_text().strip(),
                "site": {"id": "site", "secret": secret, "url": site, "callback": f"{site}/callback", "goodbye": f"{site}/goodbye"},
            }
            results[program, issuer] = run_checks(program, given, folder, dev.trust, timeout=120)
        return results[program, issuer]

    return run


@pytest.fixture(params=["ZITADEL's form of the issuer", "Auth0's form of the issuer"])
def issuer(request, dev):
    return f"https://{dev.env['AUTH0_DOMAIN']}/" if request.param.startswith("Auth0") else dev.env["ZITADEL_DOMAIN"]


@pytest.mark.parametrize("program, check", [(program, check) for program, checks in CHECKS.items() for check in checks])
def test_login(logins, issuer, program, check):
    error = logins(program, issuer)[check]
    assert error is None, error


@pytest.mark.parametrize("program", CHECKS)
def test_no_check_of_a_login_is_left_out(logins, issuer, program):
    assert set(logins(program, issuer)) == set(CHECKS[program])
