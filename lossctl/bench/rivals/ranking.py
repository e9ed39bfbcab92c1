"""Losses of scores and of rows of embeddings in array code. `xp` is numpy or torch; each returns the mean."""

from __future__ import annotations


def _distance2(a, b):
    return ((a - b) ** 2).sum(1)


def _cosine(xp, a, b):
    return (a * b).sum(1) / xp.sqrt((a * a).sum(1) * (b * b).sum(1))


def contrastive(xp, sides, y, margin):
    square = _distance2(*sides)
    return (0.5 * xp.where(y == 0, square, xp.clip(margin - xp.sqrt(square), 0, None) ** 2)).mean()


def triplet(xp, sides, _, margin, squared):
    anchor, like, stranger = sides
    near, far = _distance2(anchor, like), _distance2(anchor, stranger)
    lead = near - far if squared else xp.sqrt(near) - xp.sqrt(far)
    return xp.clip(lead + margin, 0, None).mean()


def cosine_embedding(xp, sides, y, margin):
    cosine = _cosine(xp, *sides)
    return xp.where(y > 0, 1 - cosine, xp.clip(cosine - margin, 0, None)).mean()


def margin_ranking(xp, sides, y, margin):
    return xp.clip(margin - y * (sides[0] - sides[1]), 0, None).mean()


def hinge_embedding(xp, x, y, margin):
    return xp.where(y > 0, x, xp.clip(margin - x, 0, None)).mean()


def pairwise_logistic(xp, sides, y):
    behind = -y * (sides[0] - sides[1])
    return (xp.clip(behind, 0, None) + xp.log1p(xp.exp(-xp.abs(behind)))).mean()
