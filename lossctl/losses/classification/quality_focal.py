"""Quality focal loss: cross-entropy with a soft target, weighted by how far the prediction is from it.

Good at
    Detection whose class score tells the IoU of its box as well: soft targets, under an imbalance of negatives.

Fails
    Labels of 0 and 1 alone: focal has alpha for their imbalance. Noisy targets look like hard examples.

Formula
    abs(y - q)^beta · bce

Range
    0 to infinity; 0 where q = y.

Parameters
    beta    how fast good predictions fade; 0 is bce

Elsewhere
    mmdet's QualityFocalLoss sums over classes and divides by an average factor. y is a detection's IoU with its box.

Reference
    Li et al. (2020), Generalized Focal Loss, arXiv:2006.04388.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.79203841555709488
"""

from lossctl.loss import Exponent
from lossctl.maths import magnitude, power, slope_of_abs, times

SHAPE = "binary"


def value(q, r, log_q, log_r, y, beta: Exponent = 2.0):
    return times(power(magnitude(distance(q, r, y)), beta), entropy(log_q, log_r, y))


def slope(q, r, log_q, log_r, y, beta):
    d = distance(q, r, y)
    focus = power(magnitude(d), beta)
    steep = times(beta * slope_of_abs(d), times(entropy(log_q, log_r, y), power(magnitude(d), beta - 1.0)))
    return steep, 0.0, -focus * y, -focus * (1.0 - y)


def distance(q, r, y):
    """Return q - y, with the digits of 1 - q where y is 1."""
    return q * (1.0 - y) - r * y


def entropy(log_q, log_r, y):
    """Return the cross-entropy."""
    return -times(y, log_q) - times(1.0 - y, log_r)
