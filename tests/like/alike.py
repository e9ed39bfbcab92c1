"""Data on which conventions show, and the comparison of our numbers with a library's."""

import numpy as np

import lossctl

CHANCE = np.random.default_rng(29)


def _boxes():
    pred = CHANCE.uniform(0, 60, (120, 4))
    pred[:, 2:] = pred[:, :2] + CHANCE.uniform(0.5, 40, (120, 2))
    target = pred + CHANCE.normal(0, 6, (120, 4))
    target[:, 2:] = np.maximum(target[:, 2:], target[:, :2] + 0.01)
    target[30:40] = pred[30:40]  # identical
    target[40:50] = pred[40:50] + 1e-6  # nearly
    target[50:60] = pred[50:60] + 500  # far away
    target[60:70] = pred[60:70] + np.tile(pred[60:70, 2:] - pred[60:70, :2], 2)  # corner to corner
    pred[70:75, 2] = pred[70:75, 0]  # without width
    target[75:80, 3] = target[75:80, 1]  # without height
    target[80:90] = pred[80:90] + np.array([-1, -1, 0.2, 0.2])  # around
    pred[90:110] *= 1e-3  # where an eps is not small
    target[90:110] *= 1e-3
    return pred, target


BOXES = _boxes()
ROTATED = tuple(
    np.column_stack([CHANCE.uniform(0, 60, (80, 2)), CHANCE.uniform(1, 40, (80, 2)), CHANCE.uniform(-2, 2, 80)])
    for _ in range(2)
)
LOGITS, HARD, SOFT = CHANCE.normal(0, 4, (12, 7)), CHANCE.integers(0, 2, (12, 7)).astype(float), CHANCE.random((12, 7))
SOFT[CHANCE.random((12, 7)) < 0.3] = 0.0
PROBS = CHANCE.random((12, 7))
PROBS[0], PROBS[1] = 0.0, 1.0
ROWS = CHANCE.normal(0, 4, (30, 5))
LABELS = CHANCE.integers(0, 5, 30)
SHARES = CHANCE.dirichlet([0.7] * 5, 30)
CLASS_WEIGHTS = CHANCE.uniform(0.2, 3, 5)
ITEM_WEIGHTS = CHANCE.uniform(0.2, 3, 84).reshape(12, 7)
NUMBERS = CHANCE.normal(0, 2, 60), CHANCE.normal(0, 2, 60)
# Class scores of three images of 9 × 11 pixels: class 3 is nowhere, class 2 not in the first image.
SCORES = CHANCE.normal(0, 3, (3, 4, 9, 11))
CLASS_MAP = CHANCE.integers(0, 3, (3, 9, 11))
CLASS_MAP[0][CLASS_MAP[0] == 2] = 1
MASK_LOGITS = CHANCE.normal(0, 3, (3, 9, 11))
MASK = (CHANCE.random((3, 9, 11)) < 0.4).astype(float)
MASK[2] = 0.0
SOFT_MASK = CHANCE.random((3, 9, 11))
SQUEEZED = 1 / (1 + np.exp(-MASK_LOGITS))


def one_hot(labels, classes):
    """Return labels (N, …) as (N, classes, …)."""
    return np.moveaxis(np.eye(classes)[labels], -1, 1)


def softmax(scores):
    """Return class scores (N, C, …) as probabilities."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def agree(theirs, library, name, pred, target, rel=1e-12, parameters=None, **options):
    """Assert that a loss like a library's is `theirs`: a number, or an array beside the values of all items."""
    theirs = np.asarray(theirs.detach().numpy() if hasattr(theirs, "detach") else theirs, np.float64)
    if theirs.ndim:
        options["reduction"] = "none"
    ours = lossctl.loss(name, **parameters or {})(pred, target, like=library, **options)
    np.testing.assert_allclose(np.ravel(ours), np.ravel(theirs), rtol=rel, atol=rel / 100)
