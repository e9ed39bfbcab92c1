"""Margin ranking loss: what the score that should be higher lacks to a lead of a margin over the other.

Good at
    Learning to rank from pairs of scores: content once a pair is in order by the margin.

Fails
    With margin 0 two equal scores cost nothing, so a constant model is perfect: give a margin, or take
    pairwise-logistic. It sees pairs, not lists: a swap at the top costs what one at the bottom does.

Formula
    max(0, margin - y (x1 - x2))        y = 1: x1 should be higher, y = -1: x2

Range
    0 to infinity.

Kinks
    At the edge of the margin the slope is half.

Parameters
    margin    the lead that is enough

Elsewhere
    torch.nn.functional.margin_ranking_loss is this. RankSVM is margin 1.

Reference
    Herbrich et al. (2000), Large Margin Rank Boundaries for Ordinal Regression; Joachims (2002).

Examples
    2,0,1 1,3,1 1,1,-1 = 1
    2,0,1 1,3,1 1,1,-1 --margin 1 = 1.6666666666666667
"""

from lossctl.loss import NonNegative
from lossctl.losses.ranking._signs import is_sign, lead
from lossctl.maths import larger, step

SHAPE = "scores"
DOMAIN = "y has to be 1 (x1 is higher) or -1 (x2 is higher); 0 and 1 with 1 for x1? then y is 2 y - 1 here"


def inside(x1, x2, y, margin):
    return is_sign(y)


def value(x1, x2, y, margin: NonNegative = 0.0):
    return larger(0.0, margin - lead(x1, x2, y))


def slope(x1, x2, y, margin):
    by = y * step(margin - lead(x1, x2, y))
    return -by, by
