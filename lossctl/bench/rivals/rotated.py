"""Losses of rotated boxes (N, 5) as normal distributions, in array code. `xp` is numpy or torch; each returns the mean.

They are written as mmrotate and ultralytics write them, in entries of the covariances.
"""

from __future__ import annotations


def _spread(xp, b, k):
    """Return the entries xx, yy, xy of the covariance and its determinant, each times the powers of k due to them."""
    wide, high, cos, sin = b[:, 2] ** 2 / k, b[:, 3] ** 2 / k, xp.cos(b[:, 4]), xp.sin(b[:, 4])
    return wide * cos**2 + high * sin**2, wide * sin**2 + high * cos**2, (wide - high) * cos * sin, wide * high


def _offset(p, g):
    return p[:, 0] - g[:, 0], p[:, 1] - g[:, 1]


def _mahalanobis(dx, dy, xx, yy, xy, det):
    return (yy * dx**2 + xx * dy**2 - 2 * xy * dx * dy) / det


def _bounded(xp, distance, tau):
    return (1 - 1 / (tau + xp.log1p(distance))).mean()


def probiou(xp, p, g):
    pxx, pyy, pxy, pdet = _spread(xp, p, 12)
    gxx, gyy, gxy, gdet = _spread(xp, g, 12)
    xx, yy, xy = (pxx + gxx) / 2, (pyy + gyy) / 2, (pxy + gxy) / 2
    det = xx * yy - xy**2
    far = _mahalanobis(*_offset(p, g), xx, yy, xy, det) / 8
    b = far + 0.5 * xp.log(det / xp.sqrt(pdet * gdet))
    return xp.sqrt(xp.clip(1 - xp.exp(-b), 0, None)).mean()


def gwd(xp, p, g, tau, alpha):
    pxx, pyy, pxy, pdet = _spread(xp, p, 4)
    gxx, gyy, gxy, gdet = _spread(xp, g, 4)
    dx, dy = _offset(p, g)
    cross = xp.sqrt(pxx * gxx + pyy * gyy + 2 * pxy * gxy + 2 * xp.sqrt(pdet * gdet))
    shape = xp.clip(pxx + pyy + gxx + gyy - 2 * cross, 0, None)
    distance = xp.sqrt(dx**2 + dy**2 + alpha**2 * shape)
    return _bounded(xp, distance / (2 * (pdet * gdet) ** 0.125), tau)


def kld(xp, p, g, tau, alpha):
    pxx, pyy, pxy, pdet = _spread(xp, p, 4)
    gxx, gyy, gxy, gdet = _spread(xp, g, 4)
    far = _mahalanobis(*_offset(p, g), pxx, pyy, pxy, pdet) / alpha**2
    shape = (pyy * gxx + pxx * gyy - 2 * pxy * gxy) / pdet
    k = 0.5 * (far + shape + xp.log(pdet / gdet)) - 1
    return _bounded(xp, xp.sqrt(xp.clip(k, 0, None)), tau)


def kfiou(xp, p, g):
    pxx, pyy, pxy, pdet = _spread(xp, p, 4)
    gxx, gyy, gxy, gdet = _spread(xp, g, 4)
    # det(Σp - Σp (Σp + Σg)⁻¹ Σp) is det Σp det Σg / det(Σp + Σg).
    both = 4 * xp.sqrt(pdet * gdet / ((pxx + gxx) * (pyy + gyy) - (pxy + gxy) ** 2))
    return (1 - both / (4 * xp.sqrt(pdet) + 4 * xp.sqrt(gdet) - both)).mean()
