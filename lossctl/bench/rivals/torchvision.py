"""torchvision: its losses of boxes, and the focal loss."""

from __future__ import annotations

from torchvision import ops

from lossctl.bench.rivals import Function, bound
from lossctl.bench.rivals.torch import Tensors
from lossctl.requests import Request

OWN: dict[str, Function] = {
    "giou": lambda p, g: ops.generalized_box_iou_loss(p, g, reduction="mean"),
    "diou": lambda p, g: ops.distance_box_iou_loss(p, g, reduction="mean"),
    "ciou": lambda p, g: ops.complete_box_iou_loss(p, g, reduction="mean"),
    "focal": lambda z, y, alpha, gamma: ops.sigmoid_focal_loss(
        z, y, alpha=-1 if alpha is None else alpha, gamma=gamma, reduction="mean"
    ),
}


def contender(name: str, request: Request, input: str) -> Tensors:
    """Return torchvision's loss, or raise Absent."""
    return Tensors(request, bound(name, request, input, OWN))
