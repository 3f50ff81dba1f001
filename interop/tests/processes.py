"""Programs under test: started by a test, ended by it, and waited for by what they print."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
GO_PROGRAMS = Path(os.environ["GO_PROGRAMS"])
START = 30  # seconds that a program may take to be ready


class Program:
    """A running program. Its output is kept, and shown by the error when it is not ready in time."""

    def __init__(self, command, environment, folder):
        self.output = []
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self.output.append(line)
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, text):
        """Return what follows the text on the first line that has it."""
        deadline = time.monotonic() + START
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                self.stop()
                raise AssertionError(f"no line with {text!r} from {self._process.args}:\n{''.join(self.output)}")
            if text in line:
                return line.split(text, 1)[1].strip()

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_go(name, environment, folder):
    """Start a program of go/, and return it and its URL."""
    program = Program([GO_PROGRAMS / name], environment, folder)
    return program, program.wait_for("listening on ")


def start_api(name, environment, folder):
    """Start a program of apis/, and return it and its URL."""
    program = Program([sys.executable, FOLDER / "apis" / f"{name}.py"], environment, folder)
    return program, program.wait_for("listening on ")


def run_client(name, environment, folder):
    """Run a program of clients/ to its end."""
    return subprocess.run(
        [sys.executable, FOLDER / "clients" / f"{name}.py"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=START,
    )


class Waiting:
    """A program that waits for its person: it has printed the URL to open, which is in `url`."""

    def __init__(self, command, given, dev, folder):
        path = folder / "given.json"
        path.touch(0o600)
        path.write_text(json.dumps(given))
        self._process = subprocess.Popen(
            [str(word) for word in [*command, path]],
            env={**os.environ, **dev.trust},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        line = self._lines.get(timeout=START)
        assert line.startswith("open "), line
        self.url = line.removeprefix("open ").strip()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("it has ended")

    def called_back(self, url):
        """Say where the browser went in the end, if it is not the program that listens there."""
        self._process.stdin.write(url + "\n")
        self._process.stdin.flush()

    def result(self):
        return json.loads(self._lines.get(timeout=START))

    def stop(self):
        self._process.kill()
        self._process.wait()
