"""Websites where people log in at Postern, each made with a library that knows nothing of it."""

import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from browser import Browser
from checks import free_port
from development import POSTERN
from processes import FOLDER, GO_PROGRAMS, START, Program

# interop/run builds it where there is a Java.
JAR = FOLDER / "parties" / "spring" / "target" / "party.jar"
COMMANDS = {
    "go-oidc": [GO_PROGRAMS / "goidc"],
    "zitadel/oidc": [GO_PROGRAMS / "zitadelrp"],
    "Authlib": [FOLDER / ".venv-parties" / "bin" / "python", FOLDER / "parties" / "flask_authlib.py"],
    "express-openid-connect": ["node", FOLDER / "parties" / "express_openid_connect.mjs"],
    "passport-auth0": ["node", FOLDER / "parties" / "passport_auth0.mjs"],
    "next-auth": ["node", FOLDER / "parties" / "next_auth.mjs"],
    "Spring Security": ["java", "-XX:TieredStopAtLevel=1", "-jar", JAR],
}
# How a website proves itself; "a challenge" is PKCE.
PROVES = {
    "go-oidc": ["a secret", "a secret and a challenge", "a challenge"],
    "zitadel/oidc": ["a secret", "a secret and a challenge", "a challenge", "a key"],
    "Authlib": ["a secret", "a secret and a challenge"],
    "express-openid-connect": ["a secret and a challenge"],
    "passport-auth0": ["a secret"],
    "next-auth": ["a secret", "a secret and a challenge"],
    "Spring Security": ["a secret", "a secret and a challenge"],
}
if not JAR.exists():
    del COMMANDS["Spring Security"]
ISSUERS = ["ZITADEL", "Auth0"]
CASES = [(library, proof, issuer) for library in COMMANDS for proof in PROVES[library] for issuer in ISSUERS]
# It knows Auth0's paths alone.
CASES.remove(("passport-auth0", "a secret", "ZITADEL"))

SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: parties
    applications:
      - name: {name}
        type: {type}
        client_id: {name}
        redirect_uris: ["{url}/callback", "{url}/auth/callback/postern"]
        logout_uris: ["{url}/goodbye"]
        first_party: true
{more}"""
PROOFS = {
    "a secret": ("web", "        insecure_no_pkce: true\n        secrets: [{secret_file: secret}]\n"),
    "a secret and a challenge": ("web", "        secrets: [{secret_file: secret}]\n"),
    "a challenge": ("browser", ""),
    # Its library makes assertions that live for an hour.
    "a key": ("web", "        insecure_no_pkce: true\n        keys: [{key_file: key.json, algorithm: RS256, compatibility: true}]\n"),
}


@dataclass
class Party:
    """A running website."""

    url: str
    issuer: str
    client_id: str


@pytest.fixture(scope="module", params=CASES, ids=", ".join)
def party(request, dev, tmp_path_factory):
    with running(dev, tmp_path_factory.mktemp("party"), *request.param) as party:
        yield party


@contextmanager
def running(dev, folder, library, proof, dialect, backchannel="", **more):
    """A website, with the address where it is told of logouts, and more variables of its environment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}"
    name = "-".join([library, proof, dialect, *more]).replace(" ", "-").replace("/", "-").lower()
    type, settings = PROOFS[proof]
    told = f"        backchannel_logout_uri: {backchannel}\n" if backchannel else ""
    (folder / "party.yaml").write_text(SETUP.format(name=name, type=type, url=url, more=told) + settings)
    done = subprocess.run([POSTERN, "apply", "--data", dev.data, "-f", folder / "party.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    issuer = f"https://{dev.env['AUTH0_DOMAIN']}/" if dialect == "Auth0" else dev.env["ZITADEL_DOMAIN"]
    variables = {
        **dev.trust,
        **trust_of_java(dev, folder, library),
        "ISSUER": issuer,
        "CLIENT_ID": name,
        "SCOPE": "openid profile email offline_access",
        "PKCE": str("challenge" in proof).lower(),
        "URL": url,
        "PORT": url.rsplit(":", 1)[1],
        **more,
    }
    if (folder / "secret").exists():
        variables["CLIENT_SECRET"] = (folder / "secret").read_text().strip()
    if (folder / "key.json").exists():
        variables["KEY_FILE"] = str(folder / "key.json")
    program = Program(COMMANDS[library], variables, folder)
    program.wait_for("listening on ")
    try:
        yield Party(url, issuer, name)
    finally:
        program.stop()


def trust_of_java(dev, folder, library):
    """Java reads no file of certificates as others do."""
    if library != "Spring Security":
        return {}
    store = folder / "trust.p12"
    command = ["keytool", "-importcert", "-noprompt", "-alias", "dev", "-file", dev.env["CA_FILE"], "-keystore", store, "-storepass", "changeit"]
    subprocess.run(command, check=True, capture_output=True)
    return {"JAVA_TOOL_OPTIONS": f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword=changeit"}


def arrived(page, party):
    assert page.status_code == 200 and page.url.rstrip("/") == party.url, f"{page.url} {page.status_code} {page.text}"
    return page.json()


def test_a_person_logs_in(dev, party):
    browser = Browser(dev)
    page = browser.open(party.url + "/login")
    assert page.url.startswith(party.issuer)
    known = arrived(browser.log_in(page), party)
    assert known["claims"]["name"] == known["userinfo"]["name"] == "Uma User"
    assert known["claims"]["sub"] == known["userinfo"]["sub"] != ""
    assert known["userinfo"]["email"] == dev.env["USER_EMAIL"]


def test_who_is_logged_in_is_not_asked_again(dev, party):
    browser = Browser(dev)
    first = arrived(browser.log_in(browser.open(party.url + "/login")), party)
    second = arrived(browser.open(party.url + "/login"), party)
    assert second["claims"]["sub"] == first["claims"]["sub"]
    assert second["access_token"] != first["access_token"]


def test_tokens_are_renewed(dev, party):
    browser = Browser(dev)
    tokens = [arrived(browser.log_in(browser.open(party.url + "/login")), party)]
    for _ in range(2):
        page = browser.open(party.url + "/renew")
        assert page.status_code == 200, page.text
        tokens.append(page.json())
    assert len({known["access_token"] for known in tokens}) == 3
    assert len({known["claims"]["sub"] for known in tokens}) == 1


def test_a_logout_ends_the_session_and_leads_back(dev, party):
    browser = Browser(dev)
    arrived(browser.log_in(browser.open(party.url + "/login")), party)
    page = browser.open(party.url + "/logout")
    assert page.text == "goodbye" and page.url.split("?")[0] == party.url + "/goodbye", f"{page.url} {page.text}"
    page = browser.open(party.url + "/login")
    assert page.url.startswith(party.issuer) and "current-password" in page.text


def test_a_person_who_cancels_is_told_to_the_website(dev, party):
    browser = Browser(dev)
    page = browser.send(browser.open(party.url + "/login"), answer="cancel")
    assert page.url.startswith(party.url) and page.status_code == 502 and "access_denied" in page.text


def test_a_website_that_wants_an_id_token_without_a_code_is_told_what_to_set(dev, tmp_path):
    with running(dev, tmp_path, "express-openid-connect", "a secret and a challenge", "Auth0", RESPONSE_TYPE="") as party:
        browser = Browser(dev)
        page = browser.send(browser.open(party.url + "/login"))  # as the script of the page does
        assert (page.url, page.status_code) == (party.url + "/callback", 502)
        assert page.text == (
            "unsupported_response_type: only response_type=code is offered"
            " (in express-openid-connect set authorizationParams.response_type to 'code', and a client secret)"
        )


@pytest.mark.parametrize("dialect", ISSUERS)
def test_a_website_is_told_of_a_logout_elsewhere(dev, certificates, tmp_path, dialect):
    port = free_port()
    backchannel = f"https://127.0.0.1:{port}/backchannel-logout"
    library, proof = "express-openid-connect", "a secret and a challenge"
    trust = {"TLS_CERTIFICATE": str(certificates / "certificate.pem"), "TLS_KEY": str(certificates / "key.pem")}
    with running(dev, tmp_path, library, proof, dialect, backchannel, BACKCHANNEL_PORT=str(port), **trust) as party:
        browser, other = Browser(dev), Browser(dev)
        for each, user in ((browser, "USER"), (other, "USER_WITHOUT_ROLE")):
            arrived(each.log_in(each.open(party.url + "/login"), user), party)
        asked = browser.open(party.issuer.rstrip("/") + ("/oidc/logout" if dialect == "Auth0" else "/oidc/v1/end_session"))
        browser.send(asked, answer="logout")
        deadline = time.monotonic() + START
        while browser.open(party.url + "/").status_code == 200:
            assert time.monotonic() < deadline, "the website has not been told"
            time.sleep(0.1)
        assert browser.open(party.url + "/").text == "nobody is logged in"
        assert other.open(party.url + "/").status_code == 200
