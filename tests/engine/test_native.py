"""--arithmetic native: float32 data in single precision, near what float64 says and the same for any threads."""

import json
import subprocess
import sys

import numpy as np
import pytest

import lossctl
from lossctl.errors import UsageError
from lossctl.loss import find, names

WHOLE = ["hausdorff", "lovasz-hinge", "lovasz-softmax"]
GIVEN = {"nwd": "nwd(constant=10)", "mpdiou": "mpdiou(width=10,height=10)"}
NAMES = [GIVEN.get(name, name) for name in names() if name not in WHOLE]
# A float32 has 24 bits; a sum of 2100 items, each off by some of the last of them, is this near.
NEAR = 1e-6


def boxes(chance, n, angle):
    place, size = chance.uniform(0, 100, (n, 2)), chance.uniform(1, 40, (n, 2))
    if angle:
        return np.column_stack([place, size, chance.uniform(-2, 2, n)])
    return np.column_stack([place, place + size])


def moved(chance, pred):
    target = pred + chance.normal(0, 2, pred.shape) * ([1, 1, 1, 1, 0.1] if pred.shape[1] == 5 else 1)
    target[:, 2:4] = np.maximum(target[:, 2:4], 0.5 if pred.shape[1] == 5 else target[:, :2] + 0.5)
    return target


def case(name, n=2100, seed=0):
    """Return (pred, target, keywords): predictions in float32, numbers they are compared with too."""
    loss, chance = find(name.partition("(")[0]), np.random.default_rng(seed)
    target, keywords = None, {"input": "logits"} if find(name.partition("(")[0]).takes_scores else {}
    if loss.shape in ("boxes", "rotated"):
        pred = boxes(chance, n, loss.shape == "rotated")
        target = moved(chance, pred)
    elif loss.family == "ranking":
        pred = tuple(chance.normal(0, 2, (n, 33) if loss.shape == "embeddings" else n) for _ in loss.sides)
        pred = pred if len(pred) > 1 else pred[0]
        low = 0 if name == "contrastive" else -1
        target = chance.choice([low, 1], n) if loss.has_target else None
    elif loss.shape == "regions":
        pred, target = chance.normal(0, 3, (3, 4, 17, n // 170)), chance.integers(0, 4, (3, 17, n // 170))
        keywords |= {"input": "logits", "aggregate": "per-image"}
    elif loss.shape == "binary":
        pred, target = chance.normal(0, 3, n), chance.integers(0, 2, n)
    elif loss.shape == "numbers":
        pred, target = chance.uniform(0.1, 3, n), chance.uniform(0.1, 3, n)
        target = chance.choice([-1, 1], n) if "hinge" in name else target
    else:
        pred, target = chance.normal(0, 3, (n, 5)), chance.integers(0, 5, n) if loss.has_target else None
        target = chance.normal(0, 3, (n, 5)) if loss.target_input == "logits" else target
    return single(pred), single(target), keywords


def single(side):
    if isinstance(side, tuple):
        return tuple(map(single, side))
    return side.astype(np.float32) if side is not None and side.dtype.kind == "f" else side


def flat(gradient):
    return np.concatenate([np.ravel(one) for one in (gradient if isinstance(gradient, tuple) else (gradient,))])


def outcome(name, pred, target, **keywords):
    value, gradient = lossctl.loss(name).value_and_gradient(pred, target, **keywords)
    return value, flat(gradient)


@pytest.mark.parametrize("name", NAMES)
def test_near_float64_and_the_same_for_any_threads(name):
    pred, target, keywords = case(name)
    value, gradient = outcome(name, pred, target, **keywords)
    found, slopes = outcome(name, pred, target, arithmetic="native", threads=1, **keywords)
    assert found == pytest.approx(value, rel=NEAR)
    assert found != value or name in ("hinge", "mae", "mape", "quantile")
    np.testing.assert_allclose(slopes, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())
    for threads in (2, 3):
        again, same = outcome(name, pred, target, arithmetic="native", threads=threads, **keywords)
        assert (again, same.tobytes()) == (found, slopes.tobytes())


@pytest.mark.parametrize("name", ["giou", "bce", "ce", "dice", "triplet"])
def test_many_blocks_by_any_threads(name):
    pred, target, keywords = case(name, n=90_000)
    one = outcome(name, pred, target, arithmetic="native", threads=1, **keywords)
    for threads in (2, 3):
        other = outcome(name, pred, target, arithmetic="native", threads=threads, **keywords)
        assert (one[0], one[1].tobytes()) == (other[0], other[1].tobytes())


@pytest.mark.parametrize("name", ["giou", "bce", "ce", "dice", "mse"])
def test_values_of_items_are_float32(name):
    pred, target, keywords = case(name)
    exact = np.asarray(lossctl.loss(name)(pred, target, reduction="none", **keywords))
    found = np.asarray(lossctl.loss(name)(pred, target, reduction="none", arithmetic="native", **keywords))
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)
    if name != "dice":
        # A ratio of sums is computed in float64.
        np.testing.assert_array_equal(found, found.astype(np.float32))


def test_sums_are_float64():
    # In float32 the sum would stay at 2²⁴.
    ones = np.ones(2**24 + 4096, np.float32)
    assert lossctl.loss("mae")(ones, 0 * ones, reduction="sum", arithmetic="native") == 2**24 + 4096


@pytest.mark.parametrize("weights", [None, "given"])
@pytest.mark.parametrize("name", ["giou", "ce", "bce", "mse"])
def test_options_that_kernels_know(name, weights):
    pred, target, keywords = case(name)
    keywords |= {"nonfinite": "skip"}
    pred[3], pred[5] = np.nan, np.inf
    if name != "giou":
        target = target.copy()
        target[7:11] = 1
        keywords["ignore_index"] = 1
    if weights:
        keywords["weights"] = np.random.default_rng(1).uniform(0, 2, len(pred))
    if name == "ce":
        keywords["class_weights"] = (1, 0.3, 2, 0.1, 1)
    value, gradient = outcome(name, pred, target, **keywords)
    found, slopes = outcome(name, pred, target, arithmetic="native", **keywords)
    assert found == pytest.approx(value, rel=NEAR)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("pred_type", [np.float64, np.int64])
def test_float64_and_whole_numbers_are_computed_as_ever(pred_type):
    pred, target, _ = case("mse")
    pred = (100 * pred).astype(pred_type)
    result = lossctl.evaluate("mse", pred, target, arithmetic="native")
    assert result.value == lossctl.loss("mse")(pred, target)
    assert "arithmetic=float64" in result.signature


def test_float16_is_computed_in_float32():
    pred, target, keywords = case("bce")
    half = pred.astype(np.float16)
    result = lossctl.evaluate("bce", half, target, arithmetic="native", **keywords)
    assert "arithmetic=native" in result.signature
    assert result.value == lossctl.loss("bce")(half.astype(np.float32), target, arithmetic="native", **keywords)


def test_default_is_float64():
    pred, target, _ = case("giou")
    assert "arithmetic=float64" in lossctl.evaluate("giou", pred, target).signature


@pytest.mark.parametrize("scale", [1e-18, 1e-10, 1e10, 1e18])
@pytest.mark.parametrize("name", ["iou", "giou", "diou", "ciou", "eiou", "siou", "wiou", "shape-iou", "gwd", "kfiou"])
def test_boxes_of_any_size(name, scale):
    pred, target, _ = case(name)
    unit = np.float32(scale) * (np.float32([1, 1, 1, 1, 0]) + np.float32([0, 0, 0, 0, 1 / scale]))[: pred.shape[1]]
    value = lossctl.loss(name)(pred * unit, target * unit)
    assert lossctl.loss(name)(pred * unit, target * unit, arithmetic="native") == pytest.approx(value, rel=1e-5)


def test_what_overflows_is_told():
    pred, target = np.full(10, 1e30, np.float32), np.zeros(10, np.float32)
    result = lossctl.evaluate("mse", pred, target, arithmetic="native")
    assert result.value == np.inf
    assert result.infinite == 10
    assert "10 of 10 items have an infinite mse" in result.warnings[0]


def test_all_pairs():
    pred, target, _ = case("giou", n=150)
    exact = lossctl.loss("giou").pairs(pred, target)
    found = lossctl.loss("giou").pairs(pred, target, arithmetic="native")
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)
    assert (found != exact).any()


@pytest.mark.parametrize("name", WHOLE)
def test_refused_where_there_is_no_such_thing(name):
    pred, target, keywords = case("dice")
    with pytest.raises(UsageError, match=f"arithmetic has no effect on {name}"):
        lossctl.loss(name)(pred[:, :1], target > 0, arithmetic="native", **keywords)


def test_refuses_other_words():
    with pytest.raises(UsageError, match="arithmetic is 'float32'; expected float64, native"):
        lossctl.loss("mse")([1], [2], arithmetic="float32")


def test_command_line(tmp_path):
    pred, target, _ = case("giou")
    np.save(tmp_path / "p.npy", pred)
    np.save(tmp_path / "t.npy", target)
    run = [
        sys.executable,
        "-m",
        "lossctl",
        "box",
        "giou",
        "p.npy",
        "t.npy",
        "--arithmetic",
        "native",
        "--format",
        "json",
    ]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    (result,) = json.loads(done.stdout)["results"]
    assert result["value"] == lossctl.loss("giou")(pred, target, arithmetic="native")
    assert result["signature"].split("|")[-2] == "arithmetic=native"


def test_a_loss_of_ones_own(tmp_path):
    own = tmp_path / "mine.py"
    text = "SHAPE = 'numbers'\nTINY = 1e-60\n\n\ndef value(pred, target):\n    return {}\n"
    own.write_text(f'"""Mine."""\n{text.format("abs(pred - target) * 0.1 + TINY")}')
    pred, target, _ = case("mse")
    value = lossctl.loss(str(own))(pred, target)
    assert lossctl.loss(str(own))(pred, target, arithmetic="native") == pytest.approx(value, rel=NEAR)
    # What a constant of one's own is in float32, it is: only those of the package mean the end of a range.
    own.write_text(f'"""Mine."""\n{text.format("0.0 * pred + TINY + 1e-50")}')
    assert lossctl.loss(str(own))(pred, target, arithmetic="native") == 0


@pytest.mark.parametrize("name", ["mae", "tversky"])
def test_all_but_the_first_sums_are_doubles(name):
    """Of four whole numbers these sums are exact in single precision, of a block they are not."""
    chance = np.random.default_rng(8)
    if name == "mae":
        numbers = chance.integers(0, 1 << 20, 50_001).astype(np.float32)
        single = lossctl.loss("mae")(numbers, 0 * numbers, reduction="sum", arithmetic="native")
        assert single == numbers.astype(np.float64).sum()
    else:
        pred, target = chance.integers(0, 1 << 20, 1 << 18).astype(np.float32) / (1 << 20), chance.random(1 << 18) < 0.5
        keywords = {"input": "probs", "layout": "HW", "fp_weight": 1, "fn_weight": 0, "smooth": 0}
        single = lossctl.loss("tversky")(pred, target, arithmetic="native", **keywords)
        assert single == pytest.approx(lossctl.loss("tversky")(pred.astype(np.float64), target, **keywords), rel=1e-12)


@pytest.mark.parametrize("gamma", [79.0, 84.0, 90.0, 1000.0])
def test_a_bend_beyond_the_range_of_float32_is_cut(gamma):
    pred, target = np.array([0.25, 0.5, 1, 2], np.float32), np.zeros(4, np.float32)
    balanced = lossctl.loss("balanced-l1", a=1.0, gamma=gamma)
    single, rough = balanced.value_and_gradient(pred, target, arithmetic="native", reduction="none")
    value, slope = balanced.value_and_gradient(pred, target, reduction="none")
    assert single == pytest.approx(value, rel=NEAR)
    assert rough == pytest.approx(slope, rel=NEAR)
