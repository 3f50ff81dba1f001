"""An API that introspects tokens, proves itself by a signed assertion, and requires a scope.

Variables: ZITADEL_DOMAIN (the assertion's audience), ZITADEL_INTROSPECTION_URL, API_PRIVATE_KEY_FILE.
"""

import json
import os
import time
from pathlib import Path

import requests
from authlib.jose import jwt

from introspecting import create_app
from scope_validator import ScopeValidator
from serving import serve

KEY = json.loads(Path(os.environ["API_PRIVATE_KEY_FILE"]).read_text())


def assertion():
    """A new one for every request: good for an hour, and without a jti."""
    now = int(time.time())
    header = {"alg": "RS256", "kid": KEY["keyId"], "typ": "JWT"}
    claims = {
        "iss": KEY["clientId"],
        "sub": KEY["clientId"],
        "aud": os.environ["ZITADEL_DOMAIN"],
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode(header, claims, KEY["key"]).decode()


class AssertionValidator(ScopeValidator):
    def introspect_token(self, token_string):
        answer = requests.post(
            os.environ["ZITADEL_INTROSPECTION_URL"],
            data={
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": assertion(),
                "token": token_string,
            },
        )
        answer.raise_for_status()
        return answer.json()


if __name__ == "__main__":
    serve(create_app(AssertionValidator()))
