"""Options of the benchmarks, and a kernel cache of their own that survives from run to run."""

import os

import pytest


def pytest_addoption(parser):
    group = parser.getgroup("lossctl benchmarks")
    group.addoption("--threads", type=int, default=None, help="threads to compute with (default: all)")
    group.addoption("--divide", type=int, default=1, help="make all data this many times smaller, for a quick look")
    group.addoption("--large", action="store_true", help="also measure a pair of files that takes 2 GB of disk")


def pytest_configure(config):
    os.environ["LOSSCTL_CACHE_DIR"] = str(config.cache.mkdir("kernels"))


@pytest.fixture
def threads(request):
    return request.config.getoption("--threads")


@pytest.fixture
def divide(request):
    return request.config.getoption("--divide")
