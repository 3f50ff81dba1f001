"""A program on a person's machine, which is called back at a port of the machine or by a scheme of its own."""

import subprocess
import sys

import pytest

from browser import Browser
from development import POSTERN
from processes import FOLDER, Waiting

SETUP = """
organization: {name: Postern, primary_domain: postern.localhost}
projects:
  - name: native
    applications:
      - name: Desk
        type: native
        client_id: desk
        redirect_uris: ["http://127.0.0.1/callback", "http://[::1]/callback", "com.example.desk:/callback"]
"""


@pytest.fixture(scope="module")
def setup(dev, tmp_path_factory):
    path = tmp_path_factory.mktemp("native") / "native.yaml"
    path.write_text(SETUP)
    done = subprocess.run([POSTERN, "apply", "--data", dev.data, "-f", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def desk(request, dev, setup, tmp_path):
    redirect, dialect = request.param
    issuer = f"https://{dev.env['AUTH0_DOMAIN']}/" if dialect == "Auth0" else dev.env["ZITADEL_DOMAIN"]
    given = {"issuer": issuer, "id": "desk", "scope": "openid profile offline_access", "redirect": redirect}
    desk = Waiting([sys.executable, FOLDER / "clients" / "native_login.py"], given, dev, tmp_path)
    desk.redirect = redirect
    yield desk
    desk.stop()


LOOPBACK, LOOPBACK6, SCHEME = "http://127.0.0.1/callback", "http://[::1]/callback", "com.example.desk:/callback"
EVERY = [(redirect, dialect) for redirect in (LOOPBACK, LOOPBACK6, SCHEME) for dialect in ("ZITADEL", "Auth0")]


def finish(browser, desk, page, **answer):
    """Answer the last page, and bring the answer to the program as a browser or the system does."""
    page = browser.send(page, follow=False, **answer)
    if "Location" in page.headers:
        # Browsers launch a program from a redirect, but not from a page that moves on by itself.
        assert page.status_code == 303 and page.headers["Location"].startswith("com.example.desk:")
        desk.called_back(page.headers["Location"])
    else:
        browser.go_on(page)


@pytest.mark.parametrize("desk", EVERY, ids=", ".join, indirect=True)
def test_a_person_logs_in_and_allows_the_program(dev, desk):
    browser = Browser(dev)
    page = browser.log_in(browser.open(desk.url))
    assert "Desk" in page.text and ("a program on this computer" in page.text) == desk.redirect.startswith("http")
    finish(browser, desk, page, answer="allow")
    got = desk.result()
    assert got["userinfo"]["name"] == "Uma User", got
    assert got["renewed"]["refresh_token"] != got["tokens"]["refresh_token"] and "id_token" in got["renewed"]
    assert got["again"]["error"] == "invalid_grant"


@pytest.mark.parametrize("desk", [(LOOPBACK, "ZITADEL"), (SCHEME, "ZITADEL")], ids=", ".join, indirect=True)
def test_a_person_refuses_and_the_program_is_told(dev, desk):
    browser = Browser(dev)
    finish(browser, desk, browser.log_in(browser.open(desk.url), user="USER_WITHOUT_ROLE"), answer="cancel")
    assert desk.result() == {"error": "access_denied"}


@pytest.mark.parametrize("desk", [(LOOPBACK, "ZITADEL")], ids=", ".join, indirect=True)
@pytest.mark.parametrize("other", ["127.0.0.1%3A80%2Fother", "localhost%3A80%2Fcallback", "127.0.0.1.example.com%2Fcallback", "127.0.0.1%40example.com%2Fcallback"])
def test_any_port_will_do_and_nothing_else(dev, desk, other):
    head, tail = desk.url.split("127.0.0.1%3A", 1)
    page = Browser(dev).open(head + other + "&" + tail.split("&", 1)[1])
    assert page.status_code == 400 and "is not registered" in page.text
