"""NaN and infinity in the data: refused, left out, or carried through, for every shape of data."""

import math

import numpy as np
import pytest
from cases import each

import lossctl
from lossctl.bench.cases import required
from lossctl.loss import find

NAN, INF = math.nan, math.inf
CASES = {
    "mae": ([1.0, NAN, 3, 4], [2.0, 3, INF, 6], {}, [0, 3]),
    "bce": ([0.5, NAN, 0.25], [1.0, 0, 0], {"input": "probs"}, [0, 2]),
    "giou": ([[0, 0, 1, 1], [0, 0, INF, 1], [0, 0, 2, 2]], [[0, 0, 2, 2], [0, 0, 1, 1], [NAN, 0, 1, 1]], {}, [0]),
    "ce": ([[1.0, 2], [NAN, 1], [0, 3]], [0, 1, 1], {"input": "logits"}, [0, 2]),
    "kl": ([[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [NAN, 0.5]], {"input": "probs"}, [0]),
    "triplet": (
        (
            [[0.0, 1], [NAN, 1], [2, 2], [3, 4]],
            [[0.0, 0], [1, 1], [2, 3], [4, 4]],
            [[1.0, 1], [1, 2], [INF, 0], [3, 5]],
        ),
        None,
        {},
        [0, 3],
    ),
    "contrastive": (([[0.0, 1], [INF, 1], [2, 2]], [[0.0, 0], [INF, 1], [2, 3]]), [0.0, 0, 1], {}, [0, 2]),
    "cosine-embedding": (([[0.0, 1], [2, 1], [2, 2]], [[1.0, 0], [2, 5], [2, 3]]), [1.0, NAN, -1], {}, [0, 2]),
    "hinge-embedding": ([1.0, 2, 3], [1.0, NAN, -1], {}, [0, 2]),
    "margin-ranking": (([1.0, NAN, 3], [2.0, 3, 4]), [1.0, 1, -1], {}, [0, 2]),
    "hinge": ([1.0, 2, 3, 4], [1.0, NAN, -1, 1], {}, [0, 2, 3]),
    "msle": ([1.0, NAN, 3, 4], [2.0, 3, NAN, 6], {}, [0, 3]),
    "poisson": ([1.0, NAN, 3, 4], [2.0, 3, NAN, 6], {}, [0, 3]),
    "dice": ([0.5, NAN, 0.75], [1.0, 0, 0], {"input": "probs"}, [0, 2]),
}


def data(name):
    pred, target, keywords, good = CASES[name]
    return each(np.array, pred), None if target is None else np.array(target), keywords, good


@pytest.mark.parametrize("name", CASES)
def test_skipping_equals_deleting(name):
    pred, target, keywords, good = data(name)
    rest = each(lambda side: side[good], pred), None if target is None else target[good]
    loss = lossctl.loss(name)
    assert loss(pred, target, nonfinite="skip", **keywords) == loss(*rest, **keywords)
    gradients = [loss.gradient(pred, target, nonfinite="skip", **keywords), loss.gradient(*rest, **keywords)]
    for by, expected in zip(*(g if isinstance(g, tuple) else (g,) for g in gradients), strict=True):
        assert np.array_equal(by[good], expected)
        assert not np.delete(by, good, axis=0).any()
    result = lossctl.evaluate(name, pred, target, nonfinite="skip", **keywords)
    count = len(pred[0]) if isinstance(pred, tuple) else len(pred)
    assert f"{count - len(good)} of {count} items are left out: not finite" in result.warnings
    assert "nonfinite=skip" in result.signature


@pytest.mark.parametrize("name", CASES)
def test_refused_unless_asked(name):
    pred, target, keywords, _ = data(name)
    with pytest.raises(lossctl.DataError, match=r"nan|inf|finite"):
        lossctl.loss(name)(pred, target, **keywords)


@pytest.mark.parametrize("name", CASES)
def test_propagated_when_asked(name):
    pred, target, keywords, good = data(name)
    value = lossctl.loss(name)(pred, target, nonfinite="propagate", **keywords)
    assert math.isnan(value)
    if name != "dice":
        items = lossctl.loss(name)(pred, target, nonfinite="propagate", reduction="none", **keywords)
        assert np.isfinite(items[good]).all()
        assert len(items) == (len(pred[0]) if isinstance(pred, tuple) else len(pred))


@pytest.mark.parametrize("number", [-3.0, -INF])
@pytest.mark.parametrize("name", ["poisson", "msle"])
def test_what_is_outside_of_a_domain_is_refused_among_nan(name, number):
    pred, target = np.array([NAN, INF, number]), np.array([1.0, NAN, 1])
    with pytest.raises(lossctl.DataError, match=f"prediction {number:g}, target 1 at row 2: "):
        lossctl.loss(name)(pred, target, nonfinite="propagate")


@pytest.mark.parametrize("y", [7.0, INF])
@pytest.mark.parametrize("name", ["cosine-embedding", "hinge-embedding"])
def test_no_label_but_nan_goes_through(name, y):
    pred, _, _, _ = data(name)
    with pytest.raises(lossctl.DataError, match=f"y: {y:g} at row 2: y has to be 1"):
        lossctl.loss(name)(pred, np.array([1.0, NAN, y]), nonfinite="propagate")


SHAPED = {
    "numbers": ([2.0, 0.5, 0.25], [1.0, 1, 1]),
    "binary": ([0.9, 0.5, 0.25], [1.0, 1, 1]),
    "scores": ([2.0, 0.5, 0.25], [1.0, 1, 1]),
    "embeddings": ([[2.0, 1], [1, 0], [1, 3]], [1.0, 1, 1]),
    "rotated": ([[5.0, 5, 2, 3, 0.1]] * 3, [[5.5, 5, 2, 2, 0.3]] * 3),
}
ALONE = [name for name in lossctl.losses() if find(name).shape in SHAPED and name != "rmse"]


@pytest.mark.parametrize(("arithmetic", "dtype"), [("float64", np.float64), ("native", np.float32)])
@pytest.mark.parametrize("name", ALONE)
def test_no_nan_goes_unnoticed(name, arithmetic, dtype):
    loss = find(name)
    pred, target = SHAPED[loss.shape]
    sides = [np.array(pred, dtype) + dtype(k) for k in range(len(loss.sides))]
    sides += [np.array(target, dtype)] * loss.has_target
    options = {"nonfinite": "propagate", "arithmetic": arithmetic}
    options |= {"input": "probs"} if loss.shape == "binary" else {}
    function = lossctl.loss(name, **required(loss))
    for side, place in [(k, place) for k, array in enumerate(sides) for place in np.ndindex(array.shape[1:])]:
        spoilt = [array.copy() for array in sides]
        spoilt[side][1, *place] = NAN
        target = spoilt.pop() if loss.has_target else None
        pred = tuple(spoilt) if len(spoilt) > 1 else spoilt[0]
        assert np.isnan(function(pred, target, reduction="none", **options)).tolist() == [False, True, False]
        by = function.gradient(pred, target, **options)
        for slopes in by if isinstance(by, tuple) else (by,):
            assert np.isnan(slopes[1]).all()
            assert np.isfinite(slopes[0::2]).all()


@pytest.mark.parametrize("name", [name for name in lossctl.losses("box") if find(name).shape == "boxes"])
def test_no_coordinate_goes_unnoticed(name):
    # An end at infinity on the side where the box is not inverted.
    ends = [(place, NAN) for place in range(8)] + [(place, INF if place % 4 > 1 else -INF) for place in range(8)]
    pairs = np.tile([[0.0, 1, 4, 5], [1.0, 1, 3, 6]], (len(ends) + 1, 1, 1))
    for pair, (place, x) in zip(pairs, ends, strict=False):
        pair.flat[place] = x
    function = lossctl.loss(name, **required(find(name)))
    values = function(pairs[:, 0], pairs[:, 1], nonfinite="propagate", reduction="none")
    slopes = function.gradient(pairs[:, 0], pairs[:, 1], nonfinite="propagate", reduction="sum")
    assert np.isnan(values[:-1]).all()
    assert np.isnan(slopes[:-1]).all()
    assert np.isfinite(values[-1])
    assert np.isfinite(slopes[-1]).all()


def test_words_in_a_table(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("pred,target\n1,2\nNaN,3\n4,-inf\n5,7\n")
    sides = str(table), str(table)
    with pytest.raises(lossctl.DataError, match="'NaN' is not finite") as refused:
        lossctl.evaluate("mae", *sides)
    assert refused.value.line == 3
    assert lossctl.evaluate("mae", *sides, nonfinite="skip").value == 1.5
    table.write_text("pred,target\n1e999,2\n")
    with pytest.raises(lossctl.DataError, match="overflows"):
        lossctl.evaluate("mae", *sides, nonfinite="propagate")
