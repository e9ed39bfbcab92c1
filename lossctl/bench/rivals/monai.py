"""MONAI: its losses of masks and of classes, from logits."""

from __future__ import annotations

from typing import Any

from monai import losses

from lossctl.bench.rivals import Function, bound
from lossctl.bench.rivals.torch import Tensors
from lossctl.requests import Request

# Without `batch` every image has a value of its own, as per-image in lossctl.
MASKS: dict[str, Any] = {"sigmoid": True}
CLASSES: dict[str, Any] = {"softmax": True, "to_onehot_y": True}


def _of(make, z, y, smooth, **more):
    """Return a loss of masks or of classes; `make` is its class."""
    masks = z.ndim == 3
    loss = make(**(MASKS if masks else CLASSES), smooth_nr=smooth, smooth_dr=smooth, **more)
    return loss(z[:, None] if masks else z, y[:, None])


def _dice(z, y, smooth, squared, jaccard=False):
    return _of(losses.DiceLoss, z, y, smooth, squared_pred=squared, jaccard=jaccard)


def _tversky(z, y, fp_weight, fn_weight, smooth):
    return _of(losses.TverskyLoss, z, y, smooth, alpha=fp_weight, beta=fn_weight)


def _focal(z, y, alpha, gamma):
    return losses.FocalLoss(gamma=gamma, alpha=alpha)(z[None, None], y[None, None])


OWN: dict[str, Function] = {
    "dice": _dice,
    "jaccard": lambda z, y, smooth: _dice(z, y, smooth, squared=False, jaccard=True),
    "tversky": _tversky,
    "focal": _focal,
}


def contender(name: str, request: Request, input: str) -> Tensors:
    """Return MONAI's loss, or raise Absent."""
    return Tensors(request, bound(name, request, input, OWN))
