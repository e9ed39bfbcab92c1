"""The same bits for any number of threads, size of read, layout of memory, and interpreted or compiled."""

import numpy as np
import pytest
from cases import NAMES, SUMMED, case

import lossctl
from lossctl.engine import kernels
from lossctl.run import items


def outcome(name, pred, target, **keywords):
    loss = lossctl.loss(name)
    value, gradient = loss.value_and_gradient(pred, target, **keywords)
    return np.asarray(value), *(gradient if isinstance(gradient, tuple) else (gradient,))


def same(one, other):
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@pytest.fixture
def compiled(monkeypatch):
    monkeypatch.setattr(kernels, "SMALL", 0)


@pytest.mark.parametrize("name", NAMES)
def test_interpreted_equals_compiled_and_cut(name, monkeypatch):
    pred, target, keywords = case(name)
    monkeypatch.setattr(kernels, "SMALL", 1 << 30)
    monkeypatch.setattr(kernels, "_warm", set())
    monkeypatch.setattr(kernels, "_interpreted", {})
    interpreted = outcome(name, pred, target, **keywords)
    assert not kernels._warm
    monkeypatch.setattr(kernels, "SMALL", 0)
    assert same(interpreted, outcome(name, pred, target, **keywords))
    # As small as reads can be: one block at a time.
    monkeypatch.setattr(items, "CHUNK", 1)
    assert same(interpreted, outcome(name, pred, target, **keywords))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("name", ["giou", "ce", "dice", "mse", "rmse", "focal", "triplet", "margin-ranking"])
def test_threads(name):
    pred, target, keywords = case(name, n=80_000)
    alone = outcome(name, pred, target, threads=1, **keywords)
    for threads in (2, 7):
        assert same(alone, outcome(name, pred, target, threads=threads, **keywords))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_what_threads_count_is_added_up(threads):
    n = 200_000
    boxes = np.tile([0.0, 0, 1, 1], (n, 1))
    boxes[::7, 2] = 0
    result = lossctl.evaluate("giou", boxes, boxes, threads=threads)
    assert (result.count, result.ignored, result.degenerate) == (n, 0, len(boxes[::7]))
    numbers = np.where(np.arange(n) % 11, 1.0, 1e200)
    target = np.where(np.arange(n) % 13, 0.0, 255)
    result = lossctl.evaluate("mse", numbers, target, ignore_index=255, threads=threads)
    ignored = target == 255
    assert (result.count, result.ignored) == (n - ignored.sum(), ignored.sum())
    assert result.infinite == ((numbers == 1e200) & ~ignored).sum()


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("chunk", [1, 5000, 1 << 14])
@pytest.mark.parametrize("name", ["giou", "bce", "ce", "contrastive"])
def test_reads_with_weights(name, chunk, reduction, monkeypatch):
    pred, target, keywords = case(name, n=20_000)
    keywords |= {"weights": np.random.default_rng(1).uniform(0, 2, 20_000), "reduction": reduction}
    whole = outcome(name, pred, target, **keywords)
    monkeypatch.setattr(items, "CHUNK", chunk)
    assert same(whole, outcome(name, pred, target, **keywords))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("name", ["ce", "kl"])
def test_layouts_hold_the_same_rows(name):
    # One image, so that blocks fall on the same rows in every layout.
    chance = np.random.default_rng(3)
    rows = chance.normal(0, 3, (30 * 70, 6))
    target = chance.integers(0, 6, 30 * 70) if name == "ce" else chance.dirichlet(np.ones(6), 30 * 70)
    flat, slopes = outcome(name, rows, target, input="logits", layout="NC")
    image = np.moveaxis(rows.reshape(30, 70, 6), 2, 0)
    goal = target.reshape(30, 70) if name == "ce" else np.moveaxis(target.reshape(30, 70, 6), 2, 0)
    for layout, pred, y in (
        ("CHW", image, goal),
        ("NCHW", image[None], goal[None]),
        ("NHWC", rows.reshape(1, 30, 70, 6), target.reshape(1, 30, 70, *target.shape[1:])),
    ):
        value, by = outcome(name, pred, y, input="logits", layout=layout)
        by = by.reshape(6, -1).T if layout != "NHWC" else by.reshape(-1, 6)
        assert value == flat
        assert by.tobytes() == slopes.tobytes()


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f2", "i4", "u1", "?", ">i2", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype_widens_exactly(dtype, order, tmp_path):
    chance = np.random.default_rng(5)
    pred = np.asfortranarray if order == "F" else np.ascontiguousarray
    pred = pred(chance.integers(0, 2, (40, 30)).astype(dtype))
    target = chance.integers(0, 2, (40, 30)).astype(np.float64)
    np.save(tmp_path / "pred.npy", pred)
    np.save(tmp_path / "target.npy", target)
    wide = lossctl.loss("mse")(pred.astype(np.float64), target)
    assert lossctl.loss("mse")(pred, target) == wide
    assert lossctl.evaluate("mse", str(tmp_path / "pred.npy"), str(tmp_path / "target.npy")).value == wide


@pytest.mark.parametrize("name", SUMMED)
def test_sum_is_the_exact_sum_of_the_items(name):
    pred, target, keywords = case(name, n=5000)
    loss = lossctl.loss(name)
    items = loss(pred, target, reduction="none", **keywords)
    exact = float(np.sum(items.astype(np.longdouble)))
    assert loss(pred, target, reduction="sum", **keywords) == pytest.approx(exact, rel=4e-16)


def test_file_and_array_and_table_agree(tmp_path):
    pred, target, _ = case("giou", n=30_000)
    for name, array in (("pred", pred), ("target", target)):
        np.save(tmp_path / f"{name}.npy", array)
        (tmp_path / f"{name}.csv").write_text("".join(",".join(map(repr, row)) + "\n" for row in array.tolist()))
    value = lossctl.loss("giou")(pred, target)
    for ending in ("npy", "csv"):
        found = lossctl.evaluate("giou", str(tmp_path / f"pred.{ending}"), str(tmp_path / f"target.{ending}"))
        assert found.value == value
        assert found.count == 30_000
