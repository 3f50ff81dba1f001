"""Go programs of other frameworks: APIs that Postern's library protects, and a client of its server."""

import json
import os
import subprocess

import pytest

from calling import get
from processes import GO_PROGRAMS, START, start_go


def variables(dev):
    return {
        **dev.trust,
        "ISSUER": f"https://{dev.env['AUTH0_DOMAIN']}/",
        "AUDIENCE": dev.env["API_IDENTIFIER"],
        "SCOPE": "read:messages",
    }


@pytest.fixture(scope="module", params=["fiberv2", "fiberv3"])
def fiber(request, dev):
    program, url = start_go(request.param, variables(dev), dev.folder)
    yield url
    program.stop()


def test_fiber_hands_the_token_to_the_handler(dev, fiber):
    for allowed, client in ((True, "M2M_CLIENT_ID"), (False, "M2M_WITHOUT_SCOPE_CLIENT_ID")):
        answer = get(fiber + "/private", dev.m2m_tokens["quickstart", allowed])
        assert (answer.status_code, answer.text) == (200, dev.env[client])


def test_fiber_answers_as_the_guard_decides(dev, fiber):
    allowed, other = (dev.m2m_tokens["quickstart", role] for role in (True, False))
    foreign = dev.m2m_tokens["hello-world", True]
    assert [get(fiber + "/private-scoped", token).status_code for token in (allowed, other, foreign, None)] == [200, 403, 401, 401]
    refused = get(fiber + "/private-scoped", other)
    assert 'scope="read:messages"' in refused.headers["WWW-Authenticate"]
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_fiber_keeps_no_token_for_the_next_request(dev, fiber):
    token = dev.m2m_tokens["quickstart", True]
    for _ in range(10):
        assert get(fiber + "/optional", token).text == dev.env["M2M_CLIENT_ID"]
        assert get(fiber + "/optional").text == "a stranger"


@pytest.fixture(scope="module")
def grpc(dev):
    program, address = start_go("grpcapi", variables(dev), dev.folder)

    def call(*authorization):
        done = subprocess.run(
            [GO_PROGRAMS / "grpccall", address, *authorization], capture_output=True, text=True, timeout=START
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield call
    program.stop()


def test_grpc_hands_the_token_to_the_service(dev, grpc):
    answer = grpc("Bearer " + dev.m2m_tokens["quickstart", True])
    assert (answer["status"], answer["client"]) == ("OK", [dev.env["M2M_CLIENT_ID"]])


def test_grpc_refuses_as_the_guard_decides(dev, grpc):
    token = dev.m2m_tokens["quickstart", True]
    other = grpc("Bearer " + dev.m2m_tokens["quickstart", False])
    assert other["status"] == "PermissionDenied" and 'scope="read:messages"' in other["challenge"][0]
    expected = {
        (): "Unauthenticated",
        ("Bearer garbage",): "Unauthenticated",
        (token,): "Unauthenticated",
        ("Bearer " + dev.m2m_tokens["hello-world", True],): "Unauthenticated",
        ("Bearer " + token, "Bearer " + token): "InvalidArgument",
    }
    for authorization, status in expected.items():
        answer = grpc(*authorization)
        assert (answer["status"], answer["client"], len(answer["challenge"])) == (status, None, 1), authorization


# Up to version 3.47 this relying party sends its secret in the header and in the body.
def test_a_relying_party_of_zitadel_oidc_revokes_its_token(dev):
    environment = {
        **dev.trust,
        "ISSUER": dev.env["ZITADEL_DOMAIN"],
        "CLIENT_ID": dev.env["SERVICE_USER_CLIENT_ID"],
        "CLIENT_SECRET": dev.env["SERVICE_USER_CLIENT_SECRET"],
        "SCOPE": f"openid urn:zitadel:iam:org:project:id:{dev.env['PROJECT_ID']}:aud read:messages",
    }
    command = [GO_PROGRAMS / "revoke"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stderr
    assert get(dev.samples["zitadel-api"] + "/api/private", done.stdout.strip()).status_code == 401
    wrong = {**environment, "CLIENT_SECRET": "wrong"}
    done = subprocess.run(command, env={**os.environ, **wrong}, capture_output=True, text=True, timeout=START)
    assert done.returncode == 1 and "invalid_client" in done.stderr
