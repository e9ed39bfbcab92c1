"""--like smp against segmentation_models_pytorch.losses."""

import libraries
import numpy as np
import pytest
from alike import (
    CLASS_MAP,
    HARD,
    LABELS,
    LOGITS,
    MASK,
    MASK_LOGITS,
    PROBS,
    ROWS,
    SCORES,
    SOFT,
    SOFT_MASK,
    SQUEEZED,
    agree,
)

REGIONS = [
    ("dice", "DiceLoss", {}, {}),
    ("dice", "DiceLoss", {"smooth": 1.0}, {"smooth": 1.0}),
    ("jaccard", "JaccardLoss", {}, {}),
    ("jaccard", "JaccardLoss", {"smooth": 1.0}, {"smooth": 1.0}),
    ("tversky", "TverskyLoss", {}, {}),
    ("tversky", "TverskyLoss", {"alpha": 0.2, "beta": 0.9}, {"fp_weight": 0.2, "fn_weight": 0.9}),
]


def loss(called, *modes, **keywords):
    return getattr(libraries.smp(), called)(*modes, **keywords)


def tensors(*arrays):
    return map(libraries.torch().tensor, arrays)


@pytest.mark.parametrize("ignored", [False, True], ids=["all", "some ignored"])
@pytest.mark.parametrize(("name", "called", "keywords", "parameters"), REGIONS)
def test_class_maps(name, called, keywords, parameters, ignored):
    labels, more = CLASS_MAP, {}
    if ignored:
        labels, more = np.where(np.arange(11) % 4 == 3, 255, CLASS_MAP), {"ignore_index": 255}
    value = loss(called, "multiclass", **keywords, **more)(*tensors(SCORES, labels))
    agree(value, "smp", name, SCORES, labels, parameters=parameters, input="logits", layout="NCHW", **more)


@pytest.mark.parametrize("target", [MASK, SOFT_MASK, 0 * MASK], ids=["hard", "soft", "empty"])
@pytest.mark.parametrize(("name", "called", "keywords", "parameters"), REGIONS)
def test_masks(name, called, keywords, parameters, target):
    value = loss(called, "binary", **keywords)(*tensors(MASK_LOGITS[:, None], target[:, None]))
    agree(value, "smp", name, MASK_LOGITS, target, parameters=parameters, input="logits", layout="NHW")


@pytest.mark.parametrize("target", [MASK, SOFT_MASK, 0 * MASK], ids=["hard", "soft", "empty"])
def test_correlation(target):
    agree(loss("MCCLoss")(*tensors(SQUEEZED, target)), "smp", "mcc", SQUEEZED, target, input="probs", layout="NHW")


@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize(("source", "pred"), [("logits", LOGITS), ("probs", PROBS)])
@pytest.mark.parametrize("alpha", [None, 0.3])
def test_focal(alpha, source, pred, target):
    value = loss("FocalLoss", "binary", alpha=alpha, from_logits=source == "logits")(*tensors(pred, target))
    agree(value, "smp", "focal", pred, target, parameters={"alpha": alpha}, input=source)


@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
def test_binary_cross_entropy(target):
    goal = np.where(np.arange(7) == 4, 255.0, target)
    for pos_weight, smoothing in ((1.0, 0.0), (2.5, 0.1)):
        positive = libraries.torch().tensor(pos_weight, dtype=libraries.torch().float64)
        theirs = loss("SoftBCEWithLogitsLoss", smooth_factor=smoothing, ignore_index=255, pos_weight=positive)
        agree(theirs(*tensors(LOGITS, goal)), "smp", "bce", LOGITS, goal, input="logits", ignore_index=255,
              parameters={"pos_weight": pos_weight, "label_smoothing": smoothing})  # fmt: skip


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy(smoothing, reduction):
    labels = np.where(np.arange(30) % 4 == 3, 255, LABELS)
    theirs = loss("SoftCrossEntropyLoss", reduction, smooth_factor=smoothing, ignore_index=255)
    agree(theirs(*tensors(ROWS, labels)), "smp", "ce", ROWS, labels, parameters={"label_smoothing": smoothing},
          input="logits", ignore_index=255, reduction=reduction)  # fmt: skip


@pytest.mark.parametrize("aggregate", ["global", "per-image"])
def test_lovasz(aggregate):
    """It adds up in float32."""
    torch, each = libraries.torch(), aggregate == "per-image"
    logits, goal = (torch.tensor(side, dtype=torch.float32) for side in (MASK_LOGITS, MASK))
    value = loss("LovaszLoss", "binary", per_image=each)(logits[:, None], goal[:, None])
    agree(value, "smp", "lovasz-hinge", MASK_LOGITS, MASK, rel=1e-5, layout="NHW", aggregate=aggregate)
    scores, labels = SCORES[1:], CLASS_MAP[1:]
    value = loss("LovaszLoss", "multiclass", per_image=each)(
        torch.tensor(scores, dtype=torch.float32), torch.tensor(labels)
    )
    agree(value, "smp", "lovasz-softmax", scores, labels, rel=1e-5, input="logits", layout="NCHW", aggregate=aggregate)
