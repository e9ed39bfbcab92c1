"""--like monai against monai.losses."""

import libraries
import numpy as np
import pytest
from alike import (
    BOXES,
    CLASS_MAP,
    CLASS_WEIGHTS,
    HARD,
    LABELS,
    LOGITS,
    MASK,
    MASK_LOGITS,
    ROWS,
    SCORES,
    SHARES,
    SOFT,
    SOFT_MASK,
    agree,
    one_hot,
)

# What it computes in float32.
SINGLE = 2e-5


def tensors(*arrays):
    return map(libraries.torch().tensor, arrays)


REGIONS = [
    ("dice", "DiceLoss", {}, {}),
    ("dice", "DiceLoss", {"squared_pred": True}, {"squared": True}),
    ("dice", "DiceLoss", {"smooth_nr": 1.0, "smooth_dr": 1.0}, {"smooth": 1.0}),
    ("jaccard", "DiceLoss", {"jaccard": True}, {}),
    ("jaccard", "DiceLoss", {"jaccard": True, "squared_pred": True}, {"squared": True}),
    ("tversky", "TverskyLoss", {}, {}),
    ("tversky", "TverskyLoss", {"alpha": 0.2, "beta": 0.9}, {"fp_weight": 0.2, "fn_weight": 0.9}),
    ("mcc", "MCCLoss", {}, {}),
    ("generalized-dice", "GeneralizedDiceLoss", {"w_type": "uniform"}, {"weight": "uniform"}),
]


@pytest.mark.parametrize("aggregate", ["per-image", "global"])
@pytest.mark.parametrize(("name", "called", "theirs", "parameters"), REGIONS)
def test_class_maps(name, called, theirs, parameters, aggregate):
    loss = getattr(libraries.monai(), called)(softmax=True, batch=aggregate == "global", **theirs)
    # Its own one_hot would be float32.
    scores, labels = tensors(SCORES, one_hot(CLASS_MAP, 4))
    agree(loss(scores, labels), "monai", name, SCORES, CLASS_MAP, parameters=parameters, input="logits",
          layout="NCHW", aggregate=aggregate)  # fmt: skip


@pytest.mark.parametrize("target", [MASK, SOFT_MASK], ids=["hard", "soft"])
@pytest.mark.parametrize(("name", "called", "theirs", "parameters"), REGIONS)
def test_masks_of_several_images(name, called, theirs, parameters, target):
    loss = getattr(libraries.monai(), called)(sigmoid=True, **theirs)
    logits, goal = tensors(MASK_LOGITS[:, None], target[:, None])
    agree(loss(logits, goal), "monai", name, MASK_LOGITS, target, parameters=parameters, input="logits",
          layout="NHW")  # fmt: skip


@pytest.mark.parametrize("aggregate", ["per-image", "global"])
@pytest.mark.parametrize("weight", ["square", "simple"])
def test_generalized_dice_with_weights_in_float32(weight, aggregate):
    loss = libraries.monai().GeneralizedDiceLoss(softmax=True, batch=aggregate == "global", w_type=weight)
    agree(loss(*tensors(SCORES, one_hot(CLASS_MAP, 4))), "monai", "generalized-dice", SCORES, CLASS_MAP, rel=SINGLE,
          parameters={"weight": weight}, input="logits", layout="NCHW", aggregate=aggregate)  # fmt: skip


def test_without_background_and_all_values():
    loss = libraries.monai().DiceLoss(to_onehot_y=True, softmax=True, include_background=False, reduction="none")
    scores, labels = tensors(SCORES, CLASS_MAP[:, None])
    agree(loss(scores, labels), "monai", "dice", SCORES, CLASS_MAP, input="logits", layout="NCHW",
          include_background=False)  # fmt: skip


@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("alpha", [None, 0.3])
def test_focal(alpha, target):
    logits, goal = tensors(LOGITS, target)
    theirs = libraries.monai().FocalLoss(alpha=alpha, gamma=1.5)(logits, goal)
    agree(theirs, "monai", "focal", LOGITS, target, rel=SINGLE, parameters={"alpha": alpha, "gamma": 1.5},
          input="logits")  # fmt: skip


@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS[:4]], ids=["plain", "weighted"])
@pytest.mark.parametrize("ignored", [False, True], ids=["all", "some ignored"])
def test_softmax_focal(weights, ignored):
    labels, more = CLASS_MAP, {}
    if ignored:
        labels, more = np.where(CLASS_MAP == 1, 255, CLASS_MAP), {"ignore_index": 255}
    scores, goal = tensors(SCORES, labels[:, None])
    loss = libraries.monai().FocalLoss(to_onehot_y=True, use_softmax=True, weight=weights, **more)
    agree(loss(scores, goal), "monai", "softmax-focal", SCORES, labels, rel=SINGLE, input="logits", layout="NCHW",
          class_weights=weights, **more)  # fmt: skip


@pytest.mark.parametrize("target", [LABELS, SHARES], ids=["labels", "shares"])
@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS], ids=["plain", "weighted"])
def test_cross_entropy_of_dice_ce(target, weights):
    torch = libraries.torch()
    weight = None if weights is None else torch.tensor(weights)
    rows, goal = tensors(ROWS, target[:, None] if target.ndim == 1 else target)
    loss = libraries.monai().DiceCELoss(softmax=True, weight=weight, lambda_dice=0.0, to_onehot_y=target.ndim == 1)
    agree(loss(rows, goal), "monai", "ce", ROWS, target, input="logits", class_weights=weights)


def test_boxes():
    # In float32 near boxes keep few digits, and those without area are refused.
    few = BOXES[0][:30], BOXES[1][:30]
    agree(libraries.monai().BoxGIoULoss(reduction="none")(*tensors(*few)), "monai", "giou", *few, rel=SINGLE)
