"""The losses that others build on, by name."""

from lossctl.losses.box import _void, ciou, diou, eiou, giou, iou, siou
from lossctl.losses.box._exact import changes, turn
from lossctl.losses.box._geometry import add, center_of, center_slope_of, to_coordinates
from lossctl.maths import ratio


def base_value(p, g, base, gate):
    """Return the value of the loss called `base`."""
    if base == "giou":
        return giou.value(p, g)
    if base == "diou":
        return diou.value(p, g)
    if base == "ciou":
        return ciou.value(p, g, gate)
    return iou.value(p, g, "linear")


def base_slope(p, g, base, gate):
    """Return the slope of the loss called `base`."""
    if base == "giou":
        return giou.slope(p, g)
    if base == "diou":
        return diou.slope(p, g)
    if base == "ciou":
        return ciou.slope(p, g, gate)
    return iou.slope(p, g, "linear")


def penalty(p, g, pair, base, gate, theta):
    """Return what the loss called `base` adds to 1 - iou, with digits of its own."""
    if base == "giou":
        return ratio(pair.void, pair.enclosing)
    if base == "siou":
        return siou.penalty(p, g, pair, theta)
    if base == "iou":
        return 0.0
    x, y = changes(p, g, pair)
    away = center_of(pair, x.offset, y.offset)
    if base == "ciou":
        return away + ciou.aspect(pair, turn(p, g, pair), gate)
    if base == "eiou":
        wide, high = eiou.stretch(pair.x, x.growth), eiou.stretch(pair.y, y.growth)
        return away + (wide * wide + high * high)
    return away


def penalty_slope(p, g, pair, base, gate, theta):
    """Return d penalty / d (x1, y1, x2, y2)."""
    if base == "giou":
        return _void.slope(pair)
    if base == "siou":
        return to_coordinates(pair, siou.penalty_slope(p, g, pair, theta))
    if base == "iou":
        return 0.0, 0.0, 0.0, 0.0
    x, y = changes(p, g, pair)
    away = center_slope_of(pair, x.offset, y.offset)
    if base == "ciou":
        return to_coordinates(pair, add(away, ciou.aspect_slope(pair, turn(p, g, pair), gate)))
    if base == "eiou":
        sizes = eiou.size_slope(pair.x, x.growth), eiou.size_slope(pair.y, y.growth)
        return to_coordinates(pair, add(away, sizes))
    return to_coordinates(pair, away)
