"""MONAI: its losses of masks, one channel, from logits."""

from __future__ import annotations

from typing import Any

from monai import losses

from lossctl.bench.rivals import Function, bound
from lossctl.bench.rivals.torch import Tensors
from lossctl.requests import Request

# Without `batch` every image has a value of its own, as per-image in lossctl.
MASKS: dict[str, Any] = {"sigmoid": True}


def _dice(z, y, smooth, squared, jaccard=False):
    loss = losses.DiceLoss(
        **MASKS, squared_pred=squared, jaccard=jaccard, smooth_nr=smooth, smooth_dr=smooth
    )  # fmt: skip
    return loss(z[:, None], y[:, None])


def _tversky(z, y, fp_weight, fn_weight, smooth):
    loss = losses.TverskyLoss(**MASKS, alpha=fp_weight, beta=fn_weight, smooth_nr=smooth, smooth_dr=smooth)
    return loss(z[:, None], y[:, None])


def _focal(z, y, alpha, gamma):
    return losses.FocalLoss(gamma=gamma, alpha=alpha)(z[None, None], y[None, None])


OWN: dict[str, Function] = {
    "dice": _dice,
    "jaccard": lambda z, y, smooth: _dice(z, y, smooth, squared=False, jaccard=True),
    "tversky": _tversky,
    "focal": _focal,
}


def contender(name: str, request: Request) -> Tensors:
    """Return MONAI's loss, or raise Absent."""
    return Tensors(request, bound(name, request, OWN))
