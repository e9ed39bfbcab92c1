"""What has to be held is told and refused before it is read; all else takes the same memory for any size."""

import itertools
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import lossctl
from lossctl.data import memory

MEGABYTE = 10**6


@pytest.fixture
def saved(tmp_path):
    """Save arrays; return their paths."""

    def save(**arrays):
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        return [str(tmp_path / f"{name}.npy") for name in arrays]

    return save


def refused(name, *sides, **keywords):
    with pytest.raises(lossctl.LimitError) as caught:
        lossctl.evaluate(name, *sides, **keywords)
    assert " of memory, and " in caught.value.message
    assert "--max-memory " in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "size"), [("2G", 2 * 10**9), ("500M", 5 * 10**8), ("1.5GiB", 3 << 29), ("10kb", 10_000), (4096, 4096)]
)
def test_sizes(text, size):
    assert memory.size_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "0", "1X", 0, -5])
def test_no_sizes(text):
    with pytest.raises(lossctl.UsageError, match="expected a size such as 500M or 2G"):
        lossctl.loss("mse")([1.0], [2.0], max_memory=text)


def test_free_memory_is_known():
    assert 0 < memory.available() < 1 << 60


WHOLE = [
    ("lovasz-hinge", (600, 700), {}),
    ("lovasz-softmax", (3, 400, 500), {"input": "logits"}),
]


@pytest.mark.parametrize(("name", "shape", "keywords"), WHOLE)
def test_whole_images(saved, name, shape, keywords):
    chance = np.random.default_rng(1)
    target = chance.integers(0, 2, shape[-2:])
    sides = saved(pred=chance.normal(0, 1, shape).astype(np.float32), target=target.astype(np.uint8))
    told = refused(name, *sides, max_memory="10M", **keywords)
    assert told.startswith(f"{name} of {'×'.join(map(str, shape))}, in which a pixel depends on all others, needs ")
    assert lossctl.evaluate(name, *sides, max_memory="500M", **keywords).count


def test_losses_of_all_items(saved):
    sides = saved(pred=np.arange(100_000.0), target=np.zeros(100_000))
    assert refused("mse", *sides, reduction="none", max_memory="1M").startswith("reduction none of 100000 items needs ")
    assert refused("mse", *sides, reduction="hardest:0.5", max_memory="1M").startswith("reduction hardest:0.5 of ")
    labels = np.zeros(100_000, int)
    assert refused("mse", *sides, group_by=labels, max_memory="1M").startswith("a result for each group of ")
    assert lossctl.evaluate("mse", *sides, max_memory="1M").count == 100_000


def test_losses_of_items_whose_number_only_the_end_tells(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("1.5\n" * 100_000)
    assert refused("mse", str(path), str(path), reduction="none", max_memory="1M").startswith("reduction none of ")


def test_an_image_of_classes_that_lie_apart(saved):
    scores = np.random.default_rng(1).normal(0, 1, (2, 5, 600, 500))
    sides = saved(pred=scores, target=np.zeros((2, 600, 500), np.uint8))
    told = refused("ce", *sides, input="logits", max_memory="10M")
    assert told.startswith("ce of 2×5×600×500, an image at a time, needs ")
    beside = saved(last=np.ascontiguousarray(np.moveaxis(scores, 1, -1)))[0]
    value = lossctl.evaluate("ce", beside, sides[1], input="logits", layout="NHWC", max_memory="10M").value
    assert value == pytest.approx(lossctl.evaluate("ce", *sides, input="logits").value, rel=1e-14)


def test_fortran_order(saved):
    rows = np.asfortranarray(np.random.default_rng(1).normal(0, 1, (1000, 300)))
    sides = saved(pred=rows, target=np.zeros((1000, 300)))
    assert "an array in Fortran order needs 4.8 MB" in refused("mse", *sides, max_memory="4M")


def test_all_pairs(saved):
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (2000, 1))
    sides = saved(pred=boxes, target=boxes)
    told = refused("giou", *sides, pairs="all", reduction="none", max_memory="10M")
    assert told.startswith("a matrix of 2000x2000 losses needs 32 MB")
    assert refused("giou", *sides, pairs="all", reduction="none", max_memory="10k").startswith("all boxes of the pred")


@pytest.fixture
def piped(saved, tmp_path):
    """Return what fills a pipe with an array and names it, and what names an array of the same shape."""
    array = np.random.default_rng(1).normal(0, 1, 200_000)
    path, target = saved(pred=array, target=array[::-1].copy())
    data = Path(path).read_bytes()

    numbers = itertools.count()

    def fill():
        pipe = tmp_path / f"pipe{next(numbers)}"
        os.mkfifo(pipe)

        def write():
            with suppress(BrokenPipeError):
                pipe.write_bytes(data)

        threading.Thread(target=write, daemon=True).start()
        return str(pipe)

    return fill, path, target


def test_a_pipe_is_held_only_where_it_is_needed_twice(piped):
    fill, path, target = piped
    known = lossctl.evaluate("mse", path, target).value
    assert lossctl.evaluate("mse", fill(), target, max_memory="1k").value == known
    # Several losses of the same items take one pass, and so does a gradient of a mean whose divisor is known.
    assert lossctl.evaluate("mse+mae", fill(), target, max_memory="1k").value > known


def test_a_pipe_that_is_needed_twice(piped, saved):
    fill, path, _ = piped
    labels = saved(labels=(np.arange(200_000) % 2).astype(np.uint8))[0]
    keywords = {"input": "logits", "pos_weight": "auto"}
    value = lossctl.evaluate("bce", path, labels, **keywords).value
    assert lossctl.evaluate("bce", fill(), labels, **keywords).value == value
    told = refused("bce", fill(), labels, max_memory="1M", **keywords)
    assert "what can be read only once, but is needed twice, needs 1.6 MB" in told


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
@pytest.mark.parametrize("shape", [(1, 24_000_000), (24_000_000,), (6_000_000, 4)])
def test_memory_does_not_grow_with_the_file(tmp_path, shape):
    """192 MB a side, in long rows or short ones, take as much as a sixth of it."""
    code = (
        "import resource, sys, lossctl\n"
        "for path in sys.argv[1:]:\n"
        "    lossctl.evaluate('mse', path, path)\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    large = tmp_path / "large.npy"
    np.save(large, np.zeros(shape))
    np.save(tmp_path / "small.npy", np.zeros(4_000_000))
    line = [sys.executable, "-c", code, str(tmp_path / "small.npy"), str(large)]
    small, grown = map(int, subprocess.run(line, capture_output=True, check=True, text=True).stdout.split())
    large.unlink()
    assert grown - small < 40 << 10


def test_sides_that_are_read_side_by_side(tmp_path, monkeypatch):
    """Tables as large as that are; their numbers are the same, and of two errors the prediction's is told."""
    monkeypatch.setattr("lossctl.data.csv._FAST_FROM", 100)
    monkeypatch.setattr("lossctl.data.csv._CHUNK", 5000)
    monkeypatch.setattr("lossctl.run.items.CHUNK", 1024)
    numbers = np.random.default_rng(1).normal(0, 1, (2, 5000))
    paths = [str(tmp_path / f"{name}.csv") for name in ("pred", "target")]
    for path, column in zip(paths, numbers, strict=True):
        Path(path).write_text("".join(f"{x!r}\n" for x in column.tolist()))
    for threads in (1, 2):
        found = lossctl.evaluate("mse", *paths, threads=threads)
        assert (found.value, found.count) == (lossctl.loss("mse")(*numbers), 5000)
    for path in paths:
        with Path(path).open("a") as file:
            file.write("word\n")
    for _ in range(5):
        with pytest.raises(lossctl.DataError, match=r"pred\.csv:5001"):
            lossctl.evaluate("mse", *paths)
