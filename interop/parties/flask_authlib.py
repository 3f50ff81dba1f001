"""A website of Flask and Authlib, written as Authlib's documentation and Auth0's sample have it.
README.md of interop says what it does."""

import os
from urllib.parse import urlencode

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, session
from werkzeug.serving import make_server

ISSUER, URL = os.environ["ISSUER"], os.environ["URL"]

app = Flask(__name__)
app.secret_key = os.urandom(16)
# A token and its claims are more than what a browser keeps in a cookie.
known = {}

arguments = {"scope": os.environ["SCOPE"]}
if os.environ.get("PKCE") == "true":
    arguments["code_challenge_method"] = "S256"
oauth = OAuth(app)
oauth.register(
    "postern",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ.get("CLIENT_SECRET"),
    client_kwargs=arguments,
    server_metadata_url=ISSUER.rstrip("/") + "/.well-known/openid-configuration",
)


@app.get("/login")
def login():
    return oauth.postern.authorize_redirect(redirect_uri=URL + "/callback")


@app.get("/callback")
def callback():
    keep(oauth.postern.authorize_access_token())
    session["user"] = known["claims"]["sub"]
    return redirect("/")


def keep(token):
    known.update(token=token, claims=token["userinfo"], userinfo=oauth.postern.userinfo(token=token))


def show():
    return jsonify(claims=known["claims"], userinfo=known["userinfo"], access_token=known["token"]["access_token"])


@app.get("/")
def who():
    return show() if "user" in session else ("nobody is logged in", 401)


@app.get("/renew")
def renew():
    metadata = oauth.postern.load_server_metadata()
    with oauth.postern._get_oauth_client(**metadata) as client:
        token = client.refresh_token(metadata["token_endpoint"], refresh_token=known["token"]["refresh_token"])
    keep({**token, "userinfo": oauth.postern.parse_id_token(token, nonce=None)})
    return show()


@app.get("/logout")
def logout():
    session.clear()
    if ISSUER.endswith("/"):  # Auth0's sample
        return redirect(ISSUER + "v2/logout?" + urlencode({"returnTo": URL + "/goodbye", "client_id": os.environ["CLIENT_ID"]}))
    return oauth.postern.logout_redirect(post_logout_redirect_uri=URL + "/goodbye", id_token_hint=known["token"]["id_token"])


@app.get("/goodbye")
def goodbye():
    return "goodbye"


@app.errorhandler(Exception)
def failed(error):
    return f"{type(error).__name__}: {error}", 502


server = make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True)
print("listening on", URL, flush=True)
server.serve_forever()
