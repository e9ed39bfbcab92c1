"""Values that a loss must not swallow: refused and named, or computed rightly."""

import numpy as np
import pytest

import lossctl

REFUSED = [
    (["box", "giou", "10,10,0,0", "0,0,1,1"], "pred row 0: inverted box (10, 10, 0, 0)"),
    (["box", "giou", "0,0,1,1", "0,5,1,1"], "target row 0: inverted box (0, 5, 1, 1): y2 < y1"),
    (["box", "iou", "0,0,-1,1", "0,0,1,1", "--box-format=xywh"], "pred row 0: negative size in (0, 0, -1, 1)"),
    (["pixel", "ce", ".5,.5", "2", "--input=probs"], "target: label 2 at (0, 0) is outside 0..1"),
    (["pixel", "ce", ".5,.5", "-1", "--input=probs"], "target: label -1 at (0, 0) is outside 0..1"),
    (["pixel", "ce", ".5,.5", "255", "--input=probs"], "target: label 255 at (0, 0) is outside 0..1"),
    (["pixel", "ce", ".5,.5", "0.5", "--input=probs"], "target: label 0.5 at (0, 0) is outside 0..1"),
    (["pixel", "ce", ".5,.5;.5,.5;.5,.5", "7;1;-3", "--input=probs"],
     "target: label 7 at (0, 0) is outside 0..1 (2 such values: -3, 7)"),
    (["regression", "mae", "1,2", "0,0", "--ignore-index=0"], "nothing to average: all 2 items are ignored"),
    (["regression", "mae", "1,2", "0,0", "--weights=0,0"], "all weights are 0"),
    (["regression", "mae", "1,2", "0,0", "--weights=1,-1"], "weights: weight -1 in row 1"),
    (["classification", "bce", "1.5,.5", "1,1", "--input=probs"], "pred: probability 1.5 at (0, 0) is outside 0..1"),
    (["classification", "bce", ".5,-1e-9", "1,1", "--input=probs"], "pred: probability -1e-09 at (0, 1) is outside"),
    (["classification", "bce", ".5,.5", "1,2", "--input=probs"], "target: target 2 at (0, 1) is outside 0..1"),
    (["classification", "ce", ".5,.6", "1", "--input=probs"], "pred: the probabilities of row 0 sum to 1.1"),
    (["classification", "ce", ".5,.5;.1,.9", ".5,.5;1,1", "--input=probs"],
     "target: the probabilities of row 1 sum to 2"),
    (["classification", "ce", "2,-1", "1", "--input=probs"],
     "pred: probability 2 at (0, 0) is outside 0..1 (2 such values)"),
    (["classification", "bce", "0,.5", "1,1", "--input=probs"], "1 of 2 items have an infinite bce"),
    (["classification", "bce", "1,.5", "0,1", "--input=probs"], "1 of 2 items have an infinite bce"),
    (["regression", "mae", "1,2,3", "1,2"], "3 predictions but 2 targets (pred 1x3, target 1x2)"),
    (["regression", "mae", "1,2;3,4", "1,2,3,4"], "mae compares number with number, but the shapes are 2×2 and 4"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda part: part if isinstance(part, str) else "")
def test_refused(command, arguments, message):
    answer = command(*arguments)
    assert answer.code == 3
    assert answer.error().startswith(message)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["pred", "target"])
@pytest.mark.parametrize(
    ("family", "loss", "shape", "options"),
    [
        ("box", "giou", (3, 4), []), ("regression", "mae", (12,), []),
        ("classification", "bce", (12,), ["--input=logits"]), ("pixel", "dice", (4, 3), ["--input=logits"]),
    ],
)  # fmt: skip
def test_nonfinite_arrays(here, tmp_path, value, side, family, loss, shape, options):
    for name in ("pred", "target"):
        array = np.ones(shape)
        array.flat[6] = value if name == side else 1
        np.save(tmp_path / f"{name}.npy", array)
    answer = here(family, loss, tmp_path / "pred.npy", tmp_path / "target.npy", *options)
    assert answer.code == 3
    assert answer.error().startswith(f"{tmp_path}/{side}.npy: ")
    assert "row 1" in answer.error() or "row 6" in answer.error() or "(2, 0)" in answer.error()


SHAPES = [
    ("regression", "mae", (5, 1), (5,)), ("regression", "mae", (5,), (1,)), ("regression", "mae", (2, 3), (3, 2)),
    ("pixel", "mae", (4, 5, 3), (3, 4, 5)), ("pixel", "dice", (4, 5), (5, 4)), ("pixel", "ce", (3, 4, 5), (5, 4)),
    ("classification", "bce", (5,), (6,)), ("classification", "ce", (5, 3), (6,)),
]  # fmt: skip


@pytest.mark.parametrize(("family", "loss", "pred", "target"), SHAPES)
def test_nothing_is_broadcast(here, tmp_path, family, loss, pred, target):
    np.save(tmp_path / "p.npy", np.zeros(pred))
    np.save(tmp_path / "t.npy", np.zeros(target, int))
    options = [] if family == "regression" or loss == "mae" else ["--input=logits"]
    answer = here(family, loss, tmp_path / "p.npy", tmp_path / "t.npy", *options)
    assert answer.code == 3
    assert answer.error()


COMPUTED = [
    ("box", "giou", "1,1,1,1", "0,0,4,4", 1.0),
    ("box", "giou", "0,0,4,4", "1,1,1,1", 1.0),
    ("box", "iou", "1,1,1,1", "2,2,2,2", 1.0),
    ("box", "iou", "0,0,1e200,1e200", "0,0,1e200,5e199", 0.5),
    ("box", "iou", "0,0,1e-170,1e-170", "0,0,1e-170,5e-171", 0.5),
    ("box", "iou", "0,0,3.4028235e38,3.4028235e38", "0,0,3.4028235e38,3.4028235e38", 0.0),
]


@pytest.mark.parametrize(("family", "loss", "pred", "target", "expected"), COMPUTED)
def test_extremes_are_computed(here, family, loss, pred, target, expected):
    assert float(here(family, loss, pred, target).out) == pytest.approx(expected, rel=1e-12)


def test_integers_do_not_overflow(here, tmp_path):
    boxes = np.array([[-(2**31), -(2**31), 2**31 - 1, 2**31 - 1]], "<i4")
    np.save(tmp_path / "p.npy", boxes)
    half = f"{-(2**31)},{-(2**31)},{2**31 - 1},-0.5"
    assert float(here("box", "iou", tmp_path / "p.npy", half).out) == pytest.approx(0.5)


@pytest.mark.parametrize("logit", [1e4, 1e308, 5e-324, 0.0])
def test_logits_of_any_size(here, logit):
    right = float(here("classification", "bce", f"{logit!r}", "1", "--input=logits").out)
    wrong = float(here("classification", "bce", f"{-logit!r}", "1", "--input=logits").out)
    assert 0 <= right <= wrong < np.inf
    assert wrong == pytest.approx(max(logit, 0.6931471805599453), rel=1e-12)


def test_certain_and_right_is_free(here):
    assert here("classification", "bce", "1,0", "1,0", "--input=probs").out == "0\n"


def test_a_sum_of_numbers_far_apart_is_exact(here, tmp_path):
    numbers = np.concatenate([np.full(50_000, 1e-9), np.full(50_000, 1e9)])
    np.save(tmp_path / "p.npy", numbers)
    np.save(tmp_path / "t.npy", np.zeros(len(numbers)))
    answer = here("regression", "mae", tmp_path / "p.npy", tmp_path / "t.npy", "--reduction=sum")
    assert float(answer.out) == pytest.approx(5e13 + 5e-5, rel=1e-15)


def test_arrays_in_python_fail_alike():
    with pytest.raises(lossctl.DataError, match="pred row 0: inverted box") as caught:
        lossctl.loss("giou")([[10, 10, 0, 0]], [[0, 0, 1, 1]])
    assert caught.value.path is None
