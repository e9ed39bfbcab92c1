"""Pairwise logistic loss: minus the logarithm of the chance that the score that should be higher wins (RankNet).

Good at
    Learning to rank from pairs of scores whose order may be noisy: smooth everywhere, and a probability of the order.

Fails
    Never content: it goes on parting pairs that are in order. A wrong label costs without bound, but only linearly.

Formula
    log(1 + exp(-y (x1 - x2)))        y = 1: x1 should be higher, y = -1: x2

Range
    0 to infinity. Two equal scores cost ln 2.

Elsewhere
    bce on logits of x1 - x2 is this, with y in {0, 1} and ties at ½. RankNet has a steepness in front of x1 - x2: scale
    the scores. tensorflow-ranking makes the pairs of a list itself; here the pairs are yours.

Reference
    Burges et al. (2005), Learning to Rank using Gradient Descent.

Examples
    2,0,1 1,3,1 1,1,-1 = 1.3516654065506367
    1 1 1 = 0.69314718055994531
"""

from lossctl.losses.ranking._signs import is_sign, lead
from lossctl.maths import sigmoid, softplus

SHAPE = "scores"
DOMAIN = "y has to be 1 (x1 is higher) or -1 (x2 is higher); 0 and 1 with 1 for x1? then y is 2 y - 1 here"


def inside(x1, x2, y):
    return is_sign(y)


def value(x1, x2, y):
    return softplus(-lead(x1, x2, y))


def slope(x1, x2, y):
    by = y * sigmoid(-lead(x1, x2, y))
    return -by, by
