"""Shape-IoU loss: DIoU loss and a penalty for other sides, both weighted by the shape of the target.

Good at
    Detection of small objects or of one typical shape, with scale tuned to the data set; disjoint ones are pulled in.

Fails
    Results under different scales cannot be compared; a prediction far away gains by growing, as under diou.

Formula
    1 - iou + (hh dx² + ww dy²) / c2 + ½ Σ (1 - exp(-ω))⁴
    ww = 2 W^s / (W^s + H^s)             hh = 2 H^s / (W^s + H^s)            s: scale
    ωw = hh abs(w - W) / max(w, W)       ωh = ww abs(h - H) / max(h, H)

Range
    0 (identical) to less than 4.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    scale    how much the target's shape counts; 0: not at all, ww and hh are 1

Elsewhere
    The authors tune scale to the size of the objects in a data set; their code has the default 0 and adds 1e-7 to the
    denominators. An offset along the shorter side of a target weighs more. Not symmetric unless scale is 0.

Reference
    Zhang & Zhang (2023), Shape-IoU: More Accurate Metric considering Bounding Box Shape and Scale, arXiv:2312.17663.

Examples
    5,5,15,15 0,0,10,10 = 0.968253968254
    20,0,30,10 0,0,10,10 = 1.4
    2,3,8,7 0,0,10,10 = 0.786627199203
    0,0,20,5 0,0,10,10 = 0.753135317488
    20,0,40,10 0,0,10,10 = 1.37963138423
    20,0,40,10 0,0,10,10 --scale 1 = 1.37963138423
"""

from lossctl.loss import Exponent
from lossctl.losses.box._exact import changes
from lossctl.losses.box._geometry import (
    Slope,
    add,
    diagonal2,
    iou_slope,
    measure,
    misfit,
    misfit_slope,
    to_coordinates,
)  # fmt: skip
from lossctl.maths import exp, expm1, log, ratio, select, times

SHAPE = "boxes"


def value(p, g, scale: Exponent = 0.0):
    pair = measure(p, g)
    x, y = changes(p, g, pair)
    ww, hh = weights(pair, scale)
    wide, tall = -expm1(-hh * misfit(pair.x, x.growth)), -expm1(-ww * misfit(pair.y, y.growth))
    shape = wide * wide * (wide * wide) + tall * tall * (tall * tall)
    return pair.distance + distance(pair, ww, hh) + 0.5 * shape


def slope(p, g, scale):
    pair = measure(p, g)
    x, y = changes(p, g, pair)
    ww, hh = weights(pair, scale)
    by_offset = ratio(2.0, diagonal2(pair))
    by_span = -by_offset * distance(pair, ww, hh)
    fx2, fy2 = pair.fx * pair.fx, pair.fy * pair.fy
    apart = (
        Slope(0.0, 0.0, by_span * pair.x.span * fx2, by_offset * hh * pair.x.offset * fx2),
        Slope(0.0, 0.0, by_span * pair.y.span * fy2, by_offset * ww * pair.y.offset * fy2),
    )
    wide, tall = shape_slope(pair.x, x.growth, hh), shape_slope(pair.y, y.growth, ww)
    shape = Slope(wide, 0.0, 0.0, 0.0), Slope(tall, 0.0, 0.0, 0.0)
    return to_coordinates(pair, add(shape, add(apart, iou_slope(pair, 1.0))))


def weights(pair, scale):
    """Return ww and hh."""
    w, h = pair.x.target, pair.y.target
    wide = w * pair.fx >= h * pair.fy
    # (shorter / longer side)^s, in logarithms since quotients of the axes' scales may be too small for doubles.
    log_sides = log(select(wide, ratio(h, w), ratio(w, h)))
    log_scales = log(select(wide, ratio(pair.fy, pair.fx), ratio(pair.fx, pair.fy)))
    part = exp(times(scale, log_sides + log_scales))
    part = select((w == 0.0) & (h == 0.0), 1.0, part)
    large, small = 2.0 / (1.0 + part), 2.0 * part / (1.0 + part)
    return select(wide, large, small), select(wide, small, large)


def distance(pair, ww, hh):
    """Return (hh dx² + ww dy²) / c2."""
    dx, dy = pair.x.offset * pair.fx, pair.y.offset * pair.fy
    return ratio(hh * (dx * dx) + ww * (dy * dy), diagonal2(pair))


def shape_slope(axis, growth, weight):
    """Return d(½ (1 - exp(-ω))⁴)."""
    omega = weight * misfit(axis, growth)
    cost = -expm1(-omega)
    return 2.0 * weight * (cost * cost * cost) * exp(-omega) * misfit_slope(axis, growth)
