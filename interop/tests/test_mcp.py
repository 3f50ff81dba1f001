"""An MCP server that Postern protects, and the SDKs' clients, which obtain their tokens at Postern's
authorization server: they are told nothing but the server's URL and their own id, secret or key."""

import json
import os
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests

from browser import Browser
from checks import free_port
from development import POSTERN
from processes import FOLDER, GO_PROGRAMS, START, Waiting, start_go

SCOPE = "tools:whoami"
CLIENTS = {
    "TypeScript": ["node", FOLDER / "clients" / "mcp_client.mjs"],
    "Python": [FOLDER / ".venv-mcp" / "bin" / "python", FOLDER / "clients" / "mcp_client.py"],
}
PROVES = ["a secret", "a key"]
# By the name of the SDK.
LOGINS = {
    "Go": [GO_PROGRAMS / "mcplogin"],
    "Python": [FOLDER / ".venv-mcp" / "bin" / "python", FOLDER / "clients" / "mcp_login.py"],
    "TypeScript": ["node", FOLDER / "clients" / "mcp_login.mjs"],
}

# The API of an MCP server is the URL that clients call.
SETUP = """
organization: {{name: Postern, primary_domain: postern.localhost}}
projects:
  - name: mcp
    apis:
      - {{name: whoami, identifier: "{resource}", token: rfc9068, permissions: ["{scope}"]}}
    applications:
      - {{name: Assistant, type: native, client_id: assistant, redirect_uris: ["http://127.0.0.1/callback"]}}
service_users:
"""
USER = """
  - username: {name}
    permissions: {{"{resource}": [{granted}]}}
    secrets: [{{secret_file: {name}-secret}}]
    keys: [{{key_file: {name}-key.json}}]
"""
PERSON = """
users:
  - login: mcp-mia
    email: mcp-mia@example.com
    permissions: {{"{resource}": ["{scope}"]}}
    password_file: mcp-mia-password
"""
USERS = {"mcp-alice": f'"{SCOPE}"', "mcp-bob": f'"{SCOPE}"', "mcp-without-scope": ""}


class Server:
    """The MCP server, on a port that is chosen before it starts, for its URL is its audience."""

    def __init__(self, dev, folder, issuer, stateless):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{s.getsockname()[1]}"
        self.dev, self.folder, self.url = dev, folder, f"http://{address}/mcp"
        self.issuer = issuer
        document = SETUP.format(resource=self.url, scope=SCOPE)
        document += "".join(USER.format(name=name, granted=granted, resource=self.url) for name, granted in USERS.items())
        document += PERSON.format(resource=self.url, scope=SCOPE)
        (folder / "mcp.yaml").write_text(document)
        command = [POSTERN, "apply", "--data", dev.data, "-f", folder / "mcp.yaml"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        variables = {"ISSUER": self.issuer, "AUDIENCE": self.url, "SCOPE": SCOPE, "LISTEN": address}
        self.program, _ = start_go("mcpserver", {**dev.trust, **variables, "STATELESS": stateless}, folder)

    def run(self, client, user, proof):
        """What a client prints of its two calls."""
        given = {"url": self.url, "issuer": self.issuer, "id": user}
        if proof == "a secret":
            given["secret"] = (self.folder / f"{user}-secret").read_text().strip()
        else:
            given["key"] = json.loads((self.folder / f"{user}-key.json").read_text())["key"]
        path = self.folder / "given.json"
        path.touch(0o600)
        path.write_text(json.dumps(given))
        environment = {**os.environ, **self.dev.trust}
        done = subprocess.run([*CLIENTS[client], path], env=environment, capture_output=True, text=True, timeout=2 * START)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def token(self, user):
        answer = requests.post(
            self.dev.env["ZITADEL_TOKEN_URL"],
            data={"grant_type": "client_credentials", "resource": self.url, "scope": SCOPE},
            auth=(user, (self.folder / f"{user}-secret").read_text().strip()),
            verify=self.dev.env["CA_FILE"],
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def post(self, token, method, session=None, **params):
        """One message to the server, as any client may send it."""
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if session:
            headers["Mcp-Session-Id"] = session
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if not method.startswith("notifications/"):
            message["id"] = 1
        return requests.post(self.url, json=message, headers=headers, timeout=20)

    def open(self, token):
        """The id of a new session."""
        info = {"name": "interop", "version": "1.0.0"}
        answer = self.post(token, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=info)
        assert answer.status_code == 200, answer.text
        session = answer.headers["Mcp-Session-Id"]
        assert self.post(token, "notifications/initialized", session).status_code == 202
        return session


@pytest.fixture(scope="module", params=[True, False], ids=["stateless, Auth0's form of the issuer", "with sessions, ZITADEL's form"])
def server(request, dev, tmp_path_factory):
    issuer = f"https://{dev.env['AUTH0_DOMAIN']}/" if request.param else dev.env["ZITADEL_DOMAIN"]
    server = Server(dev, tmp_path_factory.mktemp("mcp"), issuer, str(request.param).lower())
    yield server
    server.program.stop()


@pytest.mark.parametrize("proof", PROVES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_finds_its_way_to_the_tool(server, client, proof):
    printed, log = server.run(client, "mcp-alice", proof)
    assert "error" not in printed, printed["error"] + log
    assert [(call["client"], call["scopes"]) for call in printed["calls"]] == [("mcp-alice", [SCOPE])] * 2


def log_in(server, client, folder, **given):
    """A program that has sent its person to the browser, and the page that asks for the person's consent."""
    given = {"url": server.url, "redirect": "http://127.0.0.1:1/callback", **given}
    program = Waiting(LOGINS[client], given, server.dev, folder)
    browser = Browser(server.dev)
    password = (server.folder / "mcp-mia-password").read_text().strip()
    page = browser.send(browser.open(program.url), identifier="mcp-mia", password=password, answer="login")
    return program, browser, page


@pytest.mark.parametrize("client", LOGINS)
def test_a_person_lets_a_program_use_the_tool(server, client, tmp_path):
    program, browser, page = log_in(server, client, tmp_path, id="assistant")
    try:
        assert "Assistant" in page.text and SCOPE in page.text
        program.called_back(browser.leads_to(browser.send(page, follow=False, answer="allow")))
        result = program.result()
        assert "error" not in result, result
        assert [(call["client"], call["scopes"]) for call in result["calls"]] == [("assistant", [SCOPE])] * 2
        assert all(call["user"] not in ("", "assistant") for call in result["calls"])
    finally:
        program.stop()


@pytest.mark.parametrize("client", LOGINS)
def test_a_program_registers_itself(server, client, tmp_path):
    program, browser, page = log_in(server, client, tmp_path)
    try:
        assert f"{client} assistant" in page.text and SCOPE in page.text
        program.called_back(browser.leads_to(browser.send(page, follow=False, answer="allow")))
        result = program.result()
        assert "error" not in result, result
        (client_id,) = {call["client"] for call in result["calls"]}
        assert client_id not in ("", "assistant") and [call["scopes"] for call in result["calls"]] == [[SCOPE]] * 2
    finally:
        program.stop()


@pytest.fixture(scope="module")
def document(certificates):
    """The URL of a document in which a client describes itself."""
    url = f"https://127.0.0.1:{free_port()}/assistant.json"
    text = {
        "client_id": url,
        "client_name": "Described assistant",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    }

    class Document(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(text).encode())

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "certificate.pem", certificates / "key.pem")
    listener = ThreadingHTTPServer(("127.0.0.1", urlsplit(url).port), Document)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield url
    listener.shutdown()


@pytest.mark.parametrize("client", LOGINS)
def test_a_program_is_described_by_a_document(server, document, client, tmp_path):
    program, browser, page = log_in(server, client, tmp_path, metadata_url=document)
    try:
        assert "Described assistant" in page.text and SCOPE in page.text
        program.called_back(browser.leads_to(browser.send(page, follow=False, answer="allow")))
        result = program.result()
        assert "error" not in result, result
        assert [(call["client"], call["scopes"]) for call in result["calls"]] == [(document, [SCOPE])] * 2
    finally:
        program.stop()


@pytest.mark.parametrize("client", LOGINS)
def test_a_person_lets_no_program_use_the_tool(server, client, tmp_path):
    program, browser, page = log_in(server, client, tmp_path, id="assistant")
    try:
        program.called_back(browser.leads_to(browser.send(page, follow=False, answer="cancel")))
        assert "access_denied" in program.result()["error"]
    finally:
        program.stop()


# The SDK for Python keeps to itself what the server has answered.
@pytest.mark.parametrize("client, told", [("TypeScript", "403"), ("Python", "error response")])
def test_a_client_without_the_right_is_told_so(server, client, told):
    printed, log = server.run(client, "mcp-without-scope", "a secret")
    assert told in printed.get("error", ""), f"{printed} {log}"


def test_a_client_that_comes_with_nothing_is_told_where_to_go(server):
    answer = server.post(None, "tools/call", name="whoami")
    metadata = server.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{metadata}", scope="{SCOPE}"'
    for url in (metadata, metadata.removesuffix("/mcp")):
        told = requests.get(url, timeout=20)
        assert told.headers["Access-Control-Allow-Origin"] == "*"
        assert (told.json()["resource"], told.json()["authorization_servers"]) == (server.url, [server.issuer])


@pytest.mark.parametrize("server", [False], indirect=True, ids=["with sessions"])
def test_two_users_on_one_session(server):
    alice, bob = (server.token(user) for user in ("mcp-alice", "mcp-bob"))
    session = server.open(alice)

    def whoami(token):
        return server.post(token, "tools/call", session, name="whoami", arguments={})

    assert '"client":"mcp-alice"' in whoami(alice).text
    answer = whoami(bob)
    assert answer.status_code == 403 and "mcp-alice" not in answer.text
    assert '"client":"mcp-alice"' in whoami(server.token("mcp-alice")).text


def test_a_token_of_another_api_opens_no_session(dev, server):
    info = {"name": "interop", "version": "1.0.0"}
    foreign = dev.m2m_tokens["quickstart", True]
    answer = server.post(foreign, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=info)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
