"""Squared logarithmic error: the squared difference of log(1 + number); relative error for large numbers.

Good at
    Counts and prices over orders of magnitude, a long tail: errors count as ratios.

Fails
    Predicting too little costs more than predicting too much by as much.

Formula
    (log1p(pred) - log1p(target))²

Range
    0 to infinity; numbers have to be above -1.

Elsewhere
    scikit-learn's mean_squared_log_error refuses negative numbers, keras' clips them to 0.

Reference
    Common; see scikit-learn, Model evaluation, mean squared logarithmic error.

Examples
    0,1,3 0,3,1 = 0.32030200927880094
"""

from lossctl.maths import log1p, ratio

DOMAIN = "numbers have to be above -1"


def inside(pred, target):
    return (pred > -1.0) & (target > -1.0)


def value(pred, target):
    d = difference(pred, target)
    return d * d


def slope(pred, target):
    return ratio(2.0 * difference(pred, target), 1.0 + pred)


def difference(pred, target):
    """Return log1p(pred) - log1p(target) as one logarithm, which keeps the digits of almost equal numbers."""
    return log1p(ratio(pred - target, 1.0 + target))
