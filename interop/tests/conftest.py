"""The programs that many tests share, and the last line of the run."""

import signal

import pytest

from certificates import make_certificates
from development import Development
from processes import start_api


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder with the certificate of 127.0.0.1, its key, and the authority, which dev trusts."""
    folder = tmp_path_factory.mktemp("certificates")
    made = make_certificates()
    for name in ("authority", "certificate", "key"):
        (folder / f"{name}.pem").write_text(getattr(made, name))
    return folder


@pytest.fixture(scope="session")
def dev(tmp_path_factory, certificates):
    trust = {"SSL_CERT_FILE": str(certificates / "authority.pem")}
    development = Development(tmp_path_factory.mktemp("dev"), trust)
    yield development
    development.program.stop()


@pytest.fixture(scope="session")
def apis(dev):
    """Starts programs of apis/ against dev, each once, and returns their URLs."""
    running = {}

    def url(name):
        if name not in running:
            # One of the samples calls its credentials otherwise than the others.
            names = {"CLIENT_ID": dev.env["API_CLIENT_ID"], "CLIENT_SECRET": dev.env["API_CLIENT_SECRET"]}
            running[name] = start_api(name, {**dev.trust, **names}, dev.folder)
        return running[name][1]

    yield url
    for program, _ in running.values():
        program.stop()


def pytest_configure():
    # Also a run that is told to end ends the programs that it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_sessionfinish(session, exitstatus):
    # A test that skipped here would be one that nobody runs.
    if exitstatus == 0 and count(session.config, "skipped"):
        session.exitstatus = 1


def pytest_unconfigure(config):
    print(f"{count(config, 'passed')} passed, {count(config, 'failed', 'error', 'skipped')} failed")


def count(config, *outcomes):
    stats = config.pluginmanager.get_plugin("terminalreporter").stats
    return sum(len(stats.get(outcome, [])) for outcome in outcomes)
