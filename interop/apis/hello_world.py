"""The hello-world API with PyJWT and its JWKS client. The admin's route requires a permission.

Variables: AUTH0_DOMAIN, AUTH0_AUDIENCE, CLIENT_ORIGIN_URL.
"""

import functools
import os

import jwt
from flask import Flask, g, jsonify, request

from serving import serve

ISSUER = f"https://{os.environ['AUTH0_DOMAIN']}/"
AUDIENCE = os.environ["AUTH0_AUDIENCE"]
ORIGIN = os.environ["CLIENT_ORIGIN_URL"]

app = Flask(__name__)


class Refused(Exception):
    def __init__(self, status, **body):
        super().__init__(status)
        self.status, self.body = status, body


@app.errorhandler(Refused)
def refused(error):
    return jsonify(error.body), error.status


@app.after_request
def share(answer):
    answer.headers["Access-Control-Allow-Origin"] = ORIGIN
    return answer


def raw_token():
    header = request.headers.get("Authorization")
    if not header:
        raise Refused(401, message="Requires authentication")
    words = header.split()
    if len(words) == 2 and words[0].lower() != "bearer":
        raise Refused(401, message="Requires authentication")
    if len(words) != 2:
        raise Refused(
            400,
            error="invalid_request",
            error_description="Authorization header value must follow this format: Bearer access-token",
            message="Requires authentication",
        )
    return words[1]


def verify(raw):
    try:
        key = jwt.PyJWKClient(ISSUER + ".well-known/jwks.json").get_signing_key_from_jwt(raw).key
        return jwt.decode(raw, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)
    except jwt.PyJWTError as error:
        raise Refused(401, error="invalid_token", error_description=str(error), message="Bad credentials")


def protected(handler):
    @functools.wraps(handler)
    def guarded():
        g.claims = verify(raw_token())
        return handler()

    return guarded


@app.get("/api/messages/public")
def public_message():
    return jsonify(text="This is a public message.")


@app.get("/api/messages/protected")
@protected
def protected_message():
    return jsonify(text="This is a protected message.")


@app.get("/api/messages/admin")
@protected
def admin_message():
    if "read:admin-messages" not in g.claims.get("permissions", []):
        raise Refused(403, message="Permission denied")
    return jsonify(text="This is an admin message.")


if __name__ == "__main__":
    serve(app)
