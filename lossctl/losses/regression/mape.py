"""Absolute percentage error: the error as a fraction of the target.

Good at
    Forecasts of positive numbers of very different size, told as a fraction.

Fails
    Targets near 0 outweigh all others. Favours predictions that are too low.

Formula
    abs((pred - target) / target)        a fraction, not per cent

Range
    0 to infinity; targets must not be 0.

Kinks
    Where pred is the target the slope is 0, the mean of both sides.

Elsewhere
    scikit-learn and keras put a tiny eps under a target of 0 and return an astronomic number: here it is an error.
    keras multiplies by 100.

Reference
    Makridakis (1993), Accuracy Measures: Theoretical and Practical Concerns.

Examples
    1,3 2,2 = 0.5
"""

from lossctl.maths import magnitude, ratio, slope_of_abs

DOMAIN = "targets must not be 0"


def inside(pred, target):
    return target != 0.0


def value(pred, target):
    return magnitude(ratio(pred - target, target))


def slope(pred, target):
    return ratio(slope_of_abs(pred - target), magnitude(target))
