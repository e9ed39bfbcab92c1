"""What all tests share: the samples, and a kernel cache of their own that survives from run to run."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from web_server import web  # noqa: F401 - a fixture

ROOT = Path(__file__).parent.parent


def pytest_configure(config):
    """Keep compiled kernels beside pytest's own cache, for this process and those it starts."""
    os.environ["LOSSCTL_CACHE_DIR"] = str(config.cache.mkdir("kernels"))


@pytest.fixture
def samples():
    return ROOT / "samples"


class Answer(NamedTuple):
    """What a command ended in."""

    code: int
    out: str
    err: str

    def error(self):
        """Return the message of the one error line, after checking that there is nothing else but its hint."""
        assert self.out == ""
        first, *rest = self.err.splitlines()
        assert first.startswith("lossctl: error: ")
        assert len(rest) <= 1
        assert all(line.startswith("  hint: ") for line in rest)
        return first.removeprefix("lossctl: error: ")

    @property
    def hint(self):
        """The hint below the error line, or nothing."""
        return self.err.partition("  hint: ")[2].strip()


@pytest.fixture
def here(capsys):
    """Run a command line in this process: cheap."""
    from lossctl.cli.main import run

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def command():
    """Run a command line as its users do, in a process of its own."""

    def call(*arguments, env=None, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | options
        done = subprocess.run(
            [sys.executable, "-m", "lossctl", *map(str, arguments)], env=os.environ | (env or {}), **options
        )
        return Answer(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())

    return call
