"""Balanced binary cross-entropy: alpha weighs the positive part and 1 - alpha the negative one.

Good at
    Class imbalance of two classes by a fixed factor: rare objects in segmentation, boundary maps.

Fails
    Probabilities are shifted by the weight, so their calibration is off; easy examples count as much as hard ones (see
    focal).

Formula
    -α y ln q - (1 - α)(1 - y) ln(1 - q)

Range
    0 to infinity.

Parameters
    alpha    weight of the positives; the share of negatives balances the classes

Elsewhere
    focal with gamma 0. torch's pos_weight leaves the negatives at 1, so its size differs by 1 - alpha.

Reference
    Xie & Tu (2015), Holistically-Nested Edge Detection, arXiv:1504.06375.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.43984571110698144
"""

from lossctl.loss import Unit
from lossctl.maths import times

SHAPE = "binary"


def value(log_q, log_r, y, alpha: Unit = 0.25):
    return -alpha * times(y, log_q) - (1.0 - alpha) * times(1.0 - y, log_r)


def slope(log_q, log_r, y, alpha):
    return -alpha * y, -(1.0 - alpha) * (1.0 - y)
