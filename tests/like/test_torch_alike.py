"""--like torch against torch.nn.functional."""

import libraries
import numpy as np
import pytest
from alike import BOXES, CLASS_WEIGHTS, HARD, ITEM_WEIGHTS, LABELS, LOGITS, NUMBERS, PROBS, ROWS, SHARES, SOFT, agree

REDUCTIONS = ["none", "sum", "mean"]


def functional():
    return libraries.torch().nn.functional


def tensors(*arrays):
    return [None if array is None else libraries.torch().tensor(array) for array in arrays]


# Values of items are ours without their weights.
WEIGHED = [*((None, reduction) for reduction in REDUCTIONS), (ITEM_WEIGHTS, "sum"), (ITEM_WEIGHTS, "mean")]


@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize(("weights", "reduction"), WEIGHED)
def test_binary(target, weights, reduction):
    logits, probs, goal, weight, positive = tensors(LOGITS, PROBS, target, weights, np.array(2.5))
    keywords = {"weight": weight, "reduction": reduction}
    value = functional().binary_cross_entropy_with_logits(logits, goal, pos_weight=positive, **keywords)
    agree(value, "torch", "bce", LOGITS, target, parameters={"pos_weight": 2.5}, input="logits", weights=weights,
          reduction=reduction)  # fmt: skip
    value = functional().binary_cross_entropy(probs, goal, **keywords)
    agree(value, "torch", "bce", PROBS, target, input="probs", weights=weights, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("target", [LABELS, SHARES], ids=["labels", "shares"])
def test_rows(target, smoothing, weights, reduction):
    rows, goal, weight = tensors(ROWS, target, weights)
    value = functional().cross_entropy(rows, goal, weight, label_smoothing=smoothing, reduction=reduction)
    agree(value, "torch", "ce", ROWS, target, parameters={"label_smoothing": smoothing}, input="logits",
          class_weights=weights, reduction=reduction)  # fmt: skip


@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS], ids=["plain", "weighted"])
def test_ignored_rows(weights):
    labels = np.where(np.arange(30) % 4 == 3, 255, LABELS)
    rows, goal, weight = tensors(ROWS, labels, weights)
    value = functional().cross_entropy(rows, goal, weight, ignore_index=255)
    agree(value, "torch", "ce", ROWS, labels, input="logits", class_weights=weights, ignore_index=255)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_divergence(reduction):
    rows, goal = tensors(ROWS, SHARES)
    value = functional().kl_div(rows.log_softmax(1), goal, reduction=reduction)
    agree(value, "torch", "kl", ROWS, SHARES, input="logits", reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "called", "keywords"),
    [
        ("mae", "l1_loss", {}),
        ("mse", "mse_loss", {}),
        ("huber", "huber_loss", {"delta": 0.4}),
        ("smooth-l1", "smooth_l1_loss", {"beta": 0.4}),
    ],
)
def test_numbers(name, called, keywords, reduction):
    value = getattr(functional(), called)(*tensors(*NUMBERS), reduction=reduction, **keywords)
    agree(value, "torch", name, *NUMBERS, parameters=keywords, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ranking(reduction):
    y = np.sign(NUMBERS[0][::-1])
    value = functional().margin_ranking_loss(*tensors(*NUMBERS, y), reduction=reduction, margin=0.3)
    agree(value, "torch", "margin-ranking", NUMBERS, y, parameters={"margin": 0.3}, reduction=reduction)
    value = functional().hinge_embedding_loss(*tensors(NUMBERS[0], y), reduction=reduction)
    agree(value, "torch", "hinge-embedding", NUMBERS[0], y, reduction=reduction)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_boxes(reduction):
    value = functional().l1_loss(*tensors(*BOXES), reduction=reduction)
    agree(value, "torch", "box-l1", *BOXES, reduction=reduction)
    value = functional().smooth_l1_loss(*tensors(*BOXES), reduction=reduction, beta=0.4)
    agree(value, "torch", "box-smooth-l1", *BOXES, parameters={"beta": 0.4}, reduction=reduction)
