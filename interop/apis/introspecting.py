"""The routes of the APIs that ask the authorization server about every token."""

from authlib.integrations.flask_oauth2 import ResourceProtector
from flask import Flask, jsonify

ROLE = "read:messages"


class Refused(Exception):
    """An answer in the manner of these APIs: 401 with code and description."""

    def __init__(self, code, description):
        super().__init__(code)
        self.body = {"code": code, "description": description}


def create_app(validator):
    app = Flask(__name__)
    require = ResourceProtector()
    require.register_token_validator(validator)

    @app.errorhandler(Refused)
    def refused(error):
        return jsonify(error.body), 401

    @app.get("/api/public")
    def public():
        return jsonify(message="Public route - You don't need to be authenticated to see this.")

    @app.get("/api/private")
    @require(None)
    def private():
        return jsonify(message="Private route - You need to be authenticated to see this.")

    @app.get("/api/private-scoped")
    @require([ROLE])
    def private_scoped():
        return jsonify(
            message="Private, scoped route - You need to be authenticated and have the role read:messages to see this."
        )

    return app
