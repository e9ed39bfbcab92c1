"""Focal L1 loss: small errors matter less than their size, errors beyond 1 grow along a line.

Good at
    Box regression in detection: the pull is strongest at an error of 1/(e β), weaker for outliers and for what is right
    already.

Fails
    Numbers in another unit: it always bends at 1.

Formula
    -α x² (2 ln(βx) - 1) / 4      0 < x ≤ 1        x = abs(pred - target), α = e β
    -α ln(β) x + C                x > 1            C = (2 α ln β + α) / 4
    the slope's magnitude is -α x ln(βx), then -α ln β

Range
    0 to infinity; for β = 1 it is flat beyond 1.

Parameters
    beta    shape of the slope: it peaks at 1 where x = 1 / (e beta)

Elsewhere
    The regression half of Focal-EIoU's paper. One article gives another range of β for x > 1: wrong.

Reference
    Zhang et al. (2021), Focal and Efficient IOU Loss, arXiv:2101.08158.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.70295297649442728
"""

from typing import Annotated

from lossctl.loss import Interval
from lossctl.maths import log, magnitude, select, slope_of_abs, times

E = 2.718281828459045


def value(pred, target, beta: Annotated[float, Interval(1 / E, 1)] = 0.8):
    x = magnitude(pred - target)
    alpha = E * beta
    near = -0.25 * alpha * times(x * x, 2.0 * log_product(beta, x) - 1.0)
    far = alpha * (0.25 - (x - 0.5) * log(beta))
    return select(x <= 1.0, near, far)


def slope(pred, target, beta):
    d = pred - target
    x = magnitude(d)
    alpha = E * beta
    return slope_of_abs(d) * select(x <= 1.0, -alpha * times(x, log_product(beta, x)), -alpha * log(beta))


def log_product(beta, x):
    """Return ln(βx) of two numbers up to 1; the product itself would lose the digits of a logarithm near 0."""
    return log(beta) + log(x)
