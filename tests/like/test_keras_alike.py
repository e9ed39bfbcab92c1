"""--like keras against keras.losses in float64, on torch."""

import libraries
import numpy as np
import pytest
from alike import (
    CLASS_MAP,
    HARD,
    ITEM_WEIGHTS,
    LABELS,
    LOGITS,
    MASK,
    NUMBERS,
    PROBS,
    ROWS,
    SCORES,
    SHARES,
    SOFT,
    SQUEEZED,
    agree,
    one_hot,
    softmax,
)

# Its ln 2 and the limits between which it clips are float32 even here.
CONSTANTS = 1e-8


def theirs(called, pred, target, weights=None, **keywords):
    """Return the value of a keras loss on float64."""
    loss = getattr(libraries.keras().losses, called)(dtype="float64", **keywords)
    return loss(target, pred, sample_weight=weights).detach()


@pytest.mark.parametrize("weights", [None, ITEM_WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize(("source", "pred"), [("logits", LOGITS), ("probs", PROBS)])
def test_binary(source, pred, target, weights):
    # One number a row: its weights are per row.
    column, goal = pred.reshape(-1, 1), target.reshape(-1, 1)
    flat = None if weights is None else weights.reshape(-1)
    for name, called, keywords, parameters in [
        ("bce", "BinaryCrossentropy", {"label_smoothing": 0.1}, {"label_smoothing": 0.1}),
        ("bce", "BinaryCrossentropy", {}, {}),
        ("focal", "BinaryFocalCrossentropy", {}, {}),
        ("focal", "BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5},
         {"alpha": 0.3, "gamma": 1.5}),
    ]:  # fmt: skip
        value = theirs(called, column, goal, flat, from_logits=source == "logits", **keywords)
        agree(value, "keras", name, pred, target, parameters=parameters, input=source, weights=weights)


@pytest.mark.parametrize(("source", "pred"), [("logits", ROWS), ("probs", softmax(ROWS * 6))])
@pytest.mark.parametrize("weights", [None, ITEM_WEIGHTS.ravel()[:30]], ids=["plain", "weighted"])
def test_rows(source, pred, weights):
    from_logits = source == "logits"
    for smoothing in (0.0, 0.1):
        value = theirs("CategoricalCrossentropy", pred, SHARES, weights, from_logits=from_logits,
                       label_smoothing=smoothing)  # fmt: skip
        agree(value, "keras", "ce", pred, SHARES, parameters={"label_smoothing": smoothing}, input=source,
              weights=weights)  # fmt: skip
    value = theirs("SparseCategoricalCrossentropy", pred, LABELS, weights, from_logits=from_logits)
    agree(value, "keras", "ce", pred, LABELS, input=source, weights=weights)
    value = theirs("CategoricalFocalCrossentropy", pred, SHARES, weights, from_logits=from_logits)
    agree(value, "keras", "softmax-focal", pred, SHARES, rel=CONSTANTS, input=source, weights=weights)
    if not from_logits:
        value = theirs("KLDivergence", pred, SHARES, weights)
        agree(value, "keras", "kl", pred, SHARES, rel=CONSTANTS, input=source, weights=weights)


def test_rows_that_sum_to_nearly_one():
    pred = softmax(ROWS).astype(np.float32).astype(float) * (1 + 5e-7)
    agree(theirs("SparseCategoricalCrossentropy", pred, LABELS), "keras", "ce", pred, LABELS, input="probs")


def test_ignored_class():
    value = theirs("SparseCategoricalCrossentropy", ROWS, LABELS, from_logits=True, ignore_class=2)
    agree(value, "keras", "ce", ROWS, LABELS, input="logits", ignore_index=2)


@pytest.mark.parametrize(("aggregate", "axis"), [(None, None), ("global", (0, 2, 3)), ("per-image", (2, 3))])
def test_regions(aggregate, axis):
    probs, goal = softmax(SCORES), one_hot(CLASS_MAP, 4)
    agree(theirs("Dice", probs, goal, axis=axis), "keras", "dice", SCORES, CLASS_MAP, input="logits", layout="NCHW",
          aggregate=aggregate)  # fmt: skip
    # Its alpha weighs what its code calls fp, which are the misses.
    value = theirs("Tversky", probs, goal, axis=axis, alpha=0.7, beta=0.2)
    agree(value, "keras", "tversky", SCORES, CLASS_MAP, parameters={"fp_weight": 0.2, "fn_weight": 0.7},
          input="logits", layout="NCHW", aggregate=aggregate)  # fmt: skip


def test_masks_are_pooled_too():
    agree(theirs("Dice", SQUEEZED, MASK), "keras", "dice", SQUEEZED, MASK, input="probs", layout="NHW")
    agree(theirs("Tversky", SQUEEZED, MASK), "keras", "tversky", SQUEEZED, MASK, input="probs", layout="NHW")


@pytest.mark.parametrize("weights", [None, ITEM_WEIGHTS.ravel()[:60]], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("name", "called", "keywords", "parameters"),
    [
        ("mae", "MeanAbsoluteError", {}, {}),
        ("mse", "MeanSquaredError", {}, {}),
        ("mape", "MeanAbsolutePercentageError", {}, {}),
        ("huber", "Huber", {"delta": 0.4}, {"delta": 0.4}),
        ("log-cosh", "LogCosh", {}, {}),
        ("msle", "MeanSquaredLogarithmicError", {}, {}),
    ],
)
def test_numbers(name, called, keywords, parameters, weights):
    pred, target = NUMBERS
    if name == "msle":
        pred, target = pred / 8, target / 8
    value = theirs(called, pred[:, None], target[:, None], weights, **keywords)
    rel = CONSTANTS if name == "log-cosh" else 1e-12
    agree(value, "keras", name, pred, target, rel=rel, parameters=parameters, weights=weights)


@pytest.mark.parametrize("labels", ["signs", "01"])
@pytest.mark.parametrize(("name", "called"), [("hinge", "Hinge"), ("squared-hinge", "SquaredHinge")])
def test_margins(name, called, labels):
    target = HARD.ravel() if labels == "01" else 2 * HARD.ravel() - 1
    value = theirs(called, LOGITS.reshape(-1, 1), target[:, None])
    agree(value, "keras", name, LOGITS.ravel(), target, parameters={"labels": labels})


def test_certain_and_wrong_is_finite():
    value = theirs("BinaryCrossentropy", np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]]))
    agree(value, "keras", "bce", [0.0, 1.0], [1.0, 1.0], input="probs")
