"""SIoU loss: IoU loss plus penalties for distance, which counts less along a diagonal, and for other side lengths.

Good at
    Detection with disjoint boxes: the direction of the offset counts, which shortened training in the author's
    experiments.

Fails
    At theta 4 sides that differ by a tenth cost next to nothing.

Formula
    1 - iou + (D + O) / 2
    D = Σ 1 - exp(-(2 - Λ) ρ)            over x, y: ρx = (dx / cw)², ρy = (dy / ch)²
    Λ = 2 abs(dx dy) / (dx² + dy²)       the sine of twice the angle to the nearer axis; 0 for equal centres
    O = Σ (1 - exp(-ω))^theta            over w, h: ω = abs(w - W) / max(w, W)

Range
    0 (identical) to less than 2.3.

Kinks
    Where edges coincide or touch, or the centres lie on one vertical or horizontal line (Λ), the slope is the mean of
    both sides; for identical boxes it is 0.

Parameters
    theta    how little small differences of the sides count

Elsewhere
    mmdet's SIoULoss has a switch neg_gamma, off by default, and then takes exp(+(2 - Λ) ρ): distance is rewarded.
    ultralytics has no SIoU; YOLOv6 and its ports do.

Reference
    Gevorgyan (2022), SIoU Loss: More Powerful Learning for Bounding Box Regression, arXiv:2205.12740.

Examples
    5,5,15,15 0,0,10,10 = 0.962303540328
    20,0,30,10 0,0,10,10 = 1.29444385475
    2,3,8,7 0,0,10,10 = 0.786627199203
    0,0,20,5 0,0,10,10 = 0.762891831159
    10,0,20,10 0,0,10,10 = 1.19673467014
    20,0,40,10 0,0,10,10 = 1.28306764452
"""

from typing import Annotated

from lossctl.loss import Interval
from lossctl.losses.box._exact import changes
from lossctl.losses.box._geometry import Slope, add, iou_slope, measure, misfit, misfit_slope, to_coordinates
from lossctl.maths import exp, expm1, larger, magnitude, power, ratio, slope_of_abs, smaller, times

SHAPE = "boxes"


def value(p, g, theta: Annotated[float, Interval(2, 6, exponent=True)] = 4.0):
    pair = measure(p, g)
    return pair.distance + penalty(p, g, pair, theta)


def slope(p, g, theta):
    pair = measure(p, g)
    return to_coordinates(pair, add(penalty_slope(p, g, pair, theta), iou_slope(pair, 1.0)))


def penalty(p, g, pair, theta):
    """Return (D + O) / 2."""
    x, y = changes(p, g, pair)
    decay = 2.0 - sine(pair, x.offset, y.offset)
    across, down = ratio(x.offset, pair.x.span), ratio(y.offset, pair.y.span)
    distance = -expm1(-decay * across * across) - expm1(-decay * down * down)
    return 0.5 * (distance + (shape(pair.x, x.growth, theta) + shape(pair.y, y.growth, theta)))


def penalty_slope(p, g, pair, theta):
    """Return d penalty."""
    x, y = changes(p, g, pair)
    decay = 2.0 - sine(pair, x.offset, y.offset)
    across, down = ratio(x.offset, pair.x.span), ratio(y.offset, pair.y.span)
    near_x, near_y = exp(-decay * across * across), exp(-decay * down * down)
    by_sine = -0.5 * (near_x * across * across + near_y * down * down)
    sine_x, sine_y = sine_slope(pair, x.offset, y.offset)
    by_x, by_y = near_x * decay * ratio(across, pair.x.span), near_y * decay * ratio(down, pair.y.span)
    return (
        Slope(shape_slope(pair.x, x.growth, theta), 0.0, -by_x * across, by_x + times(by_sine, sine_x)),
        Slope(shape_slope(pair.y, y.growth, theta), 0.0, -by_y * down, by_y + times(by_sine, sine_y)),
    )


def sine(pair, dx, dy):
    """Return Λ."""
    dx, dy = magnitude(dx) * pair.fx, magnitude(dy) * pair.fy
    part = ratio(smaller(dx, dy), larger(dx, dy))
    return 2.0 * part / (1.0 + part * part)


def sine_slope(pair, dx, dy):
    """Return dΛ by the two offsets."""
    x, y = magnitude(dx) * pair.fx, magnitude(dy) * pair.fy
    longest = larger(x, y)
    x, y = ratio(x, longest), ratio(y, longest)
    square = x * x + y * y
    turn = ratio(2.0 * (y - x) * (y + x), square * square)
    return (
        times(slope_of_abs(dx), ratio(turn * y * pair.fx, longest)),
        times(slope_of_abs(dy), -ratio(turn * x * pair.fy, longest)),
    )


def shape(axis, growth, exponent):
    """Return (1 - exp(-ω))^exponent."""
    return power(-expm1(-misfit(axis, growth)), exponent)


def shape_slope(axis, growth, theta):
    """Return d(½ (1 - exp(-ω))^theta)."""
    by_omega = 0.5 * theta * shape(axis, growth, theta - 1.0) * exp(-misfit(axis, growth))
    return by_omega * misfit_slope(axis, growth)
