"""Contrastive loss: rows of one kind attract each other, rows of two kinds are pushed apart as far as a margin.

Good at
    Embedding rows into a space where distance means likeness: pairs of the same and of different kinds, verification.

Fails
    One margin has to suit all kinds of pairs, as it asks for absolute distances; easy pairs soon say nothing.

Formula
    y = 0 (the same): ½ D²        y = 1 (different): ½ max(0, margin - D)²        D = ‖a - b‖

Range
    0 to infinity. The cost of two kinds is at most ½ margin².

Kinks
    Where a and b coincide the distance has no direction and the slope is 0, even for a pair that has to part.

Parameters
    margin    how far apart rows of two kinds have to be

Elsewhere
    Hadsell's y is this one: 1 marks the different pair. pytorch-metric-learning, sentence-transformers and most code
    since flip it (1: the same), keras examples go both ways, and some leave out the ½: check which y your data has.

Reference
    Hadsell et al. (2006), Dimensionality Reduction by Learning an Invariant Mapping.

Examples
    0,1,2 1,1,0 0 = 2.5
    0,1,2 1,1,0 1 --margin 3 = 0.29179606750063091
    '0,1,2;3,4,5' '1,1,0;3,4,5' 0,0 = 1.25
"""

from lossctl.loss import NonNegative
from lossctl.maths import larger, select

SHAPE = "embeddings"
DOMAIN = "y has to be 0 (the same) or 1 (different); -1 and 1 with 1 for the same? then y is (1 - y) / 2 here"


def inside(distance_ab, square_ab, y, margin):
    return (y == 0.0) | (y == 1.0)


def value(distance_ab, square_ab, y, margin: NonNegative = 1.0):
    short = larger(0.0, margin - distance_ab)
    return 0.5 * select(y == 0.0, square_ab, short * short)


def slope(distance_ab, square_ab, y, margin):
    return select(y == 0.0, 0.0, -larger(0.0, margin - distance_ab)), select(y == 0.0, 0.5, 0.0)
