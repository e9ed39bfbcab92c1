"""Losses of boxes (N, 4) in array code, two columns at a time. `xp` is numpy or torch; each returns the mean."""

from __future__ import annotations

import math


def _held(x):
    """Return x as a constant where there are gradients."""
    return x.detach() if hasattr(x, "detach") else x


def _size(b):
    return b[:, 2:] - b[:, :2]


def _product(pair):
    return pair[:, 0] * pair[:, 1]


def _iou(xp, p, g):
    """Return IoU and union."""
    overlap = _product(xp.clip(xp.minimum(p[:, 2:], g[:, 2:]) - xp.maximum(p[:, :2], g[:, :2]), 0, None))
    union = _product(_size(p)) + _product(_size(g)) - overlap
    return overlap / union, union


def _span(xp, p, g):
    return xp.maximum(p[:, 2:], g[:, 2:]) - xp.minimum(p[:, :2], g[:, :2])


def _offset(p, g):
    return (p[:, :2] + p[:, 2:] - g[:, :2] - g[:, 2:]) / 2


def _length2(pair):
    return pair[:, 0] ** 2 + pair[:, 1] ** 2


def _center(xp, p, g):
    return _length2(_offset(p, g)) / _length2(_span(xp, p, g))


def _void(xp, p, g, union):
    enclosing = _product(_span(xp, p, g))
    return (enclosing - union) / enclosing


def _angle(xp, b):
    size = _size(b)
    return xp.arctan2(size[:, 0], size[:, 1])


def _aspect(xp, p, g, iou, gate):
    v = 4 / math.pi**2 * (_angle(xp, g) - _angle(xp, p)) ** 2
    a = _held(v / (1 - iou + v))
    return v * (xp.where(iou > gate, a, 0 * a) if gate > 0 else a)


def _stretch(xp, p, g):
    return _length2((_size(p) - _size(g)) / _span(xp, p, g))


def _misfit(xp, p, g):
    return xp.abs(_size(p) - _size(g)) / xp.maximum(_size(p), _size(g))


def _angled(xp, p, g, theta):
    """Return what siou adds to 1 - iou."""
    d = _offset(p, g)
    share = 2 * xp.abs(_product(d)) / _length2(d)
    distance = 1 - xp.exp(-(2 - share)[:, None] * (d / _span(xp, p, g)) ** 2)
    shape = (1 - xp.exp(-_misfit(xp, p, g))) ** theta
    return (distance + shape).sum(1) / 2


def _penalty(xp, p, g, iou, union, base, gate, theta):
    """Return what the loss called `base` adds to 1 - iou."""
    if base == "giou":
        return _void(xp, p, g, union)
    if base == "diou":
        return _center(xp, p, g)
    if base == "ciou":
        return _center(xp, p, g) + _aspect(xp, p, g, iou, gate)
    if base == "eiou":
        return _center(xp, p, g) + _stretch(xp, p, g)
    return _angled(xp, p, g, theta) if base == "siou" else 0.0


def iou(xp, p, g, form):
    found, _ = _iou(xp, p, g)
    return {"linear": lambda: 1 - found, "square": lambda: 1 - found**2, "log": lambda: -xp.log(found)}[form]().mean()


def giou(xp, p, g):
    iou, union = _iou(xp, p, g)
    return (1 - iou + _void(xp, p, g, union)).mean()


def diou(xp, p, g):
    return (1 - _iou(xp, p, g)[0] + _center(xp, p, g)).mean()


def ciou(xp, p, g, gate):
    iou, _ = _iou(xp, p, g)
    return (1 - iou + _center(xp, p, g) + _aspect(xp, p, g, iou, gate)).mean()


def eiou(xp, p, g):
    return (1 - _iou(xp, p, g)[0] + _center(xp, p, g) + _stretch(xp, p, g)).mean()


def focal_eiou(xp, p, g, gamma):
    iou, _ = _iou(xp, p, g)
    weight = _held(iou) ** gamma
    return (weight * (1 - iou + _center(xp, p, g) + _stretch(xp, p, g))).sum() / weight.sum()


def siou(xp, p, g, theta):
    return (1 - _iou(xp, p, g)[0] + _angled(xp, p, g, theta)).mean()


def focaler_iou(xp, p, g, d, u, base, gate, theta):
    iou, union = _iou(xp, p, g)
    return (1 - xp.clip((iou - d) / (u - d), 0, 1) + _penalty(xp, p, g, iou, union, base, gate, theta)).mean()


def inner_iou(xp, p, g, ratio, base, gate, theta):
    def inner(b):
        middle, reach = (b[:, :2] + b[:, 2:]) / 2, ratio / 2 * _size(b)
        return xp.concatenate([middle - reach, middle + reach], 1)

    added = 0.0 if base == "iou" else _penalty(xp, p, g, *_iou(xp, p, g), base, gate, theta)
    return (1 - _iou(xp, inner(p), inner(g))[0] + added).mean()


def alpha_iou(xp, p, g, k, base, gate):
    iou, union = _iou(xp, p, g)
    loss = 1 - iou**k
    if base == "giou":
        loss = loss + _void(xp, p, g, union) ** k
    if base in ("diou", "ciou"):
        loss = loss + _center(xp, p, g) ** k
    if base == "ciou":
        loss = loss + _aspect(xp, p, g, iou, gate) ** k
    return loss.mean()


def cdiou(xp, p, g, base, lam, gate):
    iou, union = _iou(xp, p, g)
    squares = (p - g) ** 2
    corners = sum(xp.sqrt(squares[:, i] + squares[:, j]) for i in (0, 2) for j in (1, 3))
    distance = corners / (4 * xp.sqrt(_length2(_span(xp, p, g))))
    return (1 - iou + _penalty(xp, p, g, iou, union, base, gate, 4.0) + lam * distance).mean()


def bounded_iou(xp, p, g, beta):
    size, target, away = _size(p), _size(g), xp.abs(_offset(p, g))
    center = 1 - xp.clip((target - 2 * away) / (target + 2 * away), 0, None)
    sides = 1 - xp.minimum(size / target, target / size)
    return sum(xp.where(t < beta, t * t / (2 * beta), t - beta / 2).sum(1) for t in (center, sides)).mean()


def box_l1(xp, p, g):
    return xp.abs(p - g).mean()


def box_smooth_l1(xp, p, g, beta):
    x = xp.abs(p - g)
    return xp.where(x < beta, x * x / (2 * beta), x - beta / 2).mean()


def mpdiou(xp, p, g, width, height):
    return (1 - _iou(xp, p, g)[0] + ((p - g) ** 2).sum(1) / (width**2 + height**2)).mean()


def nwd(xp, p, g, constant):
    return (1 - xp.exp(-xp.sqrt(((p - g) ** 2).sum(1) / 2) / constant)).mean()


def piou(xp, p, g, version, lam):
    away = xp.abs(p - g)
    strain = ((away[:, :2] + away[:, 2:]) / (4 * _size(g))).sum(1)
    first = 2 - _iou(xp, p, g)[0] - xp.exp(-(strain**2))
    x = lam * xp.exp(-strain)
    return (first if version == "1" else 3 * x * xp.exp(-(x**2)) * first).mean()


def shape_iou(xp, p, g, scale):
    powers = _size(g) ** scale
    weights = 2 * powers / powers.sum(1)[:, None]
    across, down = weights[:, 1], weights[:, 0]
    d = _offset(p, g)
    distance = (across * d[:, 0] ** 2 + down * d[:, 1] ** 2) / _length2(_span(xp, p, g))
    misfit = _misfit(xp, p, g)
    wide, high = 1 - xp.exp(-across * misfit[:, 0]), 1 - xp.exp(-down * misfit[:, 1])
    return (1 - _iou(xp, p, g)[0] + distance + 0.5 * (wide**4 + high**4)).mean()


def wiou(xp, p, g, version, gamma, k, delta, iou_mean):
    distance = 1 - _iou(xp, p, g)[0]
    loss = xp.exp(_length2(_offset(p, g)) / _held(_length2(_span(xp, p, g)))) * distance
    if version == "1":
        return loss.mean()
    beta = _held(distance / (distance.mean() if iou_mean == "auto" else iou_mean))
    focus = beta**gamma if version == "2" else beta / (delta * k ** (beta - delta))
    return (focus * loss).mean()


def extended_iou(xp, p, g, smooth):
    low, high = xp.maximum(p[:, :2], g[:, :2]), xp.minimum(p[:, 2:], g[:, 2:])
    origin = xp.minimum(p[:, :2], g[:, :2])
    a, b = low - origin, high - origin
    less, more = xp.minimum(a, b), xp.maximum(a, b)
    overlap = _product(b) + _product(less) - a[:, 0] * more[:, 1] - more[:, 0] * a[:, 1]
    e = 1 - overlap / (_product(_size(p)) + _product(_size(g)) - overlap)
    return xp.where(e < smooth, e * e / (2 * smooth), e - smooth / 2).mean()
