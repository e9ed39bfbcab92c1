"""Losses of masks (N, H, W) from logits, one value for each image, in array code. `xp` is numpy or torch."""

from __future__ import annotations

from lossctl.bench.rivals.scores import _entropy, _sigmoid


def _pixels(xp, z, y):
    """Return probabilities and targets, a row for each image."""
    return _sigmoid(xp, z).reshape(z.shape[0], -1), y.reshape(z.shape[0], -1)


def _dice(xp, z, y, smooth, squared):
    q, y = _pixels(xp, z, y)
    total = (q * q).sum(1) + (y * y).sum(1) if squared else q.sum(1) + y.sum(1)
    return 1 - (2 * (q * y).sum(1) + smooth) / (total + smooth)


def dice(xp, z, y, smooth, squared):
    return _dice(xp, z, y, smooth, squared).mean()


def log_cosh_dice(xp, z, y, smooth, squared):
    return xp.log(xp.cosh(_dice(xp, z, y, smooth, squared))).mean()


def jaccard(xp, z, y, smooth, squared):
    q, y = _pixels(xp, z, y)
    overlap = (q * y).sum(1)
    total = (q * q).sum(1) + (y * y).sum(1) if squared else q.sum(1) + y.sum(1)
    return (1 - (overlap + smooth) / (total - overlap + smooth)).mean()


def generalized_dice(xp, z, y, weight):
    q, y = _pixels(xp, z, y)
    w = y.sum(1) ** {"square": -2.0, "simple": -1.0, "uniform": 0.0}[weight]
    return (1 - 2 * w * (q * y).sum(1) / (w * (q.sum(1) + y.sum(1)))).mean()


def _tversky(xp, z, y, fp_weight, fn_weight, smooth):
    q, y = _pixels(xp, z, y)
    tp, fp, fn = (q * y).sum(1), (q * (1 - y)).sum(1), ((1 - q) * y).sum(1)
    return 1 - (tp + smooth) / (tp + fp_weight * fp + fn_weight * fn + smooth)


def tversky(xp, z, y, fp_weight, fn_weight, smooth):
    return _tversky(xp, z, y, fp_weight, fn_weight, smooth).mean()


def focal_tversky(xp, z, y, fp_weight, fn_weight, smooth, gamma):
    return (_tversky(xp, z, y, fp_weight, fn_weight, smooth) ** (1 / gamma)).mean()


def mcc(xp, z, y):
    q, y = _pixels(xp, z, y)
    tp, fp, fn, tn = (q * y).sum(1), (q * (1 - y)).sum(1), ((1 - q) * y).sum(1), ((1 - q) * (1 - y)).sum(1)
    return (1 - (tp * tn - fp * fn) / xp.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))).mean()


def unified_focal(xp, z, y, lam, delta, gamma):
    lost = _entropy(xp, z, y).reshape(z.shape[0], -1)
    q, y = _pixels(xp, z, y)
    focal = (delta * (1 - (q * y + (1 - q) * (1 - y))) ** (1 - gamma) * lost).mean(1)
    tp, fp, fn = (q * y).sum(1), (q * (1 - y)).sum(1), ((1 - q) * y).sum(1)
    region = (1 - tp / (tp + delta * fn + (1 - delta) * fp)) ** gamma
    return (lam * focal + (1 - lam) * region).mean()


def _lovasz(xp, errors, y):
    """Return the Lovász extension of the Jaccard loss, averaged over the images."""
    total = 0.0
    for e, t in zip(errors, y, strict=True):
        order = xp.argsort(-e)
        t = t[order]
        held = t.sum()
        jaccard = 1 - (held - t.cumsum(0)) / (held + (1 - t).cumsum(0))
        total = total + e[order][0] * jaccard[0] + (e[order][1:] * (jaccard[1:] - jaccard[:-1])).sum()
    return total / len(y)


def lovasz_hinge(xp, z, y):
    z, y = z.reshape(z.shape[0], -1), y.reshape(z.shape[0], -1)
    return _lovasz(xp, xp.clip(1 - z * (2 * y - 1), 0, None), y)


def lovasz_softmax(xp, z, y):
    q, y = _pixels(xp, z, y)
    return _lovasz(xp, xp.abs(y - q), y)
