"""What the console offers for an API to protect a route with, run with the libraries that it names."""

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from calling import get
from processes import FOLDER, Program

SNIPPETS = FOLDER.parent / "server" / "internal" / "snippet" / "protect"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def filled(language, values, port):
    """The server as the console writes it, but at a port of its own and saying when it listens."""
    code = (SNIPPETS / f"{language}.txt").read_text()
    for name, value in values.items():
        code = code.replace(f"«{name}»", json.dumps(value))
    assert "«" not in code
    assert code.count("6060") == 1
    return code.replace("6060", str(port))


@pytest.fixture(params=["python", "node"])
def start(request, dev, tmp_path):
    running = []

    def started(**changed):
        port = free_port()
        issuer = f"https://{dev.env['AUTH0_DOMAIN']}/"
        values = {
            "issuer": issuer, "keys": issuer + ".well-known/jwks.json", "algorithm": "RS256",
            "audience": dev.env["AUTH0_AUDIENCE"], "permission": "read:admin-messages", **changed,
        }
        code = filled(request.param, values, port)
        if request.param == "python":
            (tmp_path / "api.py").write_text(code)
            program = Program([FOLDER / ".venv/bin/python", "api.py"], dev.trust, tmp_path)
            program.wait_for("Running on")
        else:
            # Where node finds the packages of this folder.
            file = FOLDER / "node_modules" / f".protect-{port}.mjs"
            file.write_text(code.replace('"127.0.0.1");', '"127.0.0.1", () => console.log("Running on it"));'))
            program = Program(["node", file], dev.trust, FOLDER)
            program.wait_for("Running on")
            file.unlink()
        running.append(program)
        return f"http://127.0.0.1:{port}/"

    yield started
    for program in running:
        program.stop()


def test_whoever_has_the_permission_comes_in_and_nobody_else(dev, start):
    url = start()
    may, may_not = dev.m2m_tokens["hello-world", True], dev.m2m_tokens["hello-world", False]
    head, _, signature = may.rpartition(".")
    answers = [
        get(url, token).status_code
        for token in (may, may_not, None, "nonsense", dev.m2m_tokens["quickstart", True], dev.env["PAT"],
                      f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")
    ]
    assert answers == [200, 403, 401, 401, 401, 401, 401]
    assert re.fullmatch(r"Hello \S+\n", get(url, may).text)
    assert get(url, "nonsense").headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_without_a_permission_a_good_token_is_enough(dev, start):
    url = start(permission="")
    assert [get(url, dev.m2m_tokens["hello-world", good]).status_code for good in (True, False)] == [200, 200]
    assert get(url, dev.m2m_tokens["quickstart", True]).status_code == 401


def test_keys_that_cannot_be_read_are_an_outage(dev, start):
    url = start(keys=f"http://127.0.0.1:{free_port()}/keys")
    assert get(url, dev.m2m_tokens["hello-world", True]).status_code == 503
    assert get(url, "nonsense").status_code == 401


@pytest.fixture
def answering():
    """Serves one answer for the keys, and returns its address."""
    servers = []

    def address(status, body):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/keys"

    yield address
    for server in servers:
        server.shutdown()


@pytest.mark.parametrize("status, body", [(500, b""), (200, b"<html>Sign in to the network</html>"), (200, b"{}")])
def test_what_is_not_a_key_set_is_an_outage(dev, start, answering, status, body):
    url = start(keys=answering(status, body))
    assert get(url, dev.m2m_tokens["hello-world", True]).status_code == 503
