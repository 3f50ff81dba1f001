"""The introspecting APIs of the samples, with every kind of service user."""

import pytest

from calling import get, statuses
from development import USERS

PATHS = ["/api/public", "/api/private", "/api/private-scoped"]
# By API: the status for a good token without the role, and for an inactive token. Two of the originals read
# exp before active, which an inactive answer does not have.
APIS = {
    "introspection_basic": (401, 500),
    "introspection_assertion": (401, 500),
    "introspection_roles": (401, 401),
    "zitadel-api": (403, 401),
}
SOURCES = ["client_credentials", "jwt_profile", "personal access token"]
MESSAGES = [
    "Public route - You don't need to be authenticated to see this.",
    "Private route - You need to be authenticated to see this.",
    "Private, scoped route - You need to be authenticated and have the role read:messages to see this.",
]


class Api:
    def __init__(self, url, missing_role, inactive):
        self.url, self.missing_role, self.inactive = url, missing_role, inactive

    def statuses(self, token=None):
        return statuses(self.url, PATHS, token)


@pytest.fixture(params=APIS)
def api(request, dev, apis):
    url = dev.samples.get(request.param) or apis(request.param)
    return Api(url, *APIS[request.param])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("form, role", USERS)
def test_a_service_user_gets_in_by_its_role(dev, api, source, form, role):
    token = dev.tokens[source, form, role]
    assert api.statuses(token) == [200, 200, 200 if role else api.missing_role]


def test_the_messages_are_those_of_the_samples(dev, api):
    token = dev.tokens["client_credentials", "opaque", True]
    assert [get(api.url + path, token).json() for path in PATHS] == [{"message": text} for text in MESSAGES]


def test_a_missing_role_is_told_by_its_code(dev, api):
    answer = get(api.url + "/api/private-scoped", dev.tokens["client_credentials", "opaque", False])
    assert answer.json()["code"] == "insufficient_scope"


def test_tokens_have_the_form_that_their_user_asks_for(dev):
    for (source, form, _), token in dev.tokens.items():
        jwt = form == "jwt" and source != "personal access token"
        assert (token.count(".") == 2) == jwt, (source, form)


@pytest.mark.parametrize("pat", ["PAT_EXPIRED", "PAT_DEACTIVATED"])
def test_a_dead_token_is_refused(dev, api, pat):
    assert api.statuses(dev.env[pat]) == [200, api.inactive, api.inactive]


@pytest.mark.parametrize(
    "token",
    ["garbage", "postern_pat_garbage", "e30.e30.e30", "a" * 5000],
    ids=["no token of ours", "our prefix alone", "an empty JWT", "five thousand letters"],
)
def test_a_strange_token_is_refused(api, token):
    assert api.statuses(token) == [200, api.inactive, api.inactive]


def test_no_token_is_refused(api):
    assert api.statuses() == [200, 401, 401]


def test_a_token_for_another_api_is_refused(dev, api):
    assert api.statuses(dev.m2m_tokens["quickstart", True]) == [200, api.inactive, api.inactive]


@pytest.mark.parametrize("token", ["garbage-{:04}", "eyJhbGciOiJub25lIn0.e30.{:04}"], ids=["opaque", "unsigned JWTs"])
def test_a_flood_of_strange_tokens_spoils_no_good_token(dev, api, token):
    for n in range(20):
        get(api.url + "/api/private", token.format(n))
    assert api.statuses(dev.generate("client_credentials", USERS["opaque", True])) == [200, 200, 200]
