"""Smooth L1 loss: a parabola near zero that meets the absolute error beyond beta.

Good at
    Box regression in detection: robust to outliers, and calm near the target.

Fails
    beta has to fit the unit of the numbers: 1 and 1/9 are for normalised offsets.

Formula
    d² / (2 beta)          abs(d) < beta        d = pred - target
    abs(d) - beta / 2      otherwise

Range
    0 to infinity.

Kinks
    None, but with beta 0 it is mae.

Parameters
    beta    where the parabola meets the line; 0 is mae

Elsewhere
    torch.nn.functional.smooth_l1_loss. Caffe's sigma is beta = 1 / sigma². huber is this times its delta.

Reference
    Girshick (2015), Fast R-CNN, arXiv:1504.08083.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.829
    -3,-.5,0,.2,2 0,0,0,0,0 --beta 0.25 = 1.041
    -3,-.5,0,.2,2 0,0,0,0,0 --beta 0 = 1.14
"""

from lossctl.loss import NonNegative
from lossctl.maths import magnitude, ratio, select, slope_of_abs


def value(pred, target, beta: NonNegative = 1.0):
    x = magnitude(pred - target)
    return select(x < beta, 0.5 * x * ratio(x, beta), x - 0.5 * beta)


def slope(pred, target, beta):
    d = pred - target
    return select(magnitude(d) < beta, ratio(d, beta), slope_of_abs(d))
