"""Losses of masks, one value for each image and class, in array code. `xp` is numpy or torch; each returns the mean.

Predictions are masks (N, H, W) or class scores (N, C, H, W), with `input` logits or probabilities; targets are masks
like them, or class maps (N, H, W).
"""

from __future__ import annotations

from lossctl.bench.rivals.scores import _entropy, _log_softmax, _sigmoid, _softmax


def _cast(x, like):
    return x.astype(like.dtype) if hasattr(x, "astype") else x.to(like.dtype)


def _flat(x):
    return x.reshape(x.shape[0], x.shape[1], -1)


def _targets(xp, z, y):
    """Return targets (images, classes, pixels): a class map as ones and zeros."""
    if z.ndim == 3:
        return _flat(y[:, None])
    if y.ndim == 3:
        y = _cast(y[:, None] == xp.arange(z.shape[1]).reshape(1, -1, 1, 1), z)
    return _flat(y)


def _pixels(xp, z, y, input):
    """Return probabilities and targets, (images, classes, pixels)."""
    activation = {"probs": lambda xp, z: z}.get(input, _sigmoid if z.ndim == 3 else _softmax)
    q = activation(xp, z)
    return _flat(q[:, None] if z.ndim == 3 else q), _targets(xp, z, y)


def _sizes(q, y, squared):
    return (q * q).sum(2) + (y * y).sum(2) if squared else q.sum(2) + y.sum(2)


def _confused(q, y):
    """Return TP, FP, FN."""
    return (q * y).sum(2), (q * (1 - y)).sum(2), ((1 - q) * y).sum(2)


def _dice(xp, z, y, input, smooth, squared):
    q, y = _pixels(xp, z, y, input)
    return 1 - (2 * (q * y).sum(2) + smooth) / (_sizes(q, y, squared) + smooth)


def dice(xp, z, y, input, smooth, squared):
    return _dice(xp, z, y, input, smooth, squared).mean()


def log_cosh_dice(xp, z, y, input, smooth, squared):
    return xp.log(xp.cosh(_dice(xp, z, y, input, smooth, squared))).mean()


def jaccard(xp, z, y, input, smooth, squared):
    q, y = _pixels(xp, z, y, input)
    overlap = (q * y).sum(2)
    return (1 - (overlap + smooth) / (_sizes(q, y, squared) - overlap + smooth)).mean()


def generalized_dice(xp, z, y, input, weight):
    q, y = _pixels(xp, z, y, input)
    w = y.sum(2) ** {"square": -2.0, "simple": -1.0, "uniform": 0.0}[weight]
    return (1 - 2 * (w * (q * y).sum(2)).sum(1) / (w * _sizes(q, y, False)).sum(1)).mean()


def _tversky(xp, z, y, input, fp_weight, fn_weight, smooth):
    tp, fp, fn = _confused(*_pixels(xp, z, y, input))
    return 1 - (tp + smooth) / (tp + fp_weight * fp + fn_weight * fn + smooth)


def tversky(xp, z, y, input, fp_weight, fn_weight, smooth):
    return _tversky(xp, z, y, input, fp_weight, fn_weight, smooth).mean()


def focal_tversky(xp, z, y, input, fp_weight, fn_weight, smooth, gamma):
    return (_tversky(xp, z, y, input, fp_weight, fn_weight, smooth) ** (1 / gamma)).mean()


def mcc(xp, z, y, input):
    q, y = _pixels(xp, z, y, input)
    (tp, fp, fn), tn = _confused(q, y), ((1 - q) * (1 - y)).sum(2)
    return (1 - (tp * tn - fp * fn) / xp.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))).mean()


def _lost(xp, z, y, q, input):
    """Return the cross-entropy of every pixel and class on its own."""
    if z.ndim == 3 and input != "probs":
        return _entropy(xp, _flat(z[:, None]), y)
    log_q = xp.log(q) if input == "probs" else _flat(_log_softmax(xp, z))
    return -(y * log_q + (1 - y) * xp.log1p(-q))


def unified_focal(xp, z, y, input, lam, delta, gamma):
    q, target = _pixels(xp, z, y, input)
    wrong = q * (1 - target) + (1 - q) * target
    focal = (delta * wrong ** (1 - gamma) * _lost(xp, z, target, q, input)).mean(2)
    tp, fp, fn = _confused(q, target)
    region = (1 - tp / (tp + delta * fn + (1 - delta) * fp)) ** gamma
    return (lam * focal + (1 - lam) * region).mean()


def _lovasz(xp, errors, y):
    """Return the Lovász extension of the Jaccard loss of each image and class."""
    take = xp.take_along_dim if hasattr(xp, "take_along_dim") else xp.take_along_axis
    order = xp.argsort(-errors)
    errors, hits = take(errors, order, -1), take(y, order, -1)
    held = hits.sum(-1)[..., None]
    jaccard = 1 - (held - hits.cumsum(-1)) / (held + (1 - hits).cumsum(-1))
    gains = xp.concatenate([jaccard[..., :1], jaccard[..., 1:] - jaccard[..., :-1]], -1)
    return (errors * gains).sum(-1)


def lovasz_hinge(xp, z, y):
    z, y = _flat(z[:, None]), _targets(xp, z, y)
    return _lovasz(xp, xp.clip(1 - z * (2 * y - 1), 0, None), y).mean()


def lovasz_softmax(xp, z, y, input):
    q, y = _pixels(xp, z, y, input)
    there = _cast(y.sum(2) > 0, q)
    return (_lovasz(xp, xp.abs(y - q), y) * there).sum() / there.sum()


def _distances(masks):
    """Return the distance of every pixel of masks (images, classes, height, width) from the boundary, by SciPy."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    flat = masks.reshape(-1, *masks.shape[2:])
    fields = [
        distance_transform_edt(mask) + distance_transform_edt(~mask) if 0 < mask.sum() < mask.size else 0 * mask
        for mask in flat
    ]
    return np.stack(fields).reshape(masks.shape)


def hausdorff(xp, z, y, input, alpha, distances=_distances):
    q, target = _pixels(xp, z, y, input)
    shape = (*q.shape[:2], *z.shape[-2:])
    far = sum(_flat(_cast(distances((side >= 0.5).reshape(shape)), q)) ** alpha for side in (q, target))
    return ((q - target) ** 2 * far).mean()
