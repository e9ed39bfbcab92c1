"""Losses of binary logits, and of class logits along axis 1, in array code. `xp` is numpy or torch."""

from __future__ import annotations


def _sigmoid(xp, z):
    return xp.sigmoid(z) if hasattr(xp, "sigmoid") else 1 / (1 + xp.exp(-z))


def _entropy(xp, z, y):
    return xp.clip(z, 0, None) - z * y + xp.log1p(xp.exp(-xp.abs(z)))


def _log_softmax(xp, z):
    if hasattr(xp, "log_softmax"):
        return xp.log_softmax(z, 1)
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))


def _softmax(xp, z):
    if hasattr(xp, "softmax"):
        return xp.softmax(z, 1)
    e = xp.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _of_label(xp, scores, labels):
    take = xp.take_along_dim if hasattr(xp, "take_along_dim") else xp.take_along_axis
    return take(scores, labels[:, None], 1)


def _wrong(p, y):
    return p * (1 - y) + (1 - p) * y


def bce(xp, z, y, pos_weight):
    # log(1 + exp(-z)), written so that it does not overflow.
    lost = xp.log1p(xp.exp(-xp.abs(z))) + xp.clip(-z, 0, None)
    return ((1 - y) * z + (1 + (pos_weight - 1) * y) * lost).mean()


def balanced_bce(xp, z, y, alpha):
    return ((alpha * y + (1 - alpha) * (1 - y)) * _entropy(xp, z, y)).mean()


def focal(xp, z, y, alpha, gamma):
    loss = _wrong(_sigmoid(xp, z), y) ** gamma * _entropy(xp, z, y)
    return (loss if alpha is None else (alpha * y + (1 - alpha) * (1 - y)) * loss).mean()


def gaussian_focal(xp, z, y, alpha, gamma):
    q = _sigmoid(xp, z)
    peak = (1 - q) ** alpha * _entropy(xp, z, 1)
    rest = (1 - y) ** gamma * q**alpha * _entropy(xp, z, 0)
    return xp.where(y == 1, peak, rest).mean()


def quality_focal(xp, z, y, beta):
    return (xp.abs(y - _sigmoid(xp, z)) ** beta * _entropy(xp, z, y)).mean()


def varifocal(xp, z, y, alpha, gamma):
    return (xp.where(y > 0, y, alpha * _sigmoid(xp, z) ** gamma) * _entropy(xp, z, y)).mean()


def ce(xp, z, labels):
    return -_of_label(xp, _log_softmax(xp, z), labels).mean()


def softmax_focal(xp, z, labels, gamma):
    log_q = _of_label(xp, _log_softmax(xp, z), labels)
    return -((1 - xp.exp(log_q)) ** gamma * log_q).mean()


def poly1(xp, z, y, epsilon):
    log_q = _log_softmax(xp, z)
    return (y * (epsilon * (1 - xp.exp(log_q)) - log_q)).sum(1).mean()


def brier(xp, z, y):
    return xp.square(xp.exp(_log_softmax(xp, z)) - y).sum(1).mean()


def entropy(xp, z, _):
    log_q = _log_softmax(xp, z)
    return -(xp.exp(log_q) * log_q).sum(1).mean()


def kl(xp, z, y):
    return (y * (xp.log(y) - _log_softmax(xp, z))).sum(1).mean()


def js(xp, z, y):
    q = xp.exp(_log_softmax(xp, z))
    log_m = xp.log((y + q) / 2)
    return 0.5 * (y * (xp.log(y) - log_m) + q * (xp.log(q) - log_m)).sum(1).mean()


def distillation(xp, z, teacher, temperature):
    log_q, log_y = _log_softmax(xp, z / temperature), _log_softmax(xp, teacher / temperature)
    return temperature**2 * (xp.exp(log_y) * (log_y - log_q)).sum(1).mean()
