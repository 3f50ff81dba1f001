"""An API that introspects tokens, proves itself by HTTP Basic, and requires a role.

Variables: ZITADEL_DOMAIN, CLIENT_ID, CLIENT_SECRET.
"""

import os
import time

import requests
from authlib.oauth2.rfc7662 import IntrospectTokenValidator

from introspecting import Refused, create_app
from serving import serve

ROLES = "urn:zitadel:iam:org:project:roles"


class RoleValidator(IntrospectTokenValidator):
    def introspect_token(self, token_string):
        answer = requests.post(
            os.environ["ZITADEL_DOMAIN"] + "/oauth/v2/introspect",
            data={"token": token_string, "token_type_hint": "access_token", "scope": "openid"},
            auth=(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]),
        )
        answer.raise_for_status()
        return answer.json()

    def validate_token(self, token, scopes, request):
        if not token or not token["active"]:
            raise Refused("invalid_token", "Token is not active.")
        if token["exp"] < time.time():
            raise Refused("invalid_token_expired", "Token has expired.")
        # The claim is read unasked: an answer without it is a 500.
        if scopes and not set(scopes) <= set(token[ROLES]):
            raise Refused("insufficient_scope", f"Token has insufficient scope. Route requires: {scopes}")


if __name__ == "__main__":
    serve(create_app(RoleValidator()))
