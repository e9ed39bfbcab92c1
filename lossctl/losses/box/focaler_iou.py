"""Focaler-IoU loss: a base loss whose IoU is stretched from the interval d..u to 0..1 and clamped there.

Good at
    Detection where either easy or hard examples prevail: d and u choose the IoU that is trained.

Fails
    Boxes below d or above u have no slope but the one of the base's penalty: with base iou they are not trained at all.

Formula
    base + iou - f            f = clamp((iou - d) / (u - d), 0, 1)

Range
    0 to that of base; with u below 1, boxes that are good enough cost nothing but the base's penalty.

Kinks
    Where edges coincide or touch, or the IoU is d or u, the slope is the mean of both sides; for identical boxes it is
    0.

Parameters
    d        the IoU up to which a box counts as disjoint
    u        the IoU from which it counts as perfect; above d
    base     the loss whose IoU is replaced: iou, giou, diou, ciou, eiou or siou
    gate     of the base ciou: the IoU up to which the aspect ratio does not count
    theta    of the base siou: how little small differences of the sides count

Elsewhere
    d 0 and u 0.95 are those of the authors' code. The weight a of ciou keeps the plain IoU.

Reference
    Zhang & Zhang (2024), Focaler-IoU: More Focused Intersection over Union Loss, arXiv:2401.10525.

Examples
    5,5,15,15 0,0,10,10 = 0.84962406015
    20,0,30,10 0,0,10,10 = 1
    2,3,8,7 0,0,10,10 = 0.747368421053
    0,0,20,5 0,0,10,10 = 0.649122807018
"""

from typing import Annotated, Literal

from lossctl.loss import Interval, Unit
from lossctl.losses.box._bases import penalty, penalty_slope
from lossctl.losses.box._geometry import iou_slope, measure
from lossctl.losses.box._sides import shared_sides
from lossctl.maths import clamp, larger, ratio, select, smaller

SHAPE = "boxes"


def conflict(d, u, base, gate, theta):
    return None if d < u else f"d is {d:g} and u is {u:g}; d has to be below u"


def value(
    p, g,
    d: Annotated[float, Interval(0, 1, high_open=True)] = 0.0,
    u: Annotated[float, Interval(0, 1, low_open=True)] = 0.95,
    base: Literal["iou", "giou", "diou", "ciou", "eiou", "siou"] = "iou",
    gate: Unit = 0.0,
    theta: Annotated[float, Interval(2, 6)] = 4.0,
):  # fmt: skip
    pair = measure(p, g)
    return clamp(shortage(pair, u) / (u - d), 0.0, 1.0) + penalty(p, g, pair, base, gate, theta)


def slope(p, g, d, u, base, gate, theta):
    pair = measure(p, g)
    factor = ratio(1.0, u - d)
    # At an end of d..u only one direction counts: the one that leads inside.
    short = shortage(pair, u)
    rising = select((d < pair.iou) & (short >= 0.0), factor, 0.0)
    falling = select((d <= pair.iou) & (short > 0.0), factor, 0.0)
    by_x, by_y = iou_slope(pair, 1.0)
    x1, x2 = clamped(pair.x, by_x, rising, falling)
    y1, y2 = clamped(pair.y, by_y, rising, falling)
    rest_x1, rest_y1, rest_x2, rest_y2 = penalty_slope(p, g, pair, base, gate, theta)
    return x1 + rest_x1, y1 + rest_y1, x2 + rest_x2, y2 + rest_y2


def shortage(pair, u):
    """Return u - iou, from whichever of iou and 1 - iou has the digits."""
    return select(pair.iou < 0.5, u - pair.iou, pair.distance - (1.0 - u))


def clamped(axis, slope, rising, falling):
    """Return the derivatives by both ends, what raises 1 - iou times `rising` and what lowers it times `falling`."""
    overlap = axis.shared - axis.gap
    below, above = shared_sides(axis.low, axis.high, overlap, 1.0, 0.0)
    low = mean(slope.shared * below - slope.size, slope.shared * above - slope.size, rising, falling)
    below, above = shared_sides(axis.low, axis.high, overlap, 0.0, 1.0)
    high = mean(slope.shared * below + slope.size, slope.shared * above + slope.size, rising, falling)
    return axis.scale * low, axis.scale * high


def mean(below, above, rising, falling):
    """Return the mean of two one-sided slopes, weighted by where they lead."""
    up = rising * larger(above, 0.0) + falling * smaller(above, 0.0)
    down = rising * smaller(below, 0.0) + falling * larger(below, 0.0)
    return 0.5 * (up + down)
