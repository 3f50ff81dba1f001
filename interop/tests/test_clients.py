"""The token generators of the samples: what they print, and how they end."""

import json
import ssl
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from development import USERS
from processes import run_client

GENERATORS = ["client_credentials", "jwt_profile"]


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("form, role", USERS)
def test_a_generator_prints_the_answer_and_the_token(dev, generator, form, role):
    done = run_client(generator, dev.environment(USERS[form, role]), dev.folder)
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines), done.stderr) == (0, 2, "")
    assert lines[0].startswith("Response: {") and "'access_token': " in lines[0]
    assert lines[1].startswith("Access token: ") and lines[1].removeprefix("Access token: ") in lines[0]


@pytest.mark.parametrize("role", [True, False], ids=["with the role", "without it"])
def test_the_answer_says_whether_the_bare_scope_was_granted(dev, role):
    done = run_client("client_credentials", dev.environment(USERS["opaque", role]), dev.folder)
    granted = done.stdout.split("'scope': '")[1].split("'")[0].split() if "'scope': " in done.stdout else None
    if role:
        assert granted is None or "read:messages" in granted
    else:
        assert granted is not None and "read:messages" not in granted


@pytest.mark.parametrize(
    "generator, wrong, status, code",
    [
        ("client_credentials", {"CLIENT_SECRET": "a+b%2Fc:d&e=f"}, 401, "invalid_client"),
        ("client_credentials", {"CLIENT_ID": "nobody"}, 401, "invalid_client"),
        ("jwt_profile", {"ZITADEL_DOMAIN": "https://elsewhere.example"}, 400, "invalid_grant"),
    ],
    ids=["a wrong secret", "an unknown client", "an assertion for elsewhere"],
)
def test_a_refusal_is_printed_and_the_exit_code_is_0(dev, generator, wrong, status, code):
    done = run_client(generator, {**dev.environment(USERS["opaque", True]), **wrong}, dev.folder)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Error: {status} - ")
    assert json.loads(done.stdout.split(" - ", 1)[1])["error"] == code


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_server_that_is_down_ends_the_generator_with_1(dev, generator):
    down = {"ZITADEL_TOKEN_URL": "https://127.0.0.1:1/oauth/v2/token"}
    done = run_client(generator, {**dev.environment(USERS["opaque", True]), **down}, dev.folder)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_is_good_by_the_letter_of_rfc_5280(dev, host):
    context = ssl.create_default_context(cafile=dev.env["CA_FILE"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    port = urlsplit(dev.https).port
    with urlopen(f"https://{host}:{port}/healthz", context=context) as answer:
        assert answer.status == 200
