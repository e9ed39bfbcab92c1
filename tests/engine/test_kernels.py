"""When kernels are compiled."""

import os
import subprocess
import sys

from lossctl.engine import kernels
from lossctl.loss import find

READING = ("", "", "", "error", "")


def test_many_small_calls_are_compiled_in_the_end(monkeypatch):
    monkeypatch.setattr(kernels, "_warm", set())
    monkeypatch.setattr(kernels, "_interpreted", {})
    fast = [kernels.choose(find("mae"), {}, READING, 10_000)[0] for _ in range(30)]
    assert fast == sorted(fast)
    assert fast.index(True) == kernels.PATIENCE // 10_000 + 1
    assert not kernels.choose(find("mse"), {}, READING, 10_000)[0]


def test_a_large_call_is_compiled_at_once_and_others_after_it(monkeypatch):
    monkeypatch.setattr(kernels, "_warm", set())
    assert [kernels.choose(find("mae"), {}, READING, size)[0] for size in (10, kernels.SMALL + 1, 10)] == [
        False, True, True,
    ]  # fmt: skip


def test_threads_that_need_the_same_kernels_at_once(tmp_path):
    """Each with a cache that is empty, as on a worker of a cluster."""
    code = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import lossctl
corners = np.random.default_rng(0).random((40_000, 2))
boxes = np.hstack([corners, corners + 0.1])
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(lambda name: lossctl.loss(name)(boxes, boxes + 0.01, threads=1), ["iou", "giou"] * 2))
print(found[:2] == found[2:], found[0] < found[1])
"""
    env = os.environ | {"LOSSCTL_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True True\n", "")
