"""The APIs of the samples that verify JWTs, with tokens in the manner of Auth0."""

import pytest

from calling import get, statuses

QUICKSTART = ["/api/public", "/api/private", "/api/private-scoped"]
HELLO = ["/api/messages/public", "/api/messages/protected", "/api/messages/admin"]


@pytest.fixture(params=["quickstart_pyjwt", "quickstart_jose", "quickstart_authlib", "auth0-quickstart"])
def quickstart(request, dev, apis):
    return dev.samples.get(request.param) or apis(request.param)


@pytest.fixture(params=["hello_world", "hello-world"])
def hello(request, dev, apis):
    return dev.samples.get(request.param) or apis(request.param)


def test_the_quickstart_lets_a_client_with_the_scope_in(dev, quickstart):
    assert statuses(quickstart, QUICKSTART, dev.m2m_tokens["quickstart", True]) == [200, 200, 200]


def test_the_quickstart_forbids_the_scoped_route_without_the_scope(dev, quickstart):
    assert statuses(quickstart, QUICKSTART, dev.m2m_tokens["quickstart", False]) == [200, 200, 403]


def test_hello_world_lets_a_client_with_the_permission_in(dev, hello):
    assert statuses(hello, HELLO, dev.m2m_tokens["hello-world", True]) == [200, 200, 200]


def test_hello_world_forbids_the_admin_route_without_the_permission(dev, hello):
    assert statuses(hello, HELLO, dev.m2m_tokens["hello-world", False]) == [200, 200, 403]


def test_a_token_for_the_other_api_is_refused(dev, quickstart):
    assert statuses(quickstart, QUICKSTART, dev.m2m_tokens["hello-world", True]) == [200, 401, 401]


def test_hello_world_refuses_a_token_for_the_other_api(dev, hello):
    assert statuses(hello, HELLO, dev.m2m_tokens["quickstart", True]) == [200, 401, 401]


def test_an_opaque_token_is_refused(dev, quickstart):
    assert statuses(quickstart, QUICKSTART, dev.env["PAT"]) == [200, 401, 401]


def test_hello_world_refuses_an_opaque_token(dev, hello):
    assert statuses(hello, HELLO, dev.env["PAT"]) == [200, 401, 401]


def tampered(token):
    """The token with one bit of its signature turned."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def test_a_tampered_token_is_refused(dev, quickstart):
    assert statuses(quickstart, QUICKSTART, tampered(dev.m2m_tokens["quickstart", True])) == [200, 401, 401]


def test_hello_world_refuses_a_tampered_token(dev, hello):
    assert statuses(hello, HELLO, tampered(dev.m2m_tokens["hello-world", True])) == [200, 401, 401]


@pytest.mark.parametrize("path", QUICKSTART)
def test_the_quickstarts_say_the_same(dev, apis, path):
    token = dev.m2m_tokens["quickstart", True]
    ours, original = (get(url + path, token) for url in (dev.samples["auth0-quickstart"], apis("quickstart_pyjwt")))
    assert ours.json() == original.json()


@pytest.mark.parametrize("path", HELLO)
def test_the_hello_worlds_say_the_same(dev, apis, path):
    token = dev.m2m_tokens["hello-world", True]
    ours, original = (get(url + path, token) for url in (dev.samples["hello-world"], apis("hello_world")))
    assert ours.json() == original.json()


HEADERS = {
    "no header": lambda dev: None,
    "another scheme": lambda dev: "Basic YTpi",
    "a scheme alone": lambda dev: "Bearer",
    "two tokens": lambda dev: "Bearer a b",
    "garbage": lambda dev: "Bearer garbage",
    "a tampered token": lambda dev: "Bearer " + tampered(dev.m2m_tokens["quickstart", True]),
    "a token for another API": lambda dev: "Bearer " + dev.m2m_tokens["hello-world", True],
    "a token without the scope": lambda dev: "Bearer " + dev.m2m_tokens["quickstart", False],
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_the_quickstarts_refuse_in_the_same_words(dev, apis, header):
    answers = []
    for url in (dev.samples["auth0-quickstart"], apis("quickstart_pyjwt")):
        answer = get(url + "/api/private-scoped", authorization=header(dev))
        answers.append((answer.status_code, answer.json()["code"], answer.json()["description"]))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["no header", "another scheme", "a scheme alone", "two tokens", "garbage"])
def test_the_hello_worlds_refuse_alike(dev, apis, name):
    answers = []
    for url in (dev.samples["hello-world"], apis("hello_world")):
        answer = get(url + "/api/messages/protected", authorization=HEADERS[name](dev))
        answers.append((answer.status_code, answer.json()["message"], answer.json().get("error")))
    assert answers[0] == answers[1]
