"""Triplet loss: an anchor's distance to its like has to be smaller than that to a stranger, by a margin.

Good at
    Embedding by order: retrieval and recognition, where only which row is nearer counts, not how near it is.

Fails
    Most triplets soon cost 0: the mean is small because they are easy, not because the hard examples are solved.

Formula
    max(0, D(a, p) - D(a, n) + margin)        D(a, b) = (Σ abs(a - b)^p)^(1/p); squared: D²

Range
    0 (the stranger is farther by the margin) to infinity.

Kinks
    At the edge of the margin the slope is half; where two rows coincide, that of their D is 0.

Parameters
    margin     how much farther the stranger n has to be than the like p
    p          which norm the distance is: 1 city blocks, 2 Euclid, inf the largest difference
    squared    compare squared distances

Elsewhere
    torch.nn.functional.triplet_margin_loss adds eps = 1e-6 to every difference (not to the distance), so that its
    equal rows are not at distance 0; its `swap` is not here. FaceNet squares, with margin 0.2 on rows of length 1.

Reference
    Schroff et al. (2015), FaceNet, arXiv:1503.03832; Weinberger & Saul (2009).

Examples
    0,1,2 1,1,0 3,1,2 = 0.2360679774997897
    0,1,2 1,1,0 3,1,2 --squared = 0
    0,1,2 1,1,0 3,1,2 --p 1 --margin 2 = 2
    0,1,2 1,1,0 3,1,2 --p inf --margin 2 = 1
"""

from typing import Annotated, Literal

from lossctl.loss import Interval, NonNegative
from lossctl.maths import larger, select, step, times

SHAPE = "embeddings"
INFINITY = float("inf")

Norm = Annotated[float, Interval(1)] | Literal["inf"]


def value(
    distance_ap, distance_an, square_ap, square_an, margin: NonNegative = 1.0, p: Norm = 2.0, squared: bool = False
):
    return larger(0.0, behind(distance_ap, distance_an, square_ap, square_an, margin, squared))


def slope(distance_ap, distance_an, square_ap, square_an, margin, p, squared):
    by = step(behind(distance_ap, distance_an, square_ap, square_an, margin, squared))
    if squared:
        return 0.0, 0.0, by, -by
    return by, -by, 0.0, 0.0


def behind(distance_ap, distance_an, square_ap, square_an, margin, squared):
    """Return how much the stranger lacks to the distance it should have."""
    if squared:
        # Squares may overflow where distances do not; then (D - d)(D + d) tells which is larger.
        product = times(distance_ap - distance_an, distance_ap + distance_an)
        return select(square_ap + square_an < INFINITY, square_ap - square_an, product) + margin
    return distance_ap - distance_an + margin
