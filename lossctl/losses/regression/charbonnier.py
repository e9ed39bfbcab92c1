"""Charbonnier loss: absolute error with its corner rounded off, common in image restoration.

Good at
    Image restoration, super-resolution, optical flow: robust to outliers as mae, and smooth.

Fails
    A perfect prediction costs epsilon, not 0; under a small epsilon training jitters as under mae.

Formula
    √(d² + ε²)        d = pred - target, ε = epsilon

Range
    epsilon (not 0) to infinity.

Parameters
    epsilon    how round the corner is, in the unit of the numbers

Elsewhere
    kornia's charbonnier is pseudo-huber with delta 1, which starts at 0. Super-resolution code often puts ε², not ε,
    under the root by name.

Reference
    Charbonnier et al. (1994), Two Deterministic Half-Quadratic Regularization Algorithms; Lai et al. (2017), LapSRN.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 1.1402007833300043
"""

from lossctl.loss import Positive
from lossctl.losses.regression._roots import hypotenuse
from lossctl.maths import ratio


def value(pred, target, epsilon: Positive = 1e-3):
    return hypotenuse(pred - target, epsilon)


def slope(pred, target, epsilon):
    d = pred - target
    return ratio(d, hypotenuse(d, epsilon))
