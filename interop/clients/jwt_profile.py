"""Get an access token for a service user with its key.

Variables: ZITADEL_DOMAIN, ZITADEL_TOKEN_URL, PROJECT_ID, CLIENT_PRIVATE_KEY_FILE_PATH.
"""

import json
import os
import time
from pathlib import Path

import jwt

from requesting import SCOPE, request_token

key = json.loads(Path(os.environ["CLIENT_PRIVATE_KEY_FILE_PATH"]).read_text())
now = int(time.time())
assertion = jwt.encode(
    {
        "iss": key["userId"],
        "sub": key["userId"],
        "aud": os.environ["ZITADEL_DOMAIN"],  # the issuer, not the token endpoint
        "iat": now,
        "exp": now + 3600,
    },
    key["key"],
    algorithm="RS256",
    headers={"kid": key["keyId"]},
)
request_token(
    {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "scope": SCOPE,
        "assertion": assertion,
    },
    {"Content-Type": "application/x-www-form-urlencoded"},
)
