"""A running `postern dev`, and tokens of its service users."""

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import requests
from dotenv import dotenv_values

from processes import Program, run_client

POSTERN = os.environ.get("POSTERN", "postern")
SAMPLES = ("zitadel-api", "auth0-quickstart", "hello-world")


@dataclass(frozen=True)
class User:
    """A service user, and the files that hold what it proves itself with."""

    name: str
    secret: str
    key: str
    pat: str


# By the form of the tokens, and whether the user has the role.
USERS = {
    ("opaque", True): User("service-user", "generated/service-user-secret", "generated/service-user-key.json", "generated/pat"),
    ("opaque", False): User(
        "service-user-without-role",
        "generated/service-user-without-role-secret",
        "generated/service-user-without-role-key.json",
        "generated/pat-without-role",
    ),
    ("jwt", True): User("robot-jwt", "more/robot-jwt-secret", "more/robot-jwt-key.json", "more/robot-jwt-pat"),
    ("jwt", False): User(
        "robot-jwt-without-role",
        "more/robot-jwt-without-role-secret",
        "more/robot-jwt-without-role-key.json",
        "more/robot-jwt-without-role-pat",
    ),
}


class Development:
    """`postern dev` on free ports. Its variables are in `env`, and in .env of `folder`."""

    def __init__(self, folder: Path, environment=None):
        self.data = folder / "data"
        listen = [f"--{name}-listen=127.0.0.1:0" for name in SAMPLES]
        with socket.socket() as s:  # known before it starts, for the API lets this origin call it
            s.bind(("127.0.0.1", 0))
            self.client = f"http://localhost:{s.getsockname()[1]}"
        listen.append("--browser-client-listen=" + self.client.replace("http://localhost", "127.0.0.1"))
        self.program = Program(
            [POSTERN, "dev", "--data", self.data, "--listen=127.0.0.1:0", "--listen-tls=127.0.0.1:0", *listen],
            environment or {},
            folder,
        )
        self.program.wait_for("Postern is ready")
        self.http, self.https = self.program.wait_for("authorization server").split()
        self.samples = {name: self.program.wait_for(name) for name in SAMPLES}
        self.program.wait_for("Try, in another terminal")
        try:
            self._set_up(folder)
        except BaseException:
            self.program.stop()
            raise

    def _set_up(self, folder):
        self.folder = folder / "work"
        self.folder.mkdir()
        shutil.copy(self.data / "dev.env", self.folder / ".env")
        self.env = dotenv_values(self.folder / ".env")
        self.trust = {name: self.env["CA_FILE"] for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")}
        more = self.data / "more"
        more.mkdir()
        shutil.copy(Path(__file__).with_name("more.yaml"), more)
        subprocess.run([POSTERN, "apply", "--data", self.data, "-f", more / "more.yaml"], check=True, capture_output=True)

    def read(self, name):
        return (self.data / name).read_text().strip()

    def environment(self, user: User):
        """The variables of a token generator."""
        return {
            **self.trust,
            "CLIENT_ID": user.name,
            "CLIENT_SECRET": self.read(user.secret),
            "CLIENT_PRIVATE_KEY_FILE_PATH": str(self.data / user.key),
        }

    @cached_property
    def tokens(self):
        """Tokens by source, form and role, as the generators print them."""
        tokens = {}
        for (form, role), user in USERS.items():
            tokens["personal access token", form, role] = self.read(user.pat)
            for source in ("client_credentials", "jwt_profile"):
                tokens[source, form, role] = self.generate(source, user)
        return tokens

    def generate(self, source, user):
        done = run_client(source, self.environment(user), self.folder)
        assert done.returncode == 0 and "\nAccess token: " in done.stdout, done.stdout + done.stderr
        return done.stdout.split("\nAccess token: ")[1].strip()

    @cached_property
    def m2m_tokens(self):
        """Tokens in the manner of Auth0, by API and by whether the client holds its permission."""
        return {
            (api, allowed): self.m2m_token(self.env[audience], prefix)
            for api, audience in (("quickstart", "API_IDENTIFIER"), ("hello-world", "AUTH0_AUDIENCE"))
            for allowed, prefix in ((True, "M2M"), (False, "M2M_WITHOUT_SCOPE"))
        }

    def m2m_token(self, audience, prefix):
        answer = requests.post(
            f"https://{self.env['AUTH0_DOMAIN']}/oauth/token",
            json={
                "grant_type": "client_credentials",
                "audience": audience,
                "client_id": self.env[prefix + "_CLIENT_ID"],
                "client_secret": self.env[prefix + "_CLIENT_SECRET"],
            },
            verify=self.env["CA_FILE"],
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]
