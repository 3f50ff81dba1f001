"""An API that introspects tokens, proves itself by HTTP Basic, and requires a scope.

Variables: ZITADEL_INTROSPECTION_URL, API_CLIENT_ID, API_CLIENT_SECRET.
"""

import os

import requests

from introspecting import create_app
from scope_validator import ScopeValidator
from serving import serve


class BasicValidator(ScopeValidator):
    def introspect_token(self, token_string):
        answer = requests.post(
            os.environ["ZITADEL_INTROSPECTION_URL"],
            data={"token": token_string, "token_type_hint": "access_token", "scope": "openid"},
            # As the library sends it: latin-1, and not form-encoded first.
            auth=(os.environ["API_CLIENT_ID"], os.environ["API_CLIENT_SECRET"]),
        )
        answer.raise_for_status()
        return answer.json()


if __name__ == "__main__":
    serve(create_app(BasicValidator()))
