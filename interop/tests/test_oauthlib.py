"""oauthlib's client for the grant of RFC 7523: its assertions name no key and live for an hour."""

import json
import time

import requests
from oauthlib.oauth2 import ServiceApplicationClient

from calling import get


def ask(dev, key_file, scope, user=None, **claims):
    """The answer of the token endpoint to an assertion by the user, or by the one that the key belongs to."""
    key = json.loads(dev.read(key_file))
    user = user or key["userId"]
    client = ServiceApplicationClient(
        user, private_key=key["key"], subject=user, issuer=user, audience=dev.env["ZITADEL_DOMAIN"]
    )
    body = client.prepare_request_body(scope=scope.split(), **claims)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(dev.env["ZITADEL_TOKEN_URL"], data=body, headers=headers, verify=dev.env["CA_FILE"])
    if answer.status_code == 200:
        client.parse_request_body_response(answer.text, scope=scope.split())
        assert client.access_token == answer.json()["access_token"]
    return answer


def scope(dev):
    return f"openid urn:zitadel:iam:org:project:id:{dev.env['PROJECT_ID']}:aud read:messages"


def test_a_service_gets_a_token_that_its_api_takes(dev):
    answer = ask(dev, "generated/service-user-key.json", scope(dev))
    assert answer.status_code == 200, answer.text
    assert get(dev.samples["zitadel-api"] + "/api/private-scoped", answer.json()["access_token"]).status_code == 200


def test_a_key_for_short_assertions_takes_them_short_and_once(dev):
    def strict(**claims):
        return ask(dev, "more/strict-robot-key.json", scope(dev), **claims)

    soon = time.time() + 60
    assert strict(expires_at=soon, jwt_id="once").status_code == 200
    for wrong in ({"expires_at": soon, "jwt_id": "once"}, {"expires_at": soon}, {"jwt_id": "for an hour"}):
        answer = strict(**wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), wrong


def test_an_assertion_by_the_key_of_another_is_refused(dev):
    user = json.loads(dev.read("generated/service-user-key.json"))["userId"]
    answer = ask(dev, "more/robot-jwt-key.json", scope(dev), user)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
