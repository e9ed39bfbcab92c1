"""Poly-1 loss: cross-entropy whose first term, 1 minus the probability of the true class, counts more.

Good at
    Classification and segmentation where ce almost fits: one more number to tune, which raises or lowers the pull of
    the true class.

Fails
    epsilon has to be searched for each task; not a proper score of probability.

Formula
    -ln q_y + epsilon (1 - q_y)

Range
    0 to infinity.

Parameters
    epsilon    what is added to the first coefficient of the series of ln

Elsewhere
    The authors' code takes a softmax and one-hot labels, as here; in a target distribution each class counts by its
    share.

Reference
    Leng et al. (2022), PolyLoss, arXiv:2204.12511.

Examples
    '2,.5,-1;.1,.2,.3' 0,2 --input logits = 1.0452458545930999
"""

from typing import Annotated

from lossctl.loss import Interval
from lossctl.maths import times

SHAPE = "classes"


def value(r, log_q, y, epsilon: Annotated[float, Interval(-1)] = 1.0):
    return epsilon * y * r - times(y, log_q)


def slope(r, log_q, y, epsilon):
    return epsilon * y, -y


def alone(epsilon):
    return True
