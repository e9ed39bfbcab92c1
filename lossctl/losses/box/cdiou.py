"""CDIoU loss: a base loss plus the mean distance of matching corners, in units of the enclosing box's diagonal.

Good at
    Detection with disjoint boxes: all four corners pull, wherever a box lies.

Fails
    Nothing says how large lam has to be: 1 in the paper, 0.001 in its code, and results hang on it.

Formula
    base + lam · d        d = (sum of the 4 corner-to-corner distances) / (4 √c2)

Range
    0 (identical) to 2 and more, depending on base and lam.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    base    the loss it adds to: iou, giou, diou or ciou
    lam     weight of the corner distances
    gate    of the base ciou: the IoU up to which the aspect ratio does not count

Elsewhere
    The authors' code weighs the distances with 0.001. Never blind: all four corners must match before it is 0.

Reference
    Chen & Miao (2021), Control Distance IoU and Control Distance IoU Loss Function, arXiv:2103.11696.

Examples
    5,5,15,15 0,0,10,10 = 1.19047619048
    20,0,30,10 0,0,10,10 = 1.63245553203
    2,3,8,7 0,0,10,10 = 1.01495097568
    0,0,20,5 0,0,10,10 = 0.959371764979
    20,0,40,10 0,0,10,10 = 1.60633906259
"""

from typing import Literal

from lossctl.loss import Positive, Unit
from lossctl.losses.box._bases import base_slope, base_value
from lossctl.losses.box._geometry import Slope, diagonal2, ends, measure
from lossctl.maths import larger, magnitude, ratio, scale_of, sqrt

SHAPE = "boxes"


def value(p, g, base: Literal["iou", "giou", "diou", "ciou"] = "iou", lam: Positive = 1.0, gate: Unit = 0.0):
    pair = measure(p, g)
    return base_value(p, g, base, gate) + lam * ratio(corners(pair), 4.0 * sqrt(diagonal2(pair)))


def slope(p, g, base, lam, gate):
    pair = measure(p, g)
    x1, y1, x2, y2 = base_slope(p, g, base, gate)
    c2 = diagonal2(pair)
    factor = lam * ratio(1.0, 4.0 * sqrt(c2))
    by_c2 = -ratio(factor * corners(pair), c2)
    span_x1, span_x2 = ends(pair.x, Slope(0.0, 0.0, by_c2 * pair.x.span * pair.fx * pair.fx, 0.0))
    span_y1, span_y2 = ends(pair.y, Slope(0.0, 0.0, by_c2 * pair.y.span * pair.fy * pair.fy, 0.0))
    left, right, top, bottom = sides(pair)
    sx, sy = factor * pair.fx * pair.x.scale, factor * pair.fy * pair.y.scale
    return (
        x1 + span_x1 + sx * (toward(left, top) + toward(left, bottom)),
        y1 + span_y1 + sy * (toward(top, left) + toward(top, right)),
        x2 + span_x2 + sx * (toward(right, top) + toward(right, bottom)),
        y2 + span_y2 + sy * (toward(bottom, left) + toward(bottom, right)),
    )


def sides(pair):
    """Return prediction minus target of the four sides, left, right, top, bottom, in a scale that squares survive."""
    x, y = zoom(pair) * pair.fx, zoom(pair) * pair.fy
    return pair.x.low * x, pair.x.high * x, pair.y.low * y, pair.y.high * y


def zoom(pair):
    """Return a power of two that brings the largest side difference near 1."""
    across = larger(magnitude(pair.x.low), magnitude(pair.x.high)) * pair.fx
    along = larger(magnitude(pair.y.low), magnitude(pair.y.high)) * pair.fy
    return scale_of(larger(across, along))


def corners(pair):
    """Return the sum of the four corner-to-corner distances."""
    left, right, top, bottom = sides(pair)
    return (length(left, top) + length(left, bottom) + length(right, top) + length(right, bottom)) / zoom(pair)


def length(a, b):
    """Return √(a² + b²)."""
    return sqrt(a * a + b * b)


def toward(a, b):
    """Return d √(a² + b²) / da."""
    return ratio(a, length(a, b))
