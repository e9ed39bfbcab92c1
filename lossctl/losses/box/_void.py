"""The slope of (C - U) / C from sums of products that are not negative, as C - U itself is made.

The difference of the slopes of U and of C, which giou may use beside that of iou, would have no digits of its own
where boxes are nearly identical.
"""

from lossctl.losses.box._sides import gap_slopes
from lossctl.maths import ratio


def slope(pair):
    """Return d((C - U) / C) / d (x1, y1, x2, y2)."""
    x, y = pair.x, pair.y
    part = ratio(pair.void, pair.enclosing)
    outside = x.size + x.target - x.shared
    x1, x2 = ends(x, y.missed + y.gap, y.alone, y.span, 0.0, part, pair.enclosing)
    y1, y2 = ends(y, x.missed, x.alone, outside, x.gap, part, pair.enclosing)
    return x1, y1, x2, y2


def ends(axis, by_alone, by_missed, by_gap, by_span, part, enclosing):
    """Return the derivatives by both ends, from those of C - U by the parts of an axis."""
    gap_low, gap_high = gap_slopes(axis)
    low = (-1.0 - axis.d_shared_low) * by_alone - axis.d_shared_low * by_missed + gap_low * by_gap
    high = (1.0 - axis.d_shared_high) * by_alone - axis.d_shared_high * by_missed + gap_high * by_gap
    low = ratio(low + axis.d_span_low * by_span, enclosing) - part * ratio(axis.d_span_low, axis.span)
    high = ratio(high + axis.d_span_high * by_span, enclosing) - part * ratio(axis.d_span_high, axis.span)
    return axis.scale * low, axis.scale * high
