"""The kernel cache: a second process compiles nothing, damage heals, nobody else's code is trusted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import numpy as np, sys, json
from numba.core import event
import lossctl
compiles = []
class Listener(event.Listener):
    def on_start(self, e): compiles.append(1)
    def on_end(self, e): pass
event.register("numba:compile", Listener())
chance = np.random.default_rng(0)
pred = chance.uniform(0, 9, (20000, 4)); pred[:, 2:] += pred[:, :2]
print(json.dumps([lossctl.loss("giou")(pred, pred + 1), len(compiles)]))
"""
ROOT = Path(__file__).parents[2]


def start(cache, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=ROOT, env={**os.environ, "LOSSCTL_CACHE_DIR": str(cache), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def outcome(process):
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    value, compiles = eval(out)
    return value, compiles


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that a first process has filled, and the number it found."""
    cache = tmp_path_factory.mktemp("cache")
    value, compiles = outcome(start(cache))
    assert compiles > 0
    return cache, value


def kernels(cache):
    return sorted(cache.glob("kernels-*/*.kernel"))


def test_second_process_compiles_nothing(warm):
    cache, value = warm
    assert len(kernels(cache)) == 1
    assert outcome(start(cache)) == (value, 0)


@pytest.mark.parametrize("damage", [b"", b"garbage", b"half"], ids=["empty", "garbage", "half"])
def test_damage_heals(warm, damage):
    cache, value = warm
    (kernel,) = kernels(cache)
    whole = kernel.read_bytes()
    kernel.write_bytes(whole[: len(whole) // 2] if damage == b"half" else damage)
    found, compiles = outcome(start(cache))
    assert found == value
    assert compiles > 0
    assert outcome(start(cache)) == (value, 0)


def test_a_folder_that_others_may_write_to_is_not_used(warm):
    cache, value = warm
    (folder,) = cache.glob("kernels-*")
    folder.chmod(0o777)
    try:
        found, compiles = outcome(start(cache))
    finally:
        folder.chmod(0o700)
    assert found == value
    assert compiles > 0


def test_no_folder_at_all(tmp_path, warm):
    (tmp_path / "file").write_text("")
    assert outcome(start(tmp_path / "file" / "cache"))[0] == warm[1]


def test_cold_starts_at_once(tmp_path, warm):
    processes = [start(tmp_path) for _ in range(3)]
    assert {outcome(process)[0] for process in processes} == {warm[1]}
    assert len(kernels(tmp_path)) == 1
    assert outcome(start(tmp_path)) == (warm[1], 0)


def test_without_compiler(tmp_path, warm):
    found, _ = outcome(start(tmp_path, NUMBA_DISABLE_JIT="1"))
    assert found == warm[1]
