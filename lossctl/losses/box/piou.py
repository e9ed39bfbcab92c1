"""PIoU loss: IoU loss plus a penalty for the distances of the four edges, in units of the target's sides.

Good at
    Detection: a prediction gains nothing by growing, for distances are measured in the target's sides; disjoint boxes
    are pulled in.

Fails
    Targets with a side near 0. Version 2 falls again far away: disjoint boxes can be pushed off, and a worse box score
    better.

Formula
    1    1 - iou + 1 - exp(-P²)
    2    3 x exp(-x²) · v1            x = lam · exp(-P), v1: version 1
    P = (abs(Δx1) + abs(Δx2)) / (4 W) + (abs(Δy1) + abs(Δy2)) / (4 H)

Range
    0 (identical) to 2; version 2: to 6 / √(2 e), about 2.57.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    version    1, or 2, whose attention prefers boxes of medium quality
    lam        of version 2: the larger, the farther away the boxes that lead

Elsewhere
    All of version 2 is differentiated, its attention too, as in the authors' code. Where a prediction outgrows its
    target, P rises, while quotients by the enclosing box (diou, eiou, siou) may fall. Not symmetric: the sides are the
    target's. A target side of 0 makes P infinite unless both its edges agree.

Reference
    Liu et al. (2024), Powerful-IoU: More straightforward and faster bounding box regression loss with a nonmonotonic
    focusing mechanism, Neural Networks 170, 276-284.

Examples
    5,5,15,15 0,0,10,10 = 1.07834207407
    2,3,8,7 0,0,10,10 = 0.820586937187
    0,0,20,5 0,0,10,10 = 0.797851610404
    20,0,40,10 0,0,10,10 = 1.79038861285
    5,5,15,15 0,0,10,10 --version 2 = 1.36982780559
    2,3,8,7 0,0,10,10 --version 2 = 0.89422694774
    20,0,40,10 0,0,10,10 --version 2 = 1.74139341141
"""

from typing import Literal

from lossctl.loss import Positive
from lossctl.losses.box._geometry import iou_slope, measure, to_coordinates
from lossctl.maths import exp, expm1, magnitude, ratio, select, slope_of_abs, times

SHAPE = "boxes"
INFINITY = float("inf")


def value(p, g, version: Literal["1", "2"] = "1", lam: Positive = 1.3):
    pair = measure(p, g)
    away = strain(pair.x) + strain(pair.y)
    first = pair.distance - expm1(-away * away)
    return first if version == "1" else attention(lam * exp(-away)) * first


def slope(p, g, version, lam):
    pair = measure(p, g)
    away = strain(pair.x) + strain(pair.y)
    x1, y1, x2, y2 = to_coordinates(pair, iou_slope(pair, 1.0))
    by_away = times(exp(-away * away), 2.0 * away)
    factor = 1.0
    if version == "2":
        x = lam * exp(-away)
        factor = attention(x)
        # d attention = attention · (1 - 2x²) · dx / x, and dx / x = -dP.
        by_away = by_away - (pair.distance - expm1(-away * away)) * (1.0 - 2.0 * x * x)
    across, down = pair.x.scale * ratio(0.25, pair.x.target), pair.y.scale * ratio(0.25, pair.y.target)
    return (
        times(factor, x1 + by_away * (across * slope_of_abs(pair.x.low))),
        times(factor, y1 + by_away * (down * slope_of_abs(pair.y.low))),
        times(factor, x2 + by_away * (across * slope_of_abs(pair.x.high))),
        times(factor, y2 + by_away * (down * slope_of_abs(pair.y.high))),
    )


def strain(axis):
    """Return the part of P that is one axis's."""
    edges = magnitude(axis.low) + magnitude(axis.high)
    return select((axis.target == 0.0) & (edges > 0.0), INFINITY, 0.25 * ratio(edges, axis.target))


def attention(x):
    """Return 3 x exp(-x²)."""
    return 3.0 * x * exp(-x * x)
