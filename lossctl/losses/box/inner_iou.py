"""Inner-IoU loss: a base loss whose IoU is that of both boxes shrunk or grown about their centres.

Good at
    Detection: a ratio above 1 gives boxes a slope that do not touch yet, as small objects often do not; one below 1
    speeds up boxes that overlap well.

Fails
    A ratio below 1 takes the slope from boxes that barely touch; which ratio helps depends on the data.

Formula
    base + iou - iou'            iou': of both boxes with their sides times ratio, about their own centres

Range
    0 (identical) to that of base.

Kinks
    Where edges, or those of the scaled boxes, coincide or touch the slope is the mean of both sides; for identical
    boxes it is 0.

Parameters
    ratio    below 1: smaller boxes, whose IoU falls faster; above 1: larger ones, which meet from farther away
    base     the loss whose IoU is replaced: iou, giou, diou, ciou, eiou or siou
    gate     of the base ciou: the IoU up to which the aspect ratio does not count
    theta    of the base siou: how little small differences of the sides count

Elsewhere
    The weight a of ciou keeps the IoU of the boxes themselves, as in the authors' code.

Reference
    Zhang, Xu & Zhang (2023), Inner-IoU: More Effective Intersection over Union Loss with Auxiliary Bounding Box,
    arXiv:2311.02877.

Examples
    5,5,15,15 0,0,10,10 = 0.941176470588
    2,3,8,7 0,0,10,10 = 0.76
    0,0,20,5 0,0,10,10 = 0.789915966387
    5,5,15,15 0,0,10,10 --ratio 1.25 = 0.780487804878
    10,0,20,10 0,0,10,10 --ratio 1.25 = 0.888888888889
"""

from typing import Annotated, Literal

from lossctl.loss import Interval, Unit
from lossctl.losses.box._bases import penalty, penalty_slope
from lossctl.losses.box._exact import add_multiple, differences
from lossctl.losses.box._geometry import Axis, Slope, combine, iou_slope, measure, to_coordinates
from lossctl.losses.box._sides import shared_slope
from lossctl.maths import larger, smaller

SHAPE = "boxes"


def value(
    p, g,
    ratio: Annotated[float, Interval(0.5, 1.5)] = 0.75,
    base: Literal["iou", "giou", "diou", "ciou", "eiou", "siou"] = "iou",
    gate: Unit = 0.0,
    theta: Annotated[float, Interval(2, 6)] = 4.0,
):  # fmt: skip
    pair = measure(p, g)
    return inner(p, g, pair, ratio).distance + penalty(p, g, pair, base, gate, theta)


def slope(p, g, ratio, base, gate, theta):
    pair = measure(p, g)
    within = inner(p, g, pair, ratio)
    by_x, by_y = iou_slope(within, 1.0)
    # A side of the inner box grows by ratio times what the side of the box grows.
    sides = Slope(ratio * by_x.size, by_x.shared, 0.0, 0.0), Slope(ratio * by_y.size, by_y.shared, 0.0, 0.0)
    x1, y1, x2, y2 = to_coordinates(within, sides)
    rest_x1, rest_y1, rest_x2, rest_y2 = penalty_slope(p, g, pair, base, gate, theta)
    return x1 + rest_x1, y1 + rest_y1, x2 + rest_x2, y2 + rest_y2


def inner(p, g, pair, ratio):
    """Return the Pair of the inner boxes; its `d_shared_…` are by the ends of the prediction itself."""
    return combine(inner_axis(pair.x, p[0], p[2], g[0], g[2], ratio), inner_axis(pair.y, p[1], p[3], g[1], g[3], ratio))


def inner_axis(axis, left, right, start, end, ratio):
    """Return the Axis of the inner boxes of the intervals (left, right) and (start, end)."""
    left, right, start, end = left * axis.scale, right * axis.scale, start * axis.scale, end * axis.scale
    # Twice the offset of the centres, in either direction, w - W and w + W.
    apart, back = differences(left, start, right, end), differences(start, left, end, right)
    growth, both = differences(right, end, start, left), differences(right, left, end, start)
    low, high = 0.5 * add_multiple(apart, -ratio, growth), 0.5 * add_multiple(apart, ratio, growth)
    size, target = ratio * axis.size, ratio * axis.target
    meeting = smaller(add_multiple(apart, ratio, both), add_multiple(back, ratio, both))
    overlap = smaller(smaller(size, target), 0.5 * meeting)
    # An end of the inner box moves with the near end of its box and, a little, with the far one.
    near, far = 0.5 * (1.0 + ratio), 0.5 * (1.0 - ratio)
    return Axis(
        axis.scale, size, target, larger(overlap, 0.0),
        smaller(size, larger(high, 0.0) + larger(-low, 0.0)), smaller(target, larger(-high, 0.0) + larger(low, 0.0)),
        larger(-overlap, 0.0), axis.span, low, high, axis.offset,
        shared_slope(low, high, overlap, near, far), shared_slope(low, high, overlap, far, near),
        axis.d_span_low, axis.d_span_high,
    )  # fmt: skip
