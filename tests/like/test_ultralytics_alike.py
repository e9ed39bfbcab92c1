"""--like ultralytics against ultralytics.utils."""

import libraries
import numpy as np
import pytest
from alike import BOXES, HARD, ITEM_WEIGHTS, LOGITS, ROTATED, SOFT, agree

import lossctl

KINDS = [("iou", {}), ("giou", {"GIoU": True}), ("diou", {"DIoU": True}), ("ciou", {"CIoU": True})]


def tensors(*arrays):
    return map(libraries.torch().tensor, arrays)


@pytest.mark.parametrize(("name", "keywords"), KINDS)
def test_boxes(name, keywords):
    values = 1.0 - libraries.ultralytics().bbox_iou(*tensors(*BOXES), xywh=False, **keywords)
    agree(values, "ultralytics", name, *BOXES)
    agree(values.mean(), "ultralytics", name, *BOXES)


def test_rotated_boxes():
    pred, target = ROTATED
    near = target + np.array([0.5, -0.5, 1, 1, 0.05])
    for other in (pred, near, target):
        values = 1.0 - libraries.ultralytics().probiou(*tensors(other, target)).squeeze()
        agree(values, "ultralytics", "probiou", other, target, rel=1e-9)


def test_box_loss_of_a_detector():
    torch, there = libraries.torch(), libraries.ultralytics()
    weights = ITEM_WEIGHTS.ravel()[:40]
    pred, target = (side[:40] for side in BOXES)
    mask = torch.ones(40, dtype=torch.bool)
    scores, whole = torch.tensor(weights)[:, None], 17.0
    iou, _ = there.BboxLoss(reg_max=1).forward(
        torch.zeros(40, 4), *tensors(pred), torch.zeros(40, 2), *tensors(target), scores, whole, mask,
        torch.ones(2), torch.ones(40, 1),
    )  # fmt: skip
    agree(iou, "ultralytics", "ciou", pred, target, weights=weights, normalizer=whole)


@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
def test_scores(target):
    there = libraries.ultralytics()
    logits, goal = tensors(LOGITS, target)
    agree(there.FocalLoss()(logits, goal), "ultralytics", "focal", LOGITS, target, input="logits")
    agree(there.FocalLoss(2.0, 0.0)(logits, goal), "ultralytics", "focal", LOGITS, target,
          parameters={"gamma": 2.0, "alpha": 0.0}, input="logits")  # fmt: skip
    # Computed in float32.
    value = there.VarifocalLoss()(logits, goal, (goal > 0).double())
    agree(value, "ultralytics", "varifocal", LOGITS, target, rel=1e-6, input="logits")


def test_images_of_places():
    pred, target = np.stack([LOGITS, -LOGITS]), np.stack([HARD, HARD])
    value = libraries.ultralytics().FocalLoss()(*tensors(pred, target))
    agree(value, "ultralytics", "focal", pred, target, input="logits")


def test_a_single_row_has_no_second_axis():
    with pytest.raises(lossctl.UsageError, match="averages over the second axis"):
        lossctl.loss("focal")(LOGITS[0], HARD[0], input="logits", like="ultralytics")
