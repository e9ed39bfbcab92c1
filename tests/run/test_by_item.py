"""Results that are not of all items at once: the hardest ones, groups, and weights that the prediction gives."""

import math

import numpy as np
import pytest
from cases import SUMMED, case, each

import lossctl

CHANCE = np.random.default_rng(21)


@pytest.mark.parametrize("fraction", [0.001, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("name", ["bce", "giou", "ce", "mse"])
def test_hardest_is_the_mean_of_the_largest(name, fraction):
    pred, target, keywords = case(name, n=1500)
    loss = lossctl.loss(name)
    items = np.sort(loss(pred, target, reduction="none", **keywords))[::-1]
    most = max(1, math.ceil(fraction * len(items)))
    value, slope = loss.value_and_gradient(pred, target, reduction=f"hardest:{fraction}", **keywords)
    assert value == pytest.approx(items[:most].mean(), rel=1e-14)
    each = loss.gradient(pred, target, reduction="none", **keywords)
    rows = slope.reshape(1500, -1).any(axis=1)
    assert rows.sum() <= most
    np.testing.assert_allclose(slope[rows], each[rows] / most, rtol=1e-14)


def test_ties_go_by_position():
    slope = lossctl.loss("mae").gradient([1.0, -1, 1, 1], [0.0] * 4, reduction="hardest:0.5")
    assert slope.tolist() == [0.5, -0.5, 0, 0]


def test_hardest_ranks_unweighted_and_averages_weighted():
    loss, weights = lossctl.loss("mae"), [0.0, 1, 3, 100]
    value = loss([5.0, 4, 3, 1], [0.0] * 4, weights=weights, reduction="hardest:0.75")
    assert value == (4 * 1 + 3 * 3) / 4
    ignored = loss([5.0, 4, 3, 1], [9.0, 0, 0, 0], ignore_index=9, reduction="hardest:0.4")
    assert ignored == 3.5
    with pytest.raises(lossctl.DataError, match="all weights are 0"):
        loss([5.0, 4], [0.0, 0], weights=[0, 1], reduction="hardest:0.5")


def test_hardest_divides_as_the_mean_does():
    pred, target, keywords = case("ce", n=200)
    weights = [1, 2, 3, 4, 5]
    loss = lossctl.loss("ce")
    items = loss(pred, target, reduction="none", class_weights=weights, **keywords)
    hard = np.argsort(-items, kind="stable")[:50]
    expected = items[hard].sum() / np.array(weights)[target[hard]].sum()
    value = loss(pred, target, reduction="hardest:0.25", class_weights=weights, **keywords)
    assert value == pytest.approx(expected, rel=1e-14)


def test_hardest_images():
    z, y = CHANCE.normal(0, 2, (6, 8, 8)), CHANCE.integers(0, 2, (6, 8, 8))
    keywords = {"input": "logits", "layout": "NHW", "aggregate": "per-image"}
    dice = lossctl.loss("dice")
    each = dice(z, y, reduction="none", **keywords)
    value, slope = dice.value_and_gradient(z, y, reduction="hardest:0.34", **keywords)
    assert value == pytest.approx(np.sort(each)[-3:].mean(), rel=1e-14)
    assert slope.reshape(6, -1).any(axis=1).sum() == 3


@pytest.mark.parametrize("name", SUMMED)
def test_a_group_is_as_its_items_alone(name):
    pred, target, keywords = case(name, n=2100)
    labels = CHANCE.choice(["cat", "dog", "ox"], 2100)
    weights = CHANCE.random(2100)
    for reduction in ("mean", "sum", "hardest:0.3"):
        given = keywords | {"reduction": reduction}
        result = lossctl.evaluate(name, pred, target, weights=weights, group_by=labels, **given)
        assert [group.label for group in result.groups] == list(dict.fromkeys(labels.tolist()))
        assert sum(group.count for group in result.groups) == result.count
        assert result.value == lossctl.evaluate(name, pred, target, weights=weights, **given).value
        for group in result.groups:
            mine = labels == group.label
            goal = None if target is None else target[mine]
            alone = lossctl.evaluate(
                name, each(lambda side, mine=mine: side[mine], pred), goal, weights=weights[mine], **given
            )
            assert group.value == pytest.approx(alone.value, rel=1e-15)
            assert group.count == alone.count


def test_groups_of_numbers_are_the_same_bits_as_alone():
    pred, target = CHANCE.normal(size=(2, 9000))
    labels = (np.arange(9000) ** 2) % 3
    result = lossctl.evaluate("rmse", pred, target, group_by=labels)
    for group in result.groups:
        mine = labels == int(group.label)
        assert group.value == lossctl.loss("rmse")(pred[mine], target[mine])


def test_groups_by_class():
    z, y = CHANCE.normal(size=(2, 3, 5, 5)), CHANCE.integers(0, 3, (2, 5, 5))
    y[0, 0, :] = 255
    result = lossctl.evaluate("ce", z, y, input="logits", ignore_index=255, group_by="class")
    items = lossctl.loss("ce")(z, y, input="logits", ignore_index=255, reduction="none")
    for group in result.groups:
        assert group.value == pytest.approx(items[y[y < 255] == int(group.label)].mean(), rel=1e-14)
    assert [group.label for group in result.groups] == ["0", "1", "2"]
    one_hot = np.moveaxis(np.eye(3)[np.where(y == 255, 0, y)], -1, 1)
    soft = lossctl.evaluate("ce", z, one_hot, input="logits", group_by="class", layout="NCHW")
    assert [group.count for group in soft.groups] == [int(one_hot[:, c].sum()) for c in range(3)]


def test_groups_of_images():
    z, y = CHANCE.normal(size=(5, 3, 6, 6)), CHANCE.integers(0, 3, (5, 6, 6))
    labels = ["b", "a", "b", "a", "a"]
    keywords = {"input": "logits", "aggregate": "per-image"}
    for name in ("dice", "lovasz-softmax", "generalized-dice"):
        result = lossctl.evaluate(name, z, y, group_by=labels, **keywords)
        for group, places in zip(result.groups, ([0, 2], [1, 3, 4]), strict=True):
            assert group.value == pytest.approx(lossctl.loss(name)(z[places], y[places], **keywords), rel=1e-14)
    pooled = lossctl.evaluate("dice", z, y, group_by=labels, input="logits", aggregate="global")
    assert pooled.groups[0].value == lossctl.loss("dice")(z[[0, 2]], y[[0, 2]], input="logits", aggregate="global")
    classes = lossctl.evaluate("dice", z, y, group_by="class", **keywords)
    each = np.reshape(lossctl.loss("dice")(z, y, reduction="none", **keywords), (5, 3))
    np.testing.assert_allclose([group.value for group in classes.groups], each.mean(axis=0), rtol=1e-14)
    images = lossctl.evaluate("ce", z, y, input="logits", group_by="image")
    assert [group.count for group in images.groups] == [36] * 5
    # One label for each image goes for all of its pixels.
    assert lossctl.evaluate("ce", z, y, input="logits", group_by=labels).groups[0].count == 72


def test_a_group_of_which_nothing_counts():
    result = lossctl.evaluate("mae", [1.0, 2, 3], [0.0, 9, 9], ignore_index=9, group_by=["a", "b", "b"])
    assert [(group.value, group.count, group.ignored) for group in result.groups] == [(1.0, 1, 0), (None, 0, 2)]
    record = result.as_record()["groups"][1]
    assert record == {"group": "b", "value": None, "count": 0, "ignored": 2}


@pytest.mark.parametrize("power", [0, 1, 2, 3.5])
def test_foreground_weights(power):
    z = CHANCE.normal(0, 3, (40, 4))
    y = CHANCE.integers(0, 4, 40)
    q = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    weights = (1 - q[:, 1:].max(axis=1)) ** power * q[:, 0]
    ce, scheme = lossctl.loss("ce"), f"foreground(power={power})"
    value, slope = ce.value_and_gradient(z, y, input="logits", weights=scheme)
    expected, its_slope = ce.value_and_gradient(z, y, input="logits", weights=weights)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(slope, its_slope, rtol=1e-11, atol=1e-16)
    maps, labels = z.T.reshape(1, 4, 5, 8), y.reshape(1, 5, 8)
    assert ce(maps, labels, input="logits", weights=scheme) == pytest.approx(expected, rel=1e-13)
    assert ce(q, y, input="probs", weights=scheme) == pytest.approx(expected, rel=1e-12)
    chance = 1 / (1 + np.exp(-z[:, 0]))
    bce = lossctl.loss("bce")
    single = bce(z[:, 0], y > 1, input="logits", weights=(1 - chance) ** (power + 1))
    assert bce(z[:, 0], y > 1, input="logits", weights=scheme) == pytest.approx(single, rel=1e-12)
    hard = bce(z[:, 0], y > 1, input="logits", weights=scheme, reduction="hardest:0.5")
    both = bce(z[:, 0], y > 1, input="logits", weights=(1 - chance) ** (power + 1), reduction="hardest:0.5")
    assert hard == pytest.approx(both, rel=1e-12)


def test_foreground_weights_compiled():
    z, y = CHANCE.normal(0, 3, (12000, 4)), CHANCE.integers(0, 4, 12000)
    q = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    weights = (1 - q[:, 1:].max(axis=1)) ** 2 * q[:, 0]
    ce = lossctl.loss("ce")
    expected = ce(z, y, input="logits", weights=weights)
    assert ce(z, y, input="logits", weights="foreground") == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("mse", {"reduction": "hardest:0"}, "expected none, sum, mean, hardest:F"),
        ("mse", {"reduction": "hardest:1.5"}, "expected none, sum, mean, hardest:F"),
        ("mse", {"reduction": "hardest"}, "expected none, sum, mean, hardest:F"),
        ("mse", {"reduction": "hardest:0.5", "normalizer": 3}, "normalizer with reduction"),
        ("rmse", {"reduction": "hardest:0.5"}, "rmse is one number for all items"),
        ("mse", {"group_by": "class"}, "mse knows nothing of a class"),
        ("mse", {"group_by": ["a", "b"], "reduction": "none"}, "group_by with reduction 'none'"),
        ("mse", {"weights": "foreground"}, "mse has no foreground"),
        ("mse", {"weights": "foreground(power=-1)"}, "power is -1; expected ≥ 0"),
        ("mse", {"weights": "foreground(2)"}, "cannot read the weights"),
    ],
)
def test_what_does_not_go_together(name, keywords, message):
    with pytest.raises(lossctl.UsageError, match=message):
        lossctl.loss(name)([1.0, 2], [1.0, 2], **keywords)


def test_labels_have_to_be_as_many_as_items():
    with pytest.raises(lossctl.DataError, match="3 group labels for 2 items"):
        lossctl.evaluate("mse", [1.0, 2], [1.0, 2], group_by=["a", "b", "c"])
    with pytest.raises(lossctl.DataError, match="3 group labels for 2 images"):
        lossctl.evaluate(
            "dice", np.zeros((2, 3, 3)), np.ones((2, 3, 3)), group_by=["a", "b", "c"], input="logits", layout="NHW",
            aggregate="per-image",
        )  # fmt: skip
