"""Small pairs of files, and a batch in a process of its own that can be stopped."""

import os
import subprocess
import sys

import pytest
from pairs_of_files import write_boxes


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """Two folders of boxes that no test changes."""
    return write_boxes(tmp_path_factory.mktemp("boxes"), 400)


@pytest.fixture
def few(tmp_path):
    """Two folders of boxes that a test may change."""
    return write_boxes(tmp_path / "few", 12)


@pytest.fixture
def start():
    """Start a batch; whatever happens, it is not left running."""
    running = []

    def call(*arguments, **env):
        line = [sys.executable, "-m", "lossctl", "batch", *map(str, arguments)]
        running.append(subprocess.Popen(line, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return running[-1]

    yield call
    for process in running:
        process.kill()
        process.communicate()
