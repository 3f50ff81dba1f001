"""The quickstart API with Authlib's resource protector. It reads the key set once, when it starts.

Variables: AUTH0_DOMAIN, API_IDENTIFIER.
"""

import json
import os
from urllib.request import urlopen

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.jose import JsonWebKey
from authlib.oauth2.rfc7523 import JWTBearerTokenValidator
from flask import Flask, jsonify

from serving import serve


class Validator(JWTBearerTokenValidator):
    def __init__(self, issuer, audience):
        with urlopen(issuer + ".well-known/jwks.json") as answer:
            super().__init__(JsonWebKey.import_key_set(json.load(answer)))
        self.claims_options = {
            "exp": {"essential": True},
            "aud": {"essential": True, "value": audience},
            "iss": {"essential": True, "value": issuer},
        }


require = ResourceProtector()
require.register_token_validator(Validator(f"https://{os.environ['AUTH0_DOMAIN']}/", os.environ["API_IDENTIFIER"]))
app = Flask(__name__)


@app.get("/api/public")
def public_route():
    return jsonify(message="Hello from a public endpoint! You don't need to be authenticated to see this.")


@app.get("/api/private")
@require(None)
def private_route():
    return jsonify(message="Hello from a private endpoint! You need to be authenticated to see this.")


@app.get("/api/private-scoped")
@require("read:messages")
def private_scoped_route():
    return jsonify(
        message="Hello from a private endpoint! You need to be authenticated and have a scope of "
        "read:messages to see this."
    )


if __name__ == "__main__":
    serve(app)
