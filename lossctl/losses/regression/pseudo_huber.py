"""Pseudo-Huber loss: a smooth huber, parabola near zero and line in the tails in one formula.

Good at
    Robust regression as huber, outliers pull no more than delta; smooth everywhere.

Fails
    delta has to be of the size of ordinary errors.

Formula
    δ² (√(1 + (d/δ)²) - 1)        d = pred - target, δ = delta

Range
    0 to infinity.

Parameters
    delta    where the parabola turns into the line, which has this slope

Elsewhere
    delta 1 is kornia's charbonnier. Computed as δ d² / (δ + √(d² + δ²)), which keeps its digits near 0.

Reference
    Hartley & Zisserman (2003), Multiple View Geometry in Computer Vision, appendix 6.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.70723670582732417
"""

from lossctl.loss import Positive
from lossctl.losses.regression._roots import hypotenuse
from lossctl.maths import ratio


def value(pred, target, delta: Positive = 1.0):
    d = pred - target
    return d * (delta * (d / (delta + hypotenuse(d, delta))))


def slope(pred, target, delta):
    d = pred - target
    return delta * ratio(d, hypotenuse(d, delta))
