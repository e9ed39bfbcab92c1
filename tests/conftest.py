"""What all tests share: the samples, and a kernel cache of their own that survives from run to run."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pytest_configure(config):
    """Keep compiled kernels beside pytest's own cache, for this process and those it starts."""
    os.environ["LOSSCTL_CACHE_DIR"] = str(config.cache.mkdir("kernels"))


@pytest.fixture
def samples():
    return ROOT / "samples"
