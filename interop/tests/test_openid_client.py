"""Postern's authorization server, used by a client library that knows nothing of it."""

import json

import pytest

from checks import run_checks

CHECKS = [
    "the metadata names the issuer, as OpenID and as RFC 8414 have it",
    "a client gets a token by client_secret_basic, form-encoded",
    "a client gets a token by client_secret_post",
    "a client gets a token by private_key_jwt, and again by a new assertion",
    "a client gets a token by private_key_jwt whose header names no key, which is the default",
    "an assertion that names a key which is not the client's is invalid_client",
    "an assertion without kid by the key of another client is invalid_client",
    "an assertion does not serve twice",
    "a wrong secret is invalid_client",
    "an unknown resource is invalid_target",
    "introspection tells an API of a good token",
    "introspection says nothing of garbage",
    "a client that is no API introspects nothing",
    "a revoked token is inactive, and revoking twice is no error",
    "a token of another client cannot be revoked",
    "a JWT verifies against the published keys",
    "every published key has kid, use and alg, and nothing private",
]


@pytest.fixture(scope="module", params=["ZITADEL's form of the issuer", "Auth0's form of the issuer"])
def results(request, dev, tmp_path_factory):
    """The errors of the checks, by name."""
    slash = request.param.startswith("Auth0")
    given = {
        "issuer": f"https://{dev.env['AUTH0_DOMAIN']}/" if slash else dev.env["ZITADEL_DOMAIN"],
        "project": dev.env["PROJECT_ID"],
        "robot": {"id": dev.env["SERVICE_USER_CLIENT_ID"], "secret": dev.env["SERVICE_USER_CLIENT_SECRET"]},
        "jwtRobot": {"id": "robot-jwt", "secret": dev.read("more/robot-jwt-secret")},
        "api": {"id": dev.env["API_CLIENT_ID"], "secret": dev.env["API_CLIENT_SECRET"]},
        "strict": {"id": "strict-robot", "key": json.loads(dev.read("more/strict-robot-key.json"))},
        "strictAPI": {"id": "strict-api@samples", "key": json.loads(dev.read("more/strict-api-key.json"))},
    }
    return run_checks("openid_client.mjs", given, tmp_path_factory.mktemp("openid-client"), dev.trust)


@pytest.mark.parametrize("check", CHECKS)
def test_openid_client(results, check):
    assert results[check] is None, results[check]


def test_no_check_of_openid_client_is_left_out(results):
    assert set(results) == set(CHECKS)
