"""Get an access token for a service user with its secret.

Variables: ZITADEL_TOKEN_URL, PROJECT_ID, CLIENT_ID, CLIENT_SECRET.
"""

import base64
import os

from requesting import SCOPE, request_token

pair = f"{os.environ['CLIENT_ID']}:{os.environ['CLIENT_SECRET']}"  # neither is form-encoded
request_token(
    {"grant_type": "client_credentials", "scope": SCOPE},
    {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
    },
)
