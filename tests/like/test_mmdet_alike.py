"""--like mmdet against mmdet.models.losses, its classes."""

import libraries
import numpy as np
import pytest
from alike import (
    BOXES,
    CLASS_WEIGHTS,
    HARD,
    ITEM_WEIGHTS,
    LABELS,
    LOGITS,
    MASK,
    MASK_LOGITS,
    NUMBERS,
    PROBS,
    ROWS,
    SOFT,
    SOFT_MASK,
    agree,
)

# Targets of bce and of dice are cast to float32.
SINGLE = 1e-6
BOX_LOSSES = [
    ("iou", "IoULoss", {}, {}),
    ("iou", "IoULoss", {"mode": "linear"}, {"form": "linear"}),
    ("iou", "IoULoss", {"mode": "square"}, {"form": "square"}),
    ("giou", "GIoULoss", {}, {}),
    ("diou", "DIoULoss", {}, {}),
    ("ciou", "CIoULoss", {}, {}),
    ("extended-iou", "EIoULoss", {}, {}),
    ("extended-iou", "EIoULoss", {"smooth_point": 0.3}, {"smooth": 0.3}),
    ("siou", "SIoULoss", {}, {}),
    ("bounded-iou", "BoundedIoULoss", {}, {}),
    ("box-l1", "L1Loss", {}, {}),
    ("box-smooth-l1", "SmoothL1Loss", {"beta": 0.4}, {"beta": 0.4}),
]
FOUR = {"BoundedIoULoss", "L1Loss", "SmoothL1Loss"}


def loss(called, **keywords):
    return getattr(libraries.mmdet(), called)(**keywords)


def tensors(*arrays):
    return [None if array is None else libraries.torch().tensor(array) for array in arrays]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize(("name", "called", "keywords", "parameters"), BOX_LOSSES)
def test_boxes(name, called, keywords, parameters, reduction):
    value = loss(called, reduction=reduction, **keywords)(*tensors(*BOXES))
    if reduction == "none" and called in FOUR:
        value = value.sum(1)
    agree(value, "mmdet", name, *BOXES, parameters=parameters, reduction=reduction)


@pytest.mark.parametrize("factor", [None, 7.5])
@pytest.mark.parametrize(("name", "called", "keywords", "parameters"), BOX_LOSSES)
def test_weights_and_factors_of_boxes(name, called, keywords, parameters, factor):
    weights = ITEM_WEIGHTS.ravel().repeat(2)[: len(BOXES[0])]
    pred, target, weight = tensors(*BOXES, weights)
    if called in FOUR:
        weight = weight[:, None].expand(-1, 4)
    value = loss(called, **keywords)(pred, target, weight, avg_factor=factor)
    agree(value, "mmdet", name, *BOXES, parameters=parameters, weights=weights, normalizer=factor)


@pytest.mark.parametrize("weights", [None, ITEM_WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("factor", [None, 7.5])
@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
def test_binary(target, factor, weights):
    logits, probs, goal, weight = tensors(LOGITS, PROBS, target, weights)
    keywords = {"weights": weights, "normalizer": factor}
    value = loss("FocalLoss", gamma=1.5)(logits, goal, weight, avg_factor=factor)
    agree(value, "mmdet", "focal", LOGITS, target, parameters={"gamma": 1.5}, input="logits", **keywords)
    value = loss("FocalLoss", activated=True)(probs, goal, weight, avg_factor=factor)
    agree(value, "mmdet", "focal", PROBS, target, input="probs", **keywords)
    value = loss("VarifocalLoss")(logits, goal, weight, avg_factor=factor)
    agree(value, "mmdet", "varifocal", LOGITS, target, input="logits", **keywords)
    value = loss("GaussianFocalLoss")(probs, goal, weight=weight, avg_factor=factor)
    agree(value, "mmdet", "gaussian-focal", PROBS, target, input="probs", **keywords)
    value = loss("CrossEntropyLoss", use_sigmoid=True)(logits, goal, weight, avg_factor=factor)
    agree(value, "mmdet", "bce", LOGITS, target, rel=SINGLE, input="logits", **keywords)


@pytest.mark.parametrize("factor", [None, 7.5])
@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
def test_quality_focal_sums_over_a_row(target, factor):
    logits, probs, goal = tensors(LOGITS, np.clip(PROBS, 1e-9, 1 - 1e-9), target)
    value = loss("QualityFocalLoss")(logits, goal, avg_factor=factor)
    agree(value, "mmdet", "quality-focal", LOGITS, target, input="logits", normalizer=factor)
    value = loss("QualityFocalLoss", activated=True)(probs, goal, avg_factor=factor)
    agree(value, "mmdet", "quality-focal", probs.numpy(), target, input="probs", normalizer=factor)


@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("ignored", [False, True], ids=["all", "some ignored"])
def test_rows(weights, ignored):
    labels = np.where(np.arange(30) % 4 == 3, 255, LABELS) if ignored else LABELS
    more = {"ignore_index": 255} if ignored else {}
    rows, goal = tensors(ROWS, labels)
    listed = None if weights is None else list(weights)
    value = loss("CrossEntropyLoss", class_weight=listed)(rows, goal, **more)
    agree(value, "mmdet", "ce", ROWS, labels, input="logits", class_weights=weights, **more)


@pytest.mark.parametrize("target", [MASK, SOFT_MASK], ids=["hard", "soft"])
@pytest.mark.parametrize("naive", [False, True])
def test_dice(naive, target):
    logits, goal = tensors(MASK_LOGITS, target)
    value = loss("DiceLoss", naive_dice=naive)(logits, goal)
    agree(value, "mmdet", "dice", MASK_LOGITS, target, rel=SINGLE, parameters={} if not naive else {"squared": False},
          input="logits", layout="NHW")  # fmt: skip


@pytest.mark.parametrize("weights", [None, ITEM_WEIGHTS.ravel()[:60]], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("name", "called", "keywords"),
    [
        ("mae", "L1Loss", {}),
        ("mse", "MSELoss", {}),
        ("smooth-l1", "SmoothL1Loss", {"beta": 0.4}),
        ("balanced-l1", "BalancedL1Loss", {}),
        ("balanced-l1", "BalancedL1Loss", {"beta": 0.4, "alpha": 0.7, "gamma": 1.1}),
    ],
)
def test_numbers(name, called, keywords, weights):
    value = loss(called, **keywords)(*tensors(*NUMBERS, weights))
    ours = {"beta": "b", "alpha": "a"} if name == "balanced-l1" else {}
    parameters = {ours.get(key, key): setting for key, setting in keywords.items()}
    agree(value, "mmdet", name, *NUMBERS, parameters=parameters, weights=weights)
