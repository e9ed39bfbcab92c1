"""What items become together: means that weigh, roots, weights, and what is ignored."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf
from ranges import needed

import lossctl
from lossctl.loss import find, names

CHANCE = np.random.default_rng(7)
Z, Y = CHANCE.normal(0, 3, 12), np.array([1.0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0])
ROWS, LABELS = CHANCE.normal(0, 3, (12, 4)), np.array([0, 1, 2, 3, 3, 1, 0, 0, 2, 1, 1, 3])
WEIGHTS = np.array([1.0, 2, 1, 1, 2, 1, 0, 1, 2, 1, 1, 2])
COUNTS = WEIGHTS.astype(int)


def data(name):
    """Return prediction, target and keywords for a loss whose items are added up."""
    loss = find(name)
    keywords = {"input": "logits"} if loss.takes_scores else {}
    if loss.shape == "boxes":
        p, g = np.sort(CHANCE.normal(0, 5, (2, 12, 2, 2)), axis=2).reshape(2, 12, 4)
        # Every pair overlaps, so that none weighs nothing.
        g[:, :2], g[:, 2:] = np.minimum(g[:, :2], p[:, :2] + 0.1), np.maximum(g[:, 2:], p[:, 2:] - 0.2)
        return p, g, keywords
    if loss.shape == "rotated":
        p, g = (np.column_stack([CHANCE.normal(0, 5, (12, 2)), CHANCE.uniform(1, 9, (12, 3))]) for _ in range(2))
        return p, g, keywords
    if loss.shape == "classes":
        target = CHANCE.normal(0, 3, (12, 4)) if loss.target_input else LABELS if loss.has_target else None
        return ROWS, target, keywords
    if loss.inside:
        # Labels -1 and 1 of positive scores suit every loss that is not defined everywhere.
        return np.abs(Z), 2 * Y - 1 if "labels" in str(loss.parameters) else np.abs(CHANCE.normal(0, 2, 12)), keywords
    return Z, Y if loss.shape == "binary" else CHANCE.normal(0, 2, 12), keywords


# Of one prediction; those of several sides have tests of their own (test_ranking.py, and run/test_reductions.py).
SUMMED = [name for name in names() if find(name).shape != "regions" and find(name).family != "ranking"]


def part(side, index):
    return None if side is None else side[index]


@pytest.mark.parametrize("name", SUMMED)
def test_a_weight_of_2_is_an_item_twice(name):
    pred, target, keywords = data(name)
    f = lossctl.loss(name, **needed(find(name)))
    again = np.repeat(np.arange(12), COUNTS)
    value, slope = f.value_and_gradient(pred, target, weights=WEIGHTS, **keywords)
    expected, slopes = f.value_and_gradient(pred[again], part(target, again), **keywords)
    assert value == pytest.approx(expected, rel=1e-14)
    summed = np.zeros_like(slope)
    np.add.at(summed, again, slopes)
    np.testing.assert_allclose(slope, summed, rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize(
    "name", [n for n in SUMMED if find(n).family != "box" and find(n).has_target and not find(n).target_input]
)
def test_ignoring_is_deleting(name):
    pred, target, keywords = data(name)
    f = lossctl.loss(name)
    left_out = np.zeros(12, bool)
    left_out[[0, 4, 11]] = True
    masked = np.where(left_out, 255, target)
    value, slope = f.value_and_gradient(pred, masked, ignore_index=255, **keywords)
    expected, slopes = f.value_and_gradient(pred[~left_out], target[~left_out], **keywords)
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(slope[~left_out], slopes, rtol=1e-15)
    assert not slope[left_out].any()


# Without an ignored pixel its neighbours would lie closer together.
DELETED = [n for n in names() if find(n).shape == "regions" and "from_pred" not in find(n).data]


@pytest.mark.parametrize("name", DELETED)
@pytest.mark.parametrize("classes", [1, 3])
def test_ignored_pixels_are_deleted(name, classes):
    z = CHANCE.normal(0, 3, (1, 1, 12, classes))
    y = CHANCE.integers(0, max(2, classes), (1, 1, 12))
    y[0, 0, :4] = [0, 1, 0, min(2, classes)]
    kept = np.arange(12) % 5 != 4
    masked = np.where(kept, y, 255)
    keywords = {"input": "logits", "layout": "NHWC"}
    if classes == 1:
        z, keywords["layout"] = z[..., 0], "NHW"
        keywords["aggregate"] = "global"
    f = lossctl.loss(name)
    value, slope = f.value_and_gradient(z, masked, ignore_index=255, **keywords)
    expected, slopes = f.value_and_gradient(z[:, :, kept], y[:, :, kept], **keywords)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(slope[:, :, kept], slopes, rtol=1e-13, atol=1e-17)
    assert not slope[:, :, ~kept].any()


def test_focal_eiou_is_a_weighted_mean():
    p, g, _ = data("focal-eiou")
    focus = (1 - lossctl.loss("iou")(p, g, reduction="none")) ** 0.5
    eiou = lossctl.loss("eiou")
    expected = (focus * eiou(p, g, reduction="none")).sum() / focus.sum()
    value, slope = lossctl.loss("focal-eiou").value_and_gradient(p, g)
    assert value == pytest.approx(expected, rel=1e-14)
    slopes = focus[:, None] * eiou.gradient(p, g, reduction="sum") / focus.sum()
    np.testing.assert_allclose(slope, slopes, rtol=1e-12, atol=1e-16)


def test_focal_eiou_of_disjoint_pairs_has_no_mean():
    with pytest.raises(lossctl.DataError):
        lossctl.loss("focal-eiou")([[20, 0, 30, 10]], [[0, 0, 10, 10]])


@pytest.mark.parametrize("version", ["2", "3"])
def test_wiou_compares_with_the_mean_of_all_boxes(version):
    p, g, _ = data("wiou")
    mean = lossctl.loss("iou")(p, g)
    auto, given = lossctl.loss("wiou", version=version), lossctl.loss("wiou", version=version, iou_mean=mean)
    for keywords in ({}, {"weights": WEIGHTS}, {"reduction": "none"}):
        value, slope = auto.value_and_gradient(p, g, **keywords)
        expected, slopes = given.value_and_gradient(p, g, **keywords)
        np.testing.assert_allclose(value, expected, rtol=1e-14)
        np.testing.assert_allclose(slope, slopes, rtol=1e-14)


def test_class_weights_divide_the_mean():
    weights = [0.5, 1.0, 3.0, 0.25]
    f = lossctl.loss("ce")
    items = f(ROWS, LABELS, input="logits", reduction="none")
    counts = np.array(weights)[LABELS]
    value, slope = f.value_and_gradient(ROWS, LABELS, input="logits", class_weights=weights)
    assert value == pytest.approx((counts * items).sum() / counts.sum(), rel=1e-14)
    one_hot = np.eye(4)[LABELS]
    same, its_slope = f.value_and_gradient(ROWS, one_hot, input="logits", class_weights=weights, layout="NC")
    assert same == value
    np.testing.assert_array_equal(slope, its_slope)


@pytest.mark.parametrize("scale", [1e-140, 1.0, 1e140])
def test_root_of_the_mean(scale):
    pred, target = Z * scale, Z[::-1] * scale
    with mp.workdps(60):
        squares = [(mpf(a) - mpf(b)) ** 2 for a, b in zip(pred, target, strict=True)]
        root = mp.sqrt(sum(squares) / 12)
        slopes = [(mpf(a) - mpf(b)) / (12 * root) for a, b in zip(pred, target, strict=True)]
    value, slope = lossctl.loss("rmse").value_and_gradient(pred, target)
    assert value == pytest.approx(float(root), rel=1e-15)
    np.testing.assert_allclose(slope, np.array(slopes, float), rtol=1e-15)


def test_root_of_nothing_has_no_slope():
    value, slope = lossctl.loss("rmse").value_and_gradient([1.0, 2.0], [1.0, 2.0])
    assert value == 0
    assert not slope.any()


def test_automatic_weight_of_positives():
    f = lossctl.loss("bce")
    for keywords in ({}, {"ignore_index": 0.5}):
        y = np.where(np.arange(12) % 5 == 4, 0.5, Y) if keywords else Y
        used = y != 0.5
        weight = (1 - y[used]).sum() / y[used].sum()
        value, slope = f.value_and_gradient(Z, y, input="logits", pos_weight="auto", **keywords)
        expected, slopes = f.value_and_gradient(Z, y, input="logits", pos_weight=weight, **keywords)
        assert value == expected
        np.testing.assert_array_equal(slope, slopes)


@pytest.mark.parametrize("name", ["giou", "ce", "bce", "mse"])
def test_sum_normalizer_and_mean(name):
    pred, target, keywords = data(name)
    f = lossctl.loss(name)
    items = f(pred, target, reduction="none", **keywords)
    total, slope = f.value_and_gradient(pred, target, reduction="sum", **keywords)
    assert total == pytest.approx(math.fsum(items), rel=1e-15)
    for divisor, given in ((12, {}), (5, {"normalizer": 5})):
        value, its_slope = f.value_and_gradient(pred, target, **given, **keywords)
        assert value == pytest.approx(total / divisor, rel=1e-15)
        np.testing.assert_allclose(its_slope, slope / divisor, rtol=1e-15)


@pytest.mark.parametrize("name", ["js", "kl", "ce", "entropy"])
@pytest.mark.parametrize("top", [1e4, 1e308])
def test_slopes_of_impossible_classes_are_numbers(name, top):
    # exp of the differences is 0, and their logarithm far beyond the range of doubles.
    z, y = np.array([[top, -top, 0.0]]), np.array([0])
    slopes = lossctl.loss(name).gradient(z, y if find(name).has_target else None, input="logits")
    assert not slopes.any()
