"""Reductions, weights, ignored items, absent classes: what the numbers mean."""

import numpy as np
import pytest
from cases import LABELLED, SUMMED, case, each, loss_of

import lossctl


def several(gradient):
    return gradient if isinstance(gradient, tuple) else (gradient,)


@pytest.mark.parametrize("name", SUMMED)
def test_weights_of_two_equal_repetition(name):
    pred, target, keywords = case(name, n=900)
    chance = np.random.default_rng(2)
    weights = chance.integers(0, 3, 900)
    repeated = each(lambda side: np.repeat(side, weights, axis=0), pred)
    again = None if target is None else np.repeat(target, weights, axis=0)
    loss = lossctl.loss(name)
    for reduction in ("mean", "sum"):
        weighed = loss(pred, target, weights=weights, reduction=reduction, **keywords)
        assert weighed == pytest.approx(loss(repeated, again, reduction=reduction, **keywords), rel=1e-14)


@pytest.mark.parametrize("name", LABELLED)
def test_masking_equals_deleting(name):
    pred, target, keywords = case(name, n=1700)
    loss = loss_of(name)
    if loss.shape == "regions":
        pred, target, keywords = pred[:1], target[:1], {"input": "logits"}
    hidden = np.random.default_rng(4).random(target.shape) < 0.3
    masked = np.where(hidden, 99, target)
    if loss.shape == "regions":
        rest, kept = np.moveaxis(pred, 1, 3)[~hidden], target[~hidden]
        deleted = keywords | {"layout": "NC"}
    else:
        rest, kept, deleted = each(lambda side: side[~hidden], pred), target[~hidden], keywords
    function = lossctl.loss(name)
    expected, slopes = function.value_and_gradient(rest, kept, **deleted)
    value, gradient = function.value_and_gradient(pred, masked, ignore_index=99, **keywords)
    assert value == pytest.approx(expected, rel=1e-14)
    gradient = np.moveaxis(gradient, 1, 3) if loss.shape == "regions" else gradient
    for by, expected_by in zip(*map(several, (gradient, slopes)), strict=True):
        assert np.allclose(by[~hidden], expected_by, rtol=1e-12, atol=0)
        assert not by[hidden].any()
    if function.name != "rmse" and loss.shape != "regions":
        items = function(pred, masked, ignore_index=99, reduction="none", **keywords)
        assert items.tobytes() == function(rest, kept, reduction="none", **deleted).tobytes()


@pytest.mark.parametrize("name", SUMMED)
def test_gradient_is_that_of_the_reduction(name):
    pred, target, keywords = case(name, n=60)
    loss = lossctl.loss(name)
    weights = np.arange(60.0)
    ways = ({"reduction": "none"}, {"reduction": "sum"}, {"normalizer": 7}, {"reduction": "sum", "weights": weights})
    gradients = [several(loss.gradient(pred, target, **way, **keywords)) for way in ways]
    for each_item, summed, divided, weighed in zip(*gradients, strict=True):
        assert each_item.tobytes() == summed.tobytes()
        assert np.allclose(divided, each_item / 7, rtol=1e-15)
        shape = (60,) + (1,) * (each_item.ndim - 1)
        assert np.allclose(weighed, each_item * weights.reshape(shape), rtol=1e-15)


@pytest.mark.parametrize("aggregate", ["per-image", "global"])
@pytest.mark.parametrize("name", ["dice", "jaccard", "tversky"])
def test_region_gradient_against_differences(name, aggregate):
    chance = np.random.default_rng(6)
    pred, target = chance.normal(0, 2, (3, 4, 5)), chance.integers(0, 2, (3, 4, 5))
    loss = lossctl.loss(name)
    gradient = loss.gradient(pred, target, input="logits", aggregate=aggregate, layout="NHW")
    step = 1e-6
    for at in np.ndindex(3, 4, 5):
        up, down = pred.copy(), pred.copy()
        up[at] += step
        down[at] -= step
        keywords = {"input": "logits", "aggregate": aggregate, "layout": "NHW"}
        slope = (loss(up, target, **keywords) - loss(down, target, **keywords)) / (2 * step)
        assert gradient[at] == pytest.approx(slope, abs=1e-9)


def one_hot(labels, classes):
    return np.moveaxis(np.eye(classes)[labels], -1, 1)


def test_per_image_and_global_by_hand():
    chance = np.random.default_rng(7)
    scores = chance.random((2, 3, 4, 5))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    labels = chance.integers(0, 3, (2, 4, 5))
    y = one_hot(labels, 3)
    both = (probabilities * y).sum(axis=(2, 3)), probabilities.sum(axis=(2, 3)) + y.sum(axis=(2, 3))
    per_image = (1 - 2 * both[0] / both[1]).mean()
    pooled = (1 - 2 * both[0].sum(axis=0) / both[1].sum(axis=0)).mean()
    dice = lossctl.loss("dice")
    assert dice(probabilities, labels, input="probs", aggregate="per-image") == pytest.approx(per_image, rel=1e-14)
    assert dice(probabilities, labels, input="probs", aggregate="global") == pytest.approx(pooled, rel=1e-14)
    dense = dice(probabilities, y, input="probs", aggregate="global", layout="NCHW")
    assert dense == pytest.approx(pooled, rel=1e-14)
    without = (1 - 2 * both[0].sum(axis=0) / both[1].sum(axis=0))[1:].mean()
    keywords = {"input": "probs", "aggregate": "global", "include_background": False}
    assert dice(probabilities, labels, **keywords) == pytest.approx(without, rel=1e-14)


def test_absent_classes():
    scores = np.full((1, 3, 2, 2), -5.0)
    scores[0, 0] = 5.0  # class 0 wins everywhere, class 1 is there and missed, class 2 is nowhere
    labels = np.array([[[0, 0], [1, 1]]])
    dice = lossctl.loss("dice")
    values = dice(scores, labels, input="logits", reduction="none")
    assert len(values) == 2
    skipped, zero, one = (dice(scores, labels, input="logits", absent=rule) for rule in ("skip", "zero", "one"))
    assert skipped == pytest.approx(values.mean())
    assert zero == pytest.approx(values.sum() / 3)
    assert one == pytest.approx((values.sum() + 1) / 3)
    result = lossctl.evaluate("dice", scores, labels, input="logits")
    assert (result.absent, result.count) == (1, 2)
    empty = np.zeros((2, 2))
    with pytest.raises(lossctl.DataError, match="absent"):
        dice(np.full((2, 2), -4.0), empty, input="logits")
    assert dice(np.full((2, 2), 4.0), empty, input="logits") == pytest.approx(1)


def test_class_weights_divide_the_mean():
    scores, labels = np.random.default_rng(8).normal(size=(20, 3)), np.arange(20) % 3
    ce, weights = lossctl.loss("ce"), np.array([1.0, 2.0, 0.5])
    items = ce(scores, labels, input="logits", reduction="none")
    expected = (weights[labels] * items).sum() / weights[labels].sum()
    assert ce(scores, labels, input="logits", class_weights=weights) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(lossctl.UsageError, match="2 class weights for 3 classes"):
        ce(scores, labels, input="logits", class_weights=[1, 2])


def test_pos_weight_auto_reports_its_value():
    y = np.array([1, 0, 0, 0, 255])
    result = lossctl.evaluate("bce", np.zeros(5), y, input="logits", pos_weight="auto", ignore_index=255)
    assert result.parameters["pos_weight"] == 3
    assert "pos_weight=3," in result.signature
    with pytest.raises(lossctl.DataError, match="no target is positive"):
        lossctl.loss("bce")(np.zeros(2), np.zeros(2), input="logits", pos_weight="auto")


def test_focal_eiou_mean_weighs_by_overlap():
    pred, target = np.array([[0, 0, 10, 10], [0, 0, 20, 5], [50, 50, 60, 60.0]]), np.tile([0, 0, 10, 10.0], (3, 1))
    loss, eiou, iou = (
        lossctl.loss("focal-eiou"),
        lossctl.loss("eiou"),
        1 - lossctl.loss("iou")(pred, target, reduction="none"),
    )
    weight = np.sqrt(iou)
    expected = (weight * eiou(pred, target, reduction="none")).sum() / weight.sum()
    assert loss(pred, target) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(lossctl.DataError, match="every item weighs 0"):
        loss(pred[2:], target[2:])


def test_infinite_losses_are_told():
    boxes = [[0, 0, 1, 1], [0, 0, 2, 2]], [[5, 5, 6, 6], [0, 0, 2, 2]]
    result = lossctl.evaluate("iou", *boxes, form="log")
    assert result.value == np.inf
    assert result.infinite == 1
    assert "infinite" in result.warnings[0]
    with pytest.raises(lossctl.DataError, match="1 of 2 items have an infinite bce"):
        lossctl.loss("bce")([0.0, 0.5], [1, 1], input="probs")
    assert lossctl.loss("bce")([0.0, 1.0], [0, 1], input="probs") == 0


@pytest.mark.parametrize(
    ("name", "pred", "target", "keywords", "message"),
    [
        ("mse", [1.0], [2.0], {"weights": [0.0]}, "all weights are 0"),
        ("mse", [1.0, 2], [2.0, 2], {"weights": [1.0, -1]}, "weight -1 in row 1"),
        ("mse", [1.0, 2], [2.0, 2], {"weights": [1.0, np.nan]}, "weight nan in row 1"),
        ("mse", [1.0, 2], [2.0, 2], {"weights": [1.0]}, "same number of items"),
        ("mse", [1.0, 2], [7.0, 7], {"ignore_index": 7}, "all 2 items are ignored"),
        ("mse", [], [], {}, "no items"),
        ("mse", [[1.0], [2]], [1.0, 2], {}, "nothing is broadcast|shapes are 2×1 and 2"),
        ("mse", [1.0, 2, 3], [1.0, 2], {}, "3 predictions but 2 targets"),
        ("mse", [1.0, np.nan], [1.0, 2], {}, "nan at row 1"),
        ("mse", [1.0, 2], [1.0, np.inf], {}, "inf at row 1"),
        ("bce", [0.5, 1.5], [1, 0], {"input": "probs"}, "probability 1.5 at row 1 is outside 0..1"),
        ("bce", [0.5, 0.5], [1, 2], {"input": "logits"}, "target 2 at row 1 is outside 0..1"),
        ("ce", [[1.0, 2]], [2], {"input": "logits"}, "label 2 at row 0 is outside 0..1"),
        ("ce", [[1.0, 2]], [0.5], {"input": "logits"}, "label 0.5 at row 0"),
        ("ce", [[1.0, 2]], [-1], {"input": "logits"}, "label -1 at row 0"),
        ("ce", [[1.0, 2]], [0], {"input": "probs"}, "outside 0..1|sum to 3"),
        ("ce", [[0.6, 0.6]], [0], {"input": "probs"}, "row 0 sum to 1.2"),
        ("kl", [[0.5, 0.5]], [[0.5, 0.6]], {"input": "probs"}, "row 0 sum to 1.1"),
        ("ce", [[1.0, np.inf]], [0], {"input": "logits"}, r"inf at \(0, 1\)"),
        ("giou", [[0, 0, 1, np.nan]], [[0, 0, 1, 1]], {}, "row 0: coordinate that is not finite"),
        ("giou", [[0, 0, 1, 1]], [[0, 0, 1, -1]], {}, "target row 0: inverted box"),
        ("giou", [[0, 0, -1, 1]], [[0, 0, 1, 1]], {"box_format": "xywh"}, "row 0: negative size"),
        ("giou", [[0, 0, 1]], [[0, 0, 1]], {}, "expected N×4"),
        ("dice", [[0.5, 2]], [[0, 1]], {"input": "probs"}, r"probability 2 at \(0, 1\)"),
        ("dice", [[1.0, 2]], [[0, 255]], {"input": "logits"}, r"target 255 at \(0, 1\)"),
    ],
)  # fmt: skip
def test_bad_data(name, pred, target, keywords, message):
    with pytest.raises(lossctl.DataError, match=message):
        lossctl.loss(name)(np.asarray(pred, float), np.asarray(target, float), **keywords)


@pytest.mark.parametrize(
    ("name", "shapes", "keywords", "message"),
    [
        ("bce", [(2,), (2,)], {}, "needs to know what the prediction is"),
        ("rmse", [(2,), (2,)], {"reduction": "sum"}, "no reduction 'sum'"),
        ("giou", [(2, 4), (2, 4)], {"ignore_index": 1}, "ignore_index has no effect on giou"),
        ("mse", [(2,), (2,)], {"aggregate": "global"}, "aggregate has no effect on mse"),
        ("mse", [(2,), (2,)], {"reduction": "average"}, "expected none, sum, mean"),
        ("mse", [(2,), (2,)], {"normalizer": 2, "reduction": "sum"}, "normalizer with reduction"),
        ("mse", [(2,), (2,)], {"delta": 2}, "mse has no parameter 'delta'"),
        ("dice", [(2, 3, 4), (2, 3, 4)], {"input": "logits"}, "can be read in 2 ways"),
        ("ce", [(2, 5, 5, 5), (2, 5, 5)], {"input": "logits"}, "can be read in 2 ways"),
        ("dice", [(2, 3, 4), (2, 3, 4)], {"input": "logits", "layout": "NHW"}, "2 images: dice of each"),
        ("entropy", [(2, 3), (2, 3)], {"input": "probs"}, "takes no target"),
    ],
)
def test_bad_usage(name, shapes, keywords, message):
    sides = [np.full(shape, 0.0) for shape in shapes]
    with pytest.raises(lossctl.UsageError, match=message):
        lossctl.loss(name)(*sides, **keywords)
