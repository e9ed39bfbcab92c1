"""Huber loss: a parabola near zero, a line in the tails.

Good at
    Robust regression: outliers pull no more than delta, ordinary errors count as under mse.

Fails
    delta has to fit the noise: too large it is mse, too small mae.

Formula
    ½ d²                          abs(d) ≤ delta        d = pred - target
    delta (abs(d) - ½ delta)      otherwise

Range
    0 to infinity.

Parameters
    delta    where the parabola meets the line

Elsewhere
    torch.nn.functional.huber_loss is this; smooth_l1_loss is this divided by delta.

Reference
    Huber (1964), Robust Estimation of a Location Parameter.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 --delta 0.5 = 0.479
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.829
"""

from lossctl.loss import Positive
from lossctl.maths import clamp, magnitude, select


def value(pred, target, delta: Positive = 1.0):
    x = magnitude(pred - target)
    return select(x <= delta, 0.5 * x * x, delta * (x - 0.5 * delta))


def slope(pred, target, delta):
    return clamp(pred - target, -delta, delta)
