"""Absolute percentage error: the error as a fraction of the target.

Formula
    abs((pred - target) / target)        a fraction, not per cent

Range
    0 to infinity; targets must not be 0.

Elsewhere
    scikit-learn and keras put a tiny eps under a target of 0 and return an astronomic number: here it is an error.
    keras multiplies by 100. Favours predictions that are too low.

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
