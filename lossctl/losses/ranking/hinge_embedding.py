"""Hinge embedding loss: of distances, those of one kind are the cost, those of two kinds cost what lacks to a margin.

Good at
    Embedding judged by distances that are already computed, of pairs of the same and of different kinds.

Fails
    Distances of one kind cost as they are, so a few far pairs weigh less than under a square; x need not be a distance.

Formula
    y = 1 (the same): x        y = -1 (different): max(0, margin - x)        x: a distance

Range
    0 to infinity where x is a distance. Where x is negative and y = 1, so is the loss.

Kinks
    At the edge of the margin the slope is half.

Parameters
    margin    how large the distance of two kinds has to be

Elsewhere
    torch.nn.functional.hinge_embedding_loss is this. It takes any x: nothing tells whether it is a distance.
    contrastive computes the distance itself, and squares. y is 1 for the same; contrastive has 0 for it.

Reference
    Common; torch.nn.HingeEmbeddingLoss.

Examples
    .5,2,.25 1,1,-1 = 1.0833333333333333
    .5,2,.25 1,-1,-1 --margin 3 = 1.4166666666666667
"""

from lossctl.loss import NonNegative
from lossctl.losses.ranking._signs import is_sign
from lossctl.maths import larger, select, step

SHAPE = "scores"
DOMAIN = "y has to be 1 (the same) or -1 (different); 0 and 1 with 1 for the same? then y is 2 y - 1 here"


def inside(x, y, margin):
    return is_sign(y)


def value(x, y, margin: NonNegative = 1.0):
    return select(y > 0.0, x, larger(0.0, margin - x))


def slope(x, y, margin):
    return select(y > 0.0, 1.0, -step(margin - x))
