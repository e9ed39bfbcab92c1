"""A kernel gives the same bits whether it is interpreted or compiled: values, slopes, for every loss."""

import numpy as np
import points
import pytest
from ranges import needed

import lossctl
from lossctl.engine import kernels
from lossctl.loss import find, names

# Settings that are compiled in, where they lead through other code.
OTHERS = ["iou(form=log)", "focal(alpha=none)"]
ROWS = 220


def boxes():
    pairs = [pair for group in points.boxes().values() for pair in group]
    chance = np.random.default_rng(1)
    more = np.sort(chance.normal(0, 10, (150, 2, 2, 2)), axis=2).reshape(150, 2, 4)
    p, g = (np.concatenate([np.array([pair[side] for pair in pairs]), more[:, side]]) for side in (0, 1))
    return p, g, {}


def rotated():
    pairs = np.array([pair for group in points.rotated().values() for pair in group])
    more = np.random.default_rng(1).normal(0, 4, (150, 2, 5))
    more[:, :, 2:4] = np.abs(more[:, :, 2:4])
    p, g = (np.concatenate([pairs[:, side], more[:, side]]) for side in (0, 1))
    return p, g


def numbers(loss):
    chance = np.random.default_rng(2)
    pairs = np.concatenate([np.array(points.numbers((0.25, 0.8))), chance.normal(0, 2, (300, 2))])
    if loss.inside:
        pairs = np.abs(pairs[np.abs(pairs).min(axis=1) > 0])
        pairs[:, 1] = 1.0 if any(p.name == "labels" for p in loss.parameters) else pairs[:, 1]
    return pairs[:, 0].copy(), pairs[:, 1].copy(), {}


def binary(source):
    pairs = points.logits() if source == "logits" else points.probabilities()
    chance = np.random.default_rng(3)
    more = chance.normal(0, 20, 300) if source == "logits" else chance.random(300)
    z, y = np.array(pairs).T.copy()
    return np.append(z, more), np.append(y, np.round(chance.random(300), 1)), {"input": source}


def classes(loss, source):
    """Four classes in images of one row: the classes last, so that a row lies together, or first."""
    chance = np.random.default_rng(4)
    z = chance.normal(0, 8, (ROWS, 4))
    z[:20] *= 40
    if loss.target_input:
        return z, chance.normal(0, 3, (ROWS, 4)), {}
    y = chance.dirichlet([1.0] * 4, ROWS) if source == "probs" else chance.integers(0, 4, ROWS)
    if source == "probs":
        z = chance.dirichlet([0.3] * 4, ROWS) * (1 - 4e-9) + 1e-9
        y[:30] = np.eye(4)[chance.integers(0, 4, 30)]
    return z, y if loss.has_target else None, {"input": source}


def images(target):
    chance = np.random.default_rng(5)
    z = chance.normal(0, 6, (2, 3, 10, 11))
    if target == "mask":
        return (
            z[:, 0],
            np.round(chance.random((2, 10, 11)), 1),
            {"input": "logits", "layout": "NHW", "aggregate": "global"},
        )
    return z, chance.integers(0, 3, (2, 10, 11)), {"input": "logits", "layout": "NCHW", "aggregate": "per-image"}


def cases():
    """Yield each loss with one way in, by turns; compiling takes seconds, and the ways are few."""
    # Ranking losses: test_ranking.py.
    for turn, name in enumerate([*(name for name in names() if find(name).family != "ranking"), *OTHERS]):
        loss = find(name.partition("(")[0])
        ways = {
            "boxes": ["-"], "rotated": ["radians", "degrees"], "numbers": ["-"], "regions": ["classes", "mask"]
        }.get(loss.shape, ["logits", "probs"])  # fmt: skip
        ways = ["logits"] if loss.target_input else ways
        yield name, ways[turn % len(ways)]
    yield "ce", "logits"
    yield "ce", "probs"


def data(name, source):
    loss = find(name.partition("(")[0])
    if loss.shape == "boxes":
        return boxes()
    if loss.shape == "rotated":
        return *rotated(), {"degrees": source == "degrees"}
    if loss.shape == "numbers":
        return numbers(loss)
    if loss.shape == "binary":
        return binary(source)
    return images(source) if loss.shape == "regions" else classes(loss, source)


def run(name, pred, target, keywords, monkeypatch, smallest):
    """Compute with compiled kernels from `smallest` numbers on."""
    monkeypatch.setattr(kernels, "SMALL", smallest)
    loss = find(name.partition("(")[0])
    if loss.shape == "regions" or loss.root:
        return lossctl.loss(name, **needed(loss)).value_and_gradient(pred, target, **keywords)
    return lossctl.loss(name, **needed(loss)).value_and_gradient(pred, target, reduction="none", **keywords)


def same_bits(a, b):
    return np.array_equal(np.asarray(a).view(np.int64), np.asarray(b).view(np.int64))


@pytest.mark.parametrize(("name", "source"), sorted(set(cases())))
def test_interpreted_is_compiled(name, source, monkeypatch):
    monkeypatch.setattr(kernels, "_warm", set())
    monkeypatch.setattr(kernels, "_interpreted", {})
    pred, target, keywords = data(name, source)
    interpreted = run(name, pred, target, keywords, monkeypatch, 1 << 30)
    compiled = run(name, pred, target, keywords, monkeypatch, -1)
    assert same_bits(interpreted[0], compiled[0])
    assert same_bits(interpreted[1], compiled[1])
    if find(name.partition("(")[0]).shape != "classes" or source != "logits" or "distillation" in name:
        return
    # The same rows with their classes first: another stride, the same kernel, the same bits.
    turned = np.ascontiguousarray(pred.T)[None, :, :, None]
    goal = None if target is None else target[None, :, None]
    for smallest in (1 << 30, -1):
        values, slopes = run(name, turned, goal, keywords | {"layout": "NCHW"}, monkeypatch, smallest)
        assert same_bits(values, interpreted[0])
        assert same_bits(np.ascontiguousarray(slopes[0, :, :, 0].T), np.asarray(interpreted[1]))


@pytest.mark.parametrize("smallest", [1 << 30, -1])
def test_arrays_that_do_not_lie_together(smallest, monkeypatch):
    """Columns, rows in reverse and transposed arrays are read as what they are, not as the memory they lie in."""
    monkeypatch.setattr(kernels, "SMALL", smallest)
    monkeypatch.setattr(kernels, "_warm", set())
    monkeypatch.setattr(kernels, "_interpreted", {})
    p, g, _ = boxes()
    mae, giou = lossctl.loss("mae"), lossctl.loss("giou")
    expected = np.abs(p[:, 1] - g[:, 1])
    assert np.array_equal(mae(p[:, 1], g[:, 1], reduction="none"), expected)
    assert np.array_equal(mae(p[::-1, 1], g[::-1, 1], reduction="none"), expected[::-1])
    assert np.array_equal(mae(p.T, g.T, reduction="none"), np.abs(p.T - g.T).ravel())
    values = giou(p, g, reduction="none")
    assert np.array_equal(giou(np.asfortranarray(p), np.asfortranarray(g), reduction="none"), values)
    assert np.array_equal(giou(p[::-2], g[::-2], reduction="none"), values[::-2])
    weights = np.arange(2.0 * len(p))[::2]
    assert mae(p[:, 1], g[:, 1], weights=weights) == mae(p[:, 1].copy(), g[:, 1].copy(), weights=weights.copy())
