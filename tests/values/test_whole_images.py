"""Losses of whole images against brute force: distances by looking at every pixel, Lovász by its definition."""

import itertools

import numpy as np
import pytest

import lossctl

CHANCE = np.random.default_rng(11)


def boundary(mask):
    """Return every pixel's distance to the nearest pixel that is not like it."""
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    found = np.empty(mask.shape)
    for at in np.ndindex(*mask.shape):
        others = np.argwhere(mask != mask[at])
        found[at] = np.sqrt(((others - at) ** 2).sum(axis=1)).min()
    return found


def hausdorff(q, y, alpha):
    return ((q - y) ** 2 * (boundary(q >= 0.5) ** alpha + boundary(y >= 0.5) ** alpha)).mean()


def blobs(n, height, width):
    y, x = np.mgrid[:height, :width]
    masks = [
        (x - a) ** 2 + (y - b) ** 2 < r * r for a, b, r in CHANCE.uniform(2, min(height, width), (n, 3)) / [1, 1, 2]
    ]
    return np.array(masks, float)


@pytest.mark.parametrize("alpha", [1.0, 2.0, 0.7])
def test_hausdorff_of_every_image(alpha):
    y = blobs(3, 11, 17)
    q = np.clip(0.8 * blobs(3, 11, 17) + CHANCE.uniform(0, 0.3, y.shape), 0, 1)
    loss = lossctl.loss("hausdorff", alpha=alpha)
    keywords = {"input": "probs", "layout": "NHW"}
    each = [hausdorff(a, b, alpha) for a, b in zip(q, y, strict=True)]
    values = loss(q, y, reduction="none", aggregate="per-image", **keywords)
    np.testing.assert_allclose(values, each, rtol=1e-13)
    # As many pixels in every image: pooling them is the mean of the images.
    assert loss(q, y, aggregate="global", **keywords) == pytest.approx(np.mean(each), rel=1e-13)
    classes = np.stack([1 - q, q], axis=1)
    labels = y.astype(int)
    both = loss(classes, labels, input="probs", aggregate="per-image", reduction="none", layout="NCHW")
    background = [hausdorff(1 - a, 1 - b, alpha) for a, b in zip(q, y, strict=True)]
    np.testing.assert_allclose(both, np.stack([background, each], axis=1).ravel(), rtol=1e-12)


def test_hausdorff_where_a_mask_is_empty_or_full():
    q = np.full((3, 4), 0.7)
    y = np.zeros((3, 4))
    y[1, 1] = 1
    loss = lossctl.loss("hausdorff")
    assert loss(q, y, input="probs") == pytest.approx(hausdorff(q, y, 2.0), rel=1e-14)
    assert loss(q, np.ones((3, 4)), input="probs") == 0


def test_ignored_pixels_are_background_for_distances():
    q, y = np.array([[0.9, 0.8, 0.2, 0.1]]), np.array([[1.0, 255, 0, 0]])
    # The second pixel counts nothing and belongs to no mask: both boundaries lie left of it.
    expected = (0.1**2 * 2 + 0.2**2 * 8 + 0.1**2 * 18) / 3
    assert lossctl.loss("hausdorff")(q, y, input="probs", ignore_index=255, layout="HW") == pytest.approx(expected)


def jaccard_loss(wrong, truth):
    """Return 1 - |truth minus wrong| / |truth plus wrong| of a set of wrong pixels."""
    hits = sum(truth[i] for i in range(len(truth)) if i not in wrong)
    union = sum(truth) + sum(1 - truth[i] for i in wrong)
    return 1 - hits / union if union else 0.0


def choquet(errors, truth):
    """The Lovász extension as an integral over thresholds: of the loss of the set of errors above each."""
    levels = sorted({0.0, *errors})
    found = 0.0
    for low, high in itertools.pairwise(levels):
        found += (high - low) * jaccard_loss({i for i, e in enumerate(errors) if e >= high}, truth)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_lovasz_is_an_integral_over_thresholds(seed):
    chance = np.random.default_rng(seed)
    y = chance.integers(0, 2, 14) if seed else np.zeros(14, int)
    # In halves, so that many errors are equal.
    z = chance.normal(0, 2, 14) if seed % 2 else np.round(chance.normal(0, 4, 14)) / 2
    errors = np.maximum(0, 1 - z * (2 * y - 1))
    z[0] = 3.0
    errors = np.maximum(0, 1 - z * (2 * y - 1))
    assert lossctl.loss("lovasz-hinge")(z, y) == pytest.approx(choquet(errors, y), rel=1e-13)
    q = np.round(chance.random(14), 1)
    if y.any():
        softmax = lossctl.loss("lovasz-softmax")(q, y, input="probs")
        assert softmax == pytest.approx(choquet(np.abs(q - y), y), rel=1e-13)


@pytest.mark.parametrize("name", ["lovasz-hinge", "lovasz-softmax", "hausdorff", "generalized-dice", "unified-focal"])
@pytest.mark.parametrize("aggregate", ["per-image", "global"])
@pytest.mark.parametrize("classes", [1, 3])
def test_gradients_against_differences(name, aggregate, classes):
    if classes == 3 and name == "lovasz-hinge":
        pytest.skip("of one channel")
    chance = np.random.default_rng(8)
    z = chance.normal(0, 2, (2, classes, 4, 5))
    y = chance.integers(0, max(2, classes), (2, 4, 5))
    keywords = {
        "aggregate": aggregate,
        "layout": "NCHW",
        "input": "logits",
        "weights": [1.0, 3.0][: 2 - (aggregate == "global")],
    }
    if aggregate == "global":
        del keywords["weights"]
    loss = lossctl.loss(name)
    gradient = loss.gradient(z, y, **keywords)
    for at in list(np.ndindex(*z.shape))[::3]:
        up, down = z.copy(), z.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        slope = (loss(up, y, **keywords) - loss(down, y, **keywords)) / 2e-6
        assert gradient[at] == pytest.approx(slope, abs=2e-8)


def test_generalized_dice_by_hand():
    chance = np.random.default_rng(9)
    scores = chance.random((2, 3, 4, 5))
    q = scores / scores.sum(axis=1, keepdims=True)
    labels = chance.integers(0, 2, (2, 4, 5))  # class 2 is never there
    y = np.moveaxis(np.eye(3)[labels], -1, 1)
    for weight, exponent in (("square", 2), ("simple", 1), ("uniform", 0)):
        each = []
        for a, b in zip(q, y, strict=True):
            totals = b.sum(axis=(1, 2))
            w = np.where(totals > 0, 1 / np.maximum(totals, 1) ** exponent, 0)
            w[2] = w.max()
            areas = a.sum(axis=(1, 2)) + totals
            each.append(1 - 2 * (w * (a * b).sum(axis=(1, 2))).sum() / (w * areas).sum())
        loss = lossctl.loss("generalized-dice", weight=weight)
        values = loss(q, labels, input="probs", aggregate="per-image", reduction="none")
        np.testing.assert_allclose(values, each, rtol=1e-13)
    assert len(loss(q, labels, input="probs", aggregate="global", reduction="none")) == 1


def test_only_classes_that_are_there_count_in_lovasz_softmax():
    z = CHANCE.normal(0, 2, (1, 4, 6, 6))
    y = CHANCE.integers(0, 2, (1, 6, 6))
    loss = lossctl.loss("lovasz-softmax")
    for absent in ("skip", "zero", "one"):
        result = lossctl.evaluate("lovasz-softmax", z, y, input="logits", absent=absent)
        assert (result.count, result.absent) == (2, 2)
    assert result.value == loss(z, y, input="logits")


def test_unified_focal_of_an_impossible_truth():
    loss = lossctl.loss("unified-focal")
    with pytest.raises(lossctl.DataError, match="1 of 1 image-classes have an infinite unified-focal"):
        loss([0.0, 0.5], [1, 0], input="probs")
    assert loss([0.0, 1.0], [0, 1], input="probs") == 0
    # Of logits it is finite, however sure and wrong they are.
    assert 100 < loss([-2000.0, 2000.0], [1, 0], input="logits") < 2000
    z = np.zeros((1, 3, 1, 4))
    z[0, 0] = 2000
    assert np.isfinite(loss(z, np.array([[[1, 1, 1, 2]]]), input="logits"))
