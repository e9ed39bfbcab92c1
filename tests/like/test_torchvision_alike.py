"""--like torchvision against torchvision.ops."""

import libraries
import pytest
from alike import BOXES, HARD, LOGITS, SOFT, agree


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("name", "called"),
    [("giou", "generalized_box_iou_loss"), ("diou", "distance_box_iou_loss"), ("ciou", "complete_box_iou_loss")],
)
def test_boxes(name, called, reduction):
    ops, torch = libraries.torchvision(), libraries.torch()
    theirs = getattr(ops, called)(*map(torch.tensor, BOXES), reduction=reduction)
    agree(theirs, "torchvision", name, *BOXES, reduction=reduction)


@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.7, 1.5), (None, 2.0)])
def test_focal(alpha, gamma, target):
    ops, torch = libraries.torchvision(), libraries.torch()
    theirs = ops.sigmoid_focal_loss(
        torch.tensor(LOGITS), torch.tensor(target), -1 if alpha is None else alpha, gamma, "mean"
    )
    agree(theirs, "torchvision", "focal", LOGITS, target, parameters={"alpha": alpha, "gamma": gamma}, input="logits")
