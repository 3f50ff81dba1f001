"""An authorization server whose metadata, keys, tokens and introspection answers have the shape of dex's.

dex itself cannot be installed from a package registry. What matters of it: access tokens are JWTs with the
claims of its ID tokens, at_hash included, and with nothing that tells the two apart; introspection asks for
no client authentication and answers about any of them.

Its argument is the issuer's port, or 0. It prints the issuer once it listens. /token gives both tokens to
whoever asks, with the form's sub; /revoke forgets one.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "example-app"
KEY = rsa.generate_private_key(65537, 2048)
KID = secrets.token_hex(20)
active = {}


def public_key():
    members = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    return {"use": "sig", "kty": "RSA", "kid": KID, "alg": "RS256", "n": members["n"], "e": members["e"]}


def metadata(issuer):
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/keys",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "device_authorization_endpoint": f"{issuer}/device/code",
        "introspection_endpoint": f"{issuer}/token/introspect",
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256", "plain"],
        "scopes_supported": ["openid", "email", "groups", "profile", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "email", "email_verified", "locale", "name", "preferred_username", "at_hash",
        ],
    }  # fmt: skip


def token(issuer, subject, hashed):
    """An ID token or an access token: the one hashes the access token, the other a text that is nobody's."""
    now = int(time.time())
    digest = hashlib.sha256(hashed.encode()).digest()
    claims = {
        "iss": issuer,
        "sub": subject,
        "aud": CLIENT,
        "exp": now + 600,
        "iat": now,
        "at_hash": base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode(),
        "email": "kilgore@kilgore.trout",
        "email_verified": True,
        "groups": ["authors"],
        "name": "Kilgore Trout",
    }
    raw = jwt.encode(claims, KEY, "RS256", {"kid": KID, "typ": None})
    active[raw] = claims
    return raw


def introspection(raw):
    claims = active.get(raw)
    if claims is None:
        return {"active": False}
    return {
        "active": True,
        "client_id": claims["aud"],
        "sub": claims["sub"],
        "exp": claims["exp"],
        "iat": claims["iat"],
        "nbf": claims["iat"],
        "aud": claims["aud"],
        "iss": claims["iss"],
        "token_type": "Bearer",
        "token_use": "access_token",
        "ext": {name: claims[name] for name in ("email", "email_verified", "groups", "name")},
    }


class Dex(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        issuer = self.server.issuer
        documents = {"/dex/.well-known/openid-configuration": metadata(issuer), "/dex/keys": {"keys": [public_key()]}}
        self.answer(documents.get(self.path))

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        value = {name: values[0] for name, values in form.items()}
        if self.path == "/dex/token":
            access = token(self.server.issuer, value["sub"], secrets.token_hex(16))
            identity = token(self.server.issuer, value["sub"], access)
            self.answer({"access_token": access, "token_type": "bearer", "expires_in": 599, "id_token": identity})
        elif self.path == "/dex/token/introspect":
            self.answer(introspection(value.get("token")))
        elif self.path == "/dex/revoke":
            active.pop(value["token"])
            self.answer({})
        else:
            self.answer(None)

    def answer(self, document):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(404 if document is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Dex)
server.issuer = f"http://127.0.0.1:{server.server_port}/dex"
print(f"issuer {server.issuer}", flush=True)
server.serve_forever()
