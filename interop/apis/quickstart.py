"""The routes of the quickstart API, and all that is the same whichever library verifies its JWTs.

Variables: AUTH0_DOMAIN, API_IDENTIFIER.
"""

import functools
import json
import os
from urllib.request import urlopen

from flask import Flask, g, jsonify, request

SCOPE = "read:messages"
INVALID_HEADER = "Invalid header. Use an RS256 signed JWT Access Token"


class Refused(Exception):
    def __init__(self, code, description, status=401):
        super().__init__(code)
        self.body = {"code": code, "description": description}
        self.status = status


def issuer():
    return f"https://{os.environ['AUTH0_DOMAIN']}/"


def audience():
    return os.environ["API_IDENTIFIER"]


def raw_token():
    header = request.headers.get("Authorization")
    if not header:
        raise Refused("authorization_header_missing", "Authorization header is expected")
    words = header.split()
    if words[0].lower() != "bearer":
        raise Refused("invalid_header", "Authorization header must start with Bearer")
    if len(words) == 1:
        raise Refused("invalid_header", "Token not found")
    if len(words) > 2:
        raise Refused("invalid_header", "Authorization header must be Bearer token")
    return words[1]


def signing_key(kid):
    """The JWK of an id, fetched anew for every request."""
    with urlopen(issuer() + ".well-known/jwks.json") as answer:
        keys = json.load(answer)["keys"]
    for key in keys:
        if key["kid"] == kid:
            return key
    raise Refused("invalid_header", "Unable to find appropriate key")


def create_app(verify):
    """verify returns the claims of a raw token, or raises Refused."""
    app = Flask(__name__)

    def private(handler):
        @functools.wraps(handler)
        def guarded():
            g.claims = verify(raw_token())
            return handler()

        return guarded

    @app.errorhandler(Refused)
    def refused(error):
        return jsonify(error.body), error.status

    @app.get("/api/public")
    def public_route():
        return jsonify(message="Hello from a public endpoint! You don't need to be authenticated to see this.")

    @app.get("/api/private")
    @private
    def private_route():
        return jsonify(message="Hello from a private endpoint! You need to be authenticated to see this.")

    @app.get("/api/private-scoped")
    @private
    def private_scoped_route():
        if SCOPE not in g.claims.get("scope", "").split():
            raise Refused("Unauthorized", "You don't have access to this resource", 403)
        return jsonify(
            message="Hello from a private endpoint! You need to be authenticated and have a scope of "
            "read:messages to see this."
        )

    return app
