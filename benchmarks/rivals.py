"""The same losses in torch and in NumPy, written as people write them. Needs torch; only `against.py` imports this."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)


def _giou(p, g, lib, smaller, larger):
    overlap = smaller(p[:, 2:], g[:, 2:]) - larger(p[:, :2], g[:, :2])
    span = larger(p[:, 2:], g[:, 2:]) - smaller(p[:, :2], g[:, :2])
    zero = lib.zeros_like(overlap)
    overlap = larger(overlap, zero)
    inter = overlap[:, 0] * overlap[:, 1]
    area_p = (p[:, 2] - p[:, 0]) * (p[:, 3] - p[:, 1])
    area_g = (g[:, 2] - g[:, 0]) * (g[:, 3] - g[:, 1])
    union = area_p + area_g - inter
    enclosing = span[:, 0] * span[:, 1]
    return (1 - inter / union + (enclosing - union) / enclosing).mean()


def torch_giou(p, g):
    return _giou(p, g, torch, torch.minimum, torch.maximum)


def torch_focal(z, y, alpha=0.25, gamma=2.0):
    """As torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(z)
    entropy = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    p_t = p * y + (1 - p) * (1 - y)
    return ((alpha * y + (1 - alpha) * (1 - y)) * (1 - p_t) ** gamma * entropy).mean()


def torch_dice(z, y):
    q = torch.sigmoid(z)
    overlap = (q * y).sum(dim=(1, 2))
    return (1 - 2 * overlap / (q.sum(dim=(1, 2)) + y.sum(dim=(1, 2)))).mean()


TORCH = {
    "giou": torch_giou,
    "bce": F.binary_cross_entropy_with_logits,
    "focal": torch_focal,
    "ce": F.cross_entropy,
    "mse": F.mse_loss,
    "smooth-l1": F.smooth_l1_loss,
    "dice": torch_dice,
}


def numpy_giou(p, g):
    return _giou(p, g, np, np.minimum, np.maximum)


def _numpy_bce(z, y):
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


def numpy_focal(z, y, alpha=0.25, gamma=2.0):
    p = 1 / (1 + np.exp(-z))
    p_t = p * y + (1 - p) * (1 - y)
    return ((alpha * y + (1 - alpha) * (1 - y)) * (1 - p_t) ** gamma * _numpy_bce(z, y)).mean()


def numpy_ce(z, labels):
    shifted = z - z.max(axis=1, keepdims=True)
    picked = np.take_along_axis(shifted, np.expand_dims(labels, 1), axis=1).squeeze(1)
    return (np.log(np.exp(shifted).sum(axis=1)) - picked).mean()


def numpy_smooth_l1(x, t):
    d = np.abs(x - t)
    return np.where(d < 1, 0.5 * d * d, d - 0.5).mean()


def numpy_dice(z, y):
    q = 1 / (1 + np.exp(-z))
    return (1 - 2 * (q * y).sum(axis=(1, 2)) / (q.sum(axis=(1, 2)) + y.sum(axis=(1, 2)))).mean()


NUMPY = {
    "giou": numpy_giou,
    "bce": lambda z, y: _numpy_bce(z, y).mean(),
    "focal": numpy_focal,
    "ce": numpy_ce,
    "mse": lambda x, t: np.square(x - t).mean(),
    "smooth-l1": numpy_smooth_l1,
    "dice": numpy_dice,
}
