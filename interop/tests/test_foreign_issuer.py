"""Postern's sample APIs and token command, with an authorization server that is not ours."""

import json
import subprocess
import time

import pytest
import requests

from calling import get, statuses
from certificates import SigningKey, make_certificates
from development import POSTERN
from processes import FOLDER, Program

QUICKSTART = "https://quickstarts/api"
HELLO = "https://hello-world.example.com"
OPAQUE = "https://opaque.example.com"
OTHER = "https://other.example.com"
ROUTES = {
    "auth0-quickstart": ["/api/public", "/api/private", "/api/private-scoped"],
    "hello-world": ["/api/messages/public", "/api/messages/protected", "/api/messages/admin"],
    "zitadel-api": ["/api/public", "/api/private", "/api/private-scoped"],
}
RESOURCE = {"auth0-quickstart": QUICKSTART, "hello-world": HELLO, "zitadel-api": OPAQUE}


def client(name, **more):
    return {
        "client_id": name,
        "client_secret": f"secret-of-{name}",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        "scope": "read:messages",
        **more,
    }


class Issuer:
    """oidc-provider on a port of its own, which it has again after a stop."""

    def __init__(self, folder):
        self.folder = folder
        certificates = make_certificates()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_text(certificates.authority)
        api_key = SigningKey("api-key-1")
        self.key_file = folder / "api-key.json"
        self.key_file.write_text(
            json.dumps({"type": "application", "keyId": "api-key-1", "key": api_key.pem, "appId": "1", "clientId": "api-key"})
        )
        by_key = {
            "client_secret": None,
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [api_key.public]},
        }
        self.config = {
            "port": 0,
            "certificate": certificates.certificate,
            "key": certificates.key,
            "jwks": {"keys": [SigningKey("issuer-key-1").private]},
            "clients": [
                client("allowed"),
                client("other"),
                client("api-basic"),
                {name: value for name, value in client("api-key", **by_key).items() if value is not None},
            ],
            "resources": {
                OPAQUE: {"format": "opaque", "scope": "read:messages"},
                QUICKSTART: {"format": "jwt", "scope": "read:messages"},
                HELLO: {"format": "jwt", "scope": "read:messages"},
                OTHER: {"format": "opaque", "scope": "read:messages"},
            },
            "permissions": {"allowed": ["read:admin-messages"]},
        }
        self.start()

    def start(self):
        path = self.folder / "provider.json"
        path.touch(0o600)
        path.write_text(json.dumps(self.config))
        self.program = Program(["node", FOLDER / "issuer" / "provider.mjs", path], {}, self.folder)
        self.url = self.program.wait_for("issuer ")
        self.host = self.url.removeprefix("https://").removesuffix("/")
        self.config["port"] = int(self.host.rsplit(":", 1)[1])

    def stop(self):
        self.program.stop()

    def token(self, name, resource):
        answer = requests.post(
            self.url + "oauth/token",
            data={"grant_type": "client_credentials", "resource": resource, "scope": "read:messages" if name == "allowed" else None},
            auth=(name, f"secret-of-{name}"),
            verify=self.ca_file,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def variables(self, by_key=False):
        """The variables of our samples, which all know the same issuer."""
        variables = {
            "CA_FILE": str(self.ca_file),
            "AUTH0_DOMAIN": self.host,
            "API_IDENTIFIER": QUICKSTART,
            "AUTH0_AUDIENCE": HELLO,
            "CLIENT_ORIGIN_URL": "http://localhost:4040",
            "ZITADEL_DOMAIN": self.url,
            "PROJECT_ID": OPAQUE,
        }
        if by_key:
            return {**variables, "API_PRIVATE_KEY_FILE": str(self.key_file)}
        return {**variables, "API_CLIENT_ID": "api-basic", "API_CLIENT_SECRET": "secret-of-api-basic"}

    def start_api(self, name, by_key=False):
        program = Program([POSTERN, "api", name, "--listen=127.0.0.1:0"], self.variables(by_key), self.folder)
        return program, program.wait_for(f"{name} listens on ")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.stop()


APIS = {
    "auth0-quickstart": ("auth0-quickstart", False),
    "hello-world": ("hello-world", False),
    "zitadel-api with a secret": ("zitadel-api", False),
    "zitadel-api with a key": ("zitadel-api", True),
}


@pytest.fixture(scope="module", params=APIS.values(), ids=APIS)
def api(request, issuer):
    """The name and the URL of an API that has just been started."""
    name, by_key = request.param
    program, url = issuer.start_api(name, by_key)
    yield name, url
    program.stop()


def test_a_client_with_the_right_gets_in(issuer, api):
    name, url = api
    assert statuses(url, ROUTES[name], issuer.token("allowed", RESOURCE[name])) == [200, 200, 200]


def test_a_client_without_the_right_is_forbidden_what_needs_it(issuer, api):
    name, url = api
    assert statuses(url, ROUTES[name], issuer.token("other", RESOURCE[name])) == [200, 200, 403]


def test_a_token_for_another_resource_is_refused(issuer, api):
    name, url = api
    other = {"auth0-quickstart": HELLO, "hello-world": QUICKSTART, "zitadel-api": OTHER}[name]
    assert statuses(url, ROUTES[name], issuer.token("allowed", other)) == [200, 401, 401]


@pytest.mark.parametrize("token", [None, "garbage"], ids=["none", "garbage"])
def test_what_is_no_token_is_refused(api, token):
    name, url = api
    assert statuses(url, ROUTES[name], token) == [200, 401, 401]


# oidc-provider introspects no JWT at all, and says so with 400 unsupported_token_type.
@pytest.mark.parametrize("name", ["auth0-quickstart", "hello-world", "zitadel-api"])
def test_an_unsigned_jwt_is_refused(issuer, name):
    program, url = issuer.start_api(name)
    try:
        assert statuses(url, ROUTES[name], "eyJhbGciOiJub25lIn0.e30.") == [200, 401, 401]
    finally:
        program.stop()


def test_a_flood_of_jwts_spoils_no_good_token(issuer):
    program, url = issuer.start_api("zitadel-api")
    try:
        for n in range(20):
            get(url + "/api/private", f"eyJhbGciOiJub25lIn0.e30.{n:04}")
        assert statuses(url, ROUTES["zitadel-api"], issuer.token("allowed", OPAQUE)) == [200, 200, 200]
    finally:
        program.stop()


def test_the_token_command_gets_a_token(issuer):
    done = subprocess.run(
        [POSTERN, "token", "client-credentials", "--issuer", issuer.url, "--client-id=allowed", "--scope=read:messages"],
        env={"CA_FILE": str(issuer.ca_file), "CLIENT_ID": "allowed", "CLIENT_SECRET": "secret-of-allowed"},
        cwd=issuer.folder,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    program, url = issuer.start_api("zitadel-api")
    try:
        assert statuses(url, ROUTES["zitadel-api"], done.stdout.strip()) == [200, 200, 200]
    finally:
        program.stop()


@pytest.mark.parametrize("name, by_key", APIS.values(), ids=APIS)
def test_an_outage_of_the_issuer_is_503_and_passes(issuer, name, by_key):
    token = issuer.token("allowed", RESOURCE[name])
    issuer.stop()
    program, url = issuer.start_api(name, by_key)
    try:
        answers = [get(url + path, token) for path in ROUTES[name]]
        assert [a.status_code for a in answers] == [200, 503, 503]
        assert all(int(a.headers["Retry-After"]) > 0 for a in answers[1:])
        assert all("WWW-Authenticate" not in a.headers for a in answers)
        assert get(url + ROUTES[name][1]).status_code == 401

        issuer.start()
        # Opaque tokens do not outlive their provider, which keeps them in memory.
        token = issuer.token("allowed", RESOURCE[name])
        assert recovered(url + ROUTES[name][2], token) == 200
    finally:
        program.stop()


def recovered(url, token):
    """The first status that is not 503, asking again as often as the answer says."""
    deadline = time.monotonic() + 30
    while True:
        answer = get(url, token)
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer.status_code
        time.sleep(int(answer.headers["Retry-After"]))
