"""A program on a person's machine that logs them in as AppAuth does (RFC 8252): it has no secret, sends a
challenge, and is called back at a free port of the machine or by a scheme of its own. It uses nothing but the
standard library. It prints `open URL` for the browser, and then what it got as JSON.

Its argument is a JSON file: {"issuer", "id", "scope", "redirect"}. The redirect URI is without port, which the
program adds; one with a private scheme is handed to it by the system, here as a line of its standard input.
"""

import base64
import hashlib
import http.server
import json
import secrets
import socket
import sys
import urllib.parse
import urllib.request

with open(sys.argv[1]) as file:
    given = json.load(file)


class Callback(http.server.BaseHTTPRequestHandler):
    """Takes one request and tells the person to go back to the program."""

    def do_GET(self):
        self.server.arrived = self.path
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"You can close this window.")

    def log_message(self, *_):
        pass


class Listener(http.server.HTTPServer):
    arrived = None

    def __init__(self, host):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), Callback)


def fetch(url, form=None, token=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


metadata = fetch(given["issuer"].rstrip("/") + "/.well-known/openid-configuration")
redirect = urllib.parse.urlsplit(given["redirect"])
listener = None
if redirect.scheme == "http":
    listener = Listener(redirect.hostname)
    redirect = redirect._replace(netloc=f"{redirect.netloc}:{listener.server_port}")
redirect_uri = redirect.geturl()
state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
parameters = {
    "client_id": given["id"],
    "redirect_uri": redirect_uri,
    "response_type": "code",
    "scope": given["scope"],
    "state": state,
    "code_challenge": challenge,
    "code_challenge_method": "S256",
}
print("open", metadata["authorization_endpoint"] + "?" + urllib.parse.urlencode(parameters), flush=True)
if listener:
    while listener.arrived is None:
        listener.handle_request()
    arrived = listener.arrived
else:
    arrived = sys.stdin.readline().strip()
told = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(arrived).query))
assert (told.get("state"), told.get("iss")) == (state, metadata["issuer"]), told
if "code" not in told:
    print(json.dumps({"error": told["error"]}))
    sys.exit()
form = {
    "grant_type": "authorization_code",
    "client_id": given["id"],
    "code": told["code"],
    "redirect_uri": redirect_uri,
    "code_verifier": verifier,
}
tokens = fetch(metadata["token_endpoint"], form)
userinfo = fetch(metadata["userinfo_endpoint"], token=tokens["access_token"])
renewal = {"grant_type": "refresh_token", "client_id": given["id"], "refresh_token": tokens["refresh_token"]}
renewed = fetch(metadata["token_endpoint"], renewal)
again = fetch(metadata["token_endpoint"], form)
print(json.dumps({"tokens": tokens, "userinfo": userinfo, "renewed": renewed, "again": again}))
