"""Calls like those before: the answers of first calls, and the same refusals."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import NAMES, case

import lossctl
from lossctl.errors import DataError, UsageError
from lossctl.run import again, spare


@pytest.fixture
def taken(monkeypatch):
    """Count the calls that are made again."""
    calls = []
    call = again.Again.__call__
    monkeypatch.setattr(again.Again, "__call__", lambda self, *given: calls.append(self) or call(self, *given))
    return calls


def same(one, other):
    flat = [np.asarray(x) for answer in (one, other) for x in (answer if isinstance(answer, tuple) else (answer,))]
    half = len(flat) // 2
    return all(a.tobytes() == b.tobytes() and a.shape == b.shape for a, b in zip(flat[:half], flat[half:], strict=True))


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", NAMES)
def test_same_bits_of_other_data(name, reduction, taken):
    loss = lossctl.loss(name)
    if loss._request.loss.root is not None and reduction == "none":
        pytest.skip("one number for all items")
    for seed in range(4):
        pred, target, keywords = case(name, n=700, seed=seed)
        keywords |= {"reduction": reduction}
        for method in ("__call__", "gradient"):
            expected = getattr(lossctl.loss(name), method)(pred, target, **keywords)
            assert same(getattr(loss, method)(pred, target, **keywords), expected)
    own = loss._request.loss.whole or "auto" in loss.parameters.values()
    assert len(taken) == (0 if own else 4)


def test_what_is_wrong_is_said_again(taken):
    loss, zeros = lossctl.loss("giou"), np.zeros((3, 4))
    boxes = zeros + np.array([0, 0, 1, 1])
    for _ in range(3):
        assert loss(boxes, boxes) == 0
    boxes[1] = [0, 0, -1, 1]
    with pytest.raises(DataError, match="row 1"):
        loss(boxes, boxes)
    boxes[1] = [0, 0, 1, np.nan]
    with pytest.raises(DataError, match="row 1"):
        loss(boxes, boxes)
    assert len(taken) == 3
    assert loss(boxes, boxes, nonfinite="skip") == 0
    with pytest.raises(UsageError, match="no effect"):
        loss(boxes, boxes, input="logits")


def test_nothing_to_average(taken):
    loss, labels = lossctl.loss("ce"), np.zeros(3, int)
    for _ in range(3):
        loss(np.zeros((3, 2)), labels, input="logits", ignore_index=7)
    with pytest.raises(DataError, match="all 3 items are ignored"):
        loss(np.zeros((3, 2)), labels + 7, input="logits", ignore_index=7)
    assert len(taken) == 2


@pytest.mark.parametrize(
    "keywords",
    [
        {"weights": [1.0, 3.0]},
        {"group_by": ["a", "b"]},
        {"reduction": "hardest:0.5"},
        {"pairs": "all"},
    ],
    ids=lambda keywords: next(iter(keywords)),
)
def test_what_depends_on_more_than_the_arrays(keywords, taken):
    loss, boxes = lossctl.loss("giou"), np.array([[0.0, 0, 1, 1], [0, 0, 2, 1]])
    answers = [loss(boxes, boxes[::-1].copy(), **keywords) for _ in range(4)]
    assert all(same(answer, answers[0]) for answer in answers)
    assert not taken


def test_settings_of_the_data(taken):
    loss = lossctl.loss("wiou(iou_mean=auto)")
    chance = np.random.default_rng(3)
    for _ in range(4):
        corners = chance.random((9, 2))
        boxes = np.hstack([corners, corners + chance.random((9, 2))])
        assert loss(boxes, boxes + 0.1) == lossctl.loss("wiou(iou_mean=auto)")(boxes, boxes + 0.1)
    assert not taken


def test_other_types_and_views(taken):
    loss, pred, target = lossctl.loss("mse"), np.arange(12.0), np.zeros(12)
    for side in (pred, pred.astype(">f8"), pred.astype(np.int16), pred.astype(np.float16), pred[::-1], list(pred)):
        for _ in range(3):
            assert loss(side, target) == np.mean(pred**2)
    assert len(taken) == 4


def test_few_kinds_are_kept():
    loss = lossctl.loss("mae")
    for n in range(1, 3 * again.KINDS):
        assert loss(np.ones(n), np.zeros(n)) == 1
    assert len(loss._calls.known) <= again.KINDS


def test_memory_of_a_gradient_is_used_again_once_nobody_holds_it():
    loss, pred, target = lossctl.loss("mae"), np.arange(1.0, 2 + spare.LARGE // 8), np.zeros(1 + spare.LARGE // 8)
    for _ in range(3):
        held = loss.gradient(pred, target)
    other = loss.gradient(-pred, target)
    assert not np.shares_memory(held, other)
    assert (held > 0).all()
    part = other[5:9]
    del other
    third = loss.gradient(pred, target)
    assert not np.shares_memory(part, third)
    assert (part < 0).all()
    address = third.ctypes.data
    del third
    assert loss.gradient(pred, target).ctypes.data == address


def test_a_function_travels_without_what_it_knows_of_calls():
    loss, numbers = lossctl.loss("huber", delta=2), np.ones(5)
    for _ in range(3):
        loss.gradient(numbers, 0 * numbers)
    there = pickle.loads(pickle.dumps(loss))
    assert (there(numbers, 0 * numbers), repr(there)) == (0.5, repr(loss))


def test_gradients_of_several_threads(monkeypatch):
    monkeypatch.setattr(spare, "LARGE", 0)
    loss, target = lossctl.loss("mse"), np.zeros(4096)
    for _ in range(3):
        loss.gradient(target, target)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda k: (k, loss.gradient(np.full(4096, k), target) * 2048), map(float, range(200)))
        assert all((slopes == k).all() for k, slopes in found)
