"""Tokens in the shape of dex's, which cannot be told from its ID tokens."""

import sys

import pytest
import requests

from calling import get, statuses
from development import POSTERN
from processes import FOLDER, Program, start_go

CLIENT = "example-app"
SUBJECT = "Cg0wLTM4NS0yODA4OS0wEgRtb2Nr"


class Dex:
    def __init__(self, folder):
        self.folder = folder
        self.program = Program([sys.executable, FOLDER / "issuer" / "dex.py", "0"], {}, folder)
        self.issuer = self.program.wait_for("issuer ")

    def tokens(self):
        answer = requests.post(self.issuer + "/token", data={"sub": SUBJECT}, timeout=20).json()
        return answer["access_token"], answer["id_token"]

    def api(self, **variables):
        """An API that verifies offline."""
        return start_go("dexapi", {"ISSUER": self.issuer, "AUDIENCE": CLIENT, **variables}, self.folder)


@pytest.fixture(scope="module")
def dex(tmp_path_factory):
    dex = Dex(tmp_path_factory.mktemp("dex"))
    yield dex
    dex.program.stop()


def test_introspection_takes_an_access_token_until_it_is_revoked(dex):
    # zitadel-api is our sample that introspects; dex asks for no client authentication, so any will do.
    variables = {"ZITADEL_DOMAIN": dex.issuer, "PROJECT_ID": CLIENT, "API_CLIENT_ID": CLIENT, "API_CLIENT_SECRET": "secret"}
    program = Program([POSTERN, "api", "zitadel-api", "--listen=127.0.0.1:0"], variables, dex.folder)
    url = program.wait_for("zitadel-api listens on ")
    try:
        good, revoked = dex.tokens()[0], dex.tokens()[0]
        assert requests.post(dex.issuer + "/revoke", data={"token": revoked}, timeout=20).status_code == 200
        routes = ["/api/public", "/api/private", "/api/private-scoped"]
        assert statuses(url, routes, good) == [200, 200, 403]
        assert statuses(url, routes, revoked) == [200, 401, 401]
    finally:
        program.stop()


def test_offline_a_jwt_is_refused_and_the_reason_leads_to_introspection(dex):
    program, url = dex.api()
    try:
        for token in dex.tokens():
            answer = get(url, token)
            assert answer.status_code == 401
            assert "at_hash" in answer.headers["Postern-Explanation"]
            assert "introspection" in answer.headers["Postern-Explanation"]
    finally:
        program.stop()


def test_offline_a_jwt_passes_where_the_operator_takes_id_tokens_too(dex):
    program, url = dex.api(ACCEPT_ID_TOKENS="true")
    try:
        for token in dex.tokens():
            assert (get(url, token).status_code, get(url, token).text) == (200, SUBJECT)
            head, _, signature = token.rpartition(".")
            assert get(url, head + "." + signature[::-1]).status_code == 401
    finally:
        program.stop()
    program, url = dex.api(ACCEPT_ID_TOKENS="true", AUDIENCE="another-app")
    try:
        assert get(url, dex.tokens()[0]).status_code == 401
    finally:
        program.stop()
