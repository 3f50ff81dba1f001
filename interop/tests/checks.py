"""Programs of clients/ that print the outcome of many checks."""

import json
import os
import socket
import subprocess

from development import POSTERN
from processes import FOLDER


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def apply(dev, folder, document):
    """Apply a document. Files that it names are in the folder."""
    path = folder / "setup.yaml"
    path.write_text(document)
    done = subprocess.run([POSTERN, "apply", "--data", dev.data, "-f", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run_checks(program, given, folder, environment=None, timeout=60):
    """The errors of the checks, by name."""
    path = folder / "given.json"
    path.touch(0o600)
    path.write_text(json.dumps(given))
    done = subprocess.run(
        ["node", FOLDER / "clients" / program, path],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["error"] for line in lines}
