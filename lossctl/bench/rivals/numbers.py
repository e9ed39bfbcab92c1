"""Losses of numbers in array code, as people write it. `xp` is numpy or torch; each returns the mean."""

from __future__ import annotations

import math


def mae(xp, pred, target):
    return xp.abs(pred - target).mean()


def mse(xp, pred, target):
    return xp.square(pred - target).mean()


def rmse(xp, pred, target):
    return xp.sqrt(xp.square(pred - target).mean())


def msle(xp, pred, target):
    return xp.square(xp.log1p(pred) - xp.log1p(target)).mean()


def mape(xp, pred, target):
    return xp.abs((pred - target) / target).mean()


def smooth_l1(xp, pred, target, beta):
    x = xp.abs(pred - target)
    return xp.where(x < beta, 0.5 * x * x / beta, x - 0.5 * beta).mean()


def huber(xp, pred, target, delta):
    x = xp.abs(pred - target)
    return xp.where(x <= delta, 0.5 * x * x, delta * (x - 0.5 * delta)).mean()


def pseudo_huber(xp, pred, target, delta):
    return (delta**2 * (xp.sqrt(1 + xp.square((pred - target) / delta)) - 1)).mean()


def log_cosh(xp, pred, target):
    x = xp.abs(pred - target)
    return (x + xp.log1p(xp.exp(-2 * x)) - math.log(2)).mean()


def quantile(xp, pred, target, tau):
    r = target - pred
    return xp.maximum(tau * r, (tau - 1) * r).mean()


def charbonnier(xp, pred, target, epsilon):
    return xp.sqrt(xp.square(pred - target) + epsilon**2).mean()


def cauchy(xp, pred, target, c):
    return xp.log1p(0.5 * xp.square((pred - target) / c)).mean()


def geman_mcclure(xp, pred, target, c):
    u = xp.square((pred - target) / c)
    return (2 * u / (u + 4)).mean()


def welsch(xp, pred, target, c):
    return (1 - xp.exp(-0.5 * xp.square((pred - target) / c))).mean()


def wing(xp, pred, target, w, epsilon):
    x = xp.abs(pred - target)
    return xp.where(x < w, w * xp.log(1 + x / epsilon), x - (w - w * math.log(1 + w / epsilon))).mean()


def focal_l1(xp, pred, target, beta):
    x = xp.abs(pred - target)
    alpha = math.e * beta
    near = -alpha * x**2 * (2 * xp.log(beta * x) - 1) / 4
    far = -alpha * math.log(beta) * x + (2 * alpha * math.log(beta) + alpha) / 4
    return xp.where(x <= 1, near, far).mean()


def balanced_l1(xp, pred, target, a, gamma, b):
    x = xp.abs(pred - target)
    bend = math.exp(gamma / a) - 1
    near = a / bend * (bend * x + b) * xp.log(bend * x / b + 1) - a * x
    return xp.where(x < b, near, gamma * x + gamma * b / bend - a * b).mean()


def poisson(xp, pred, target):
    happened = target * xp.log(xp.where(target > 0, target / pred, 1))
    return 2 * (happened - (target - pred)).mean()


def hinge(xp, pred, target, margin):
    return xp.clip(margin - target * pred, 0, None).mean()


def squared_hinge(xp, pred, target, margin):
    return xp.square(xp.clip(margin - target * pred, 0, None)).mean()
