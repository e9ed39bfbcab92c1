"""Bounded IoU loss: for each of x, y, w and h, how much IoU at best remains if only that one is off.

Good at
    Refining proposals in detection: x, y, w and h each have a bounded cost, so that no outlier leads.

Fails
    Half a target's width away, the offset has no slope any more.

Formula
    Σ smooth_l1(t; beta) over
    tx = 1 - max(0, (W - 2 abs(dx)) / (W + 2 abs(dx)))        ty alike
    tw = 1 - min(w / W, W / w)                                th alike; 0/0 = 1

Range
    0 (identical) to 4 - 2 beta, beta below 1.

Kinks
    Where a centre is half a target's side away the slope is the mean of both sides.

Parameters
    beta    where the parabola of smooth L1 meets its line

Elsewhere
    mmdet's BoundedIoULoss adds 1e-3 to the denominators; copies of it differ in whether the four terms are added up, as
    here, or kept apart, which makes their plain mean a quarter of this. Not symmetric: offsets are measured in sides of
    the target.

Reference
    Tychsen-Smith & Petersson (2018), Improving Object Localization with Fitness NMS and Bounded IoU Loss, CVPR,
    arXiv:1711.00164.

Examples
    5,5,15,15 0,0,10,10 = 1.8
    20,0,30,10 0,0,10,10 = 0.9
    2,3,8,7 0,0,10,10 = 0.8
    0,0,20,5 0,0,10,10 = 2.26666666667
    20,0,40,10 0,0,10,10 = 1.3
"""

from lossctl.loss import Positive
from lossctl.losses.box._exact import change, difference
from lossctl.losses.box._geometry import Slope, ends, measure_axis, misfit, misfit_slope
from lossctl.losses.regression import smooth_l1
from lossctl.maths import magnitude, ratio, slope_of_abs, smaller, step

SHAPE = "boxes"


def value(p, g, beta: Positive = 0.2):
    return axis_value(p[0], p[2], g[0], g[2], beta) + axis_value(p[1], p[3], g[1], g[3], beta)


def slope(p, g, beta):
    x1, x2 = axis_slope(p[0], p[2], g[0], g[2], beta)
    y1, y2 = axis_slope(p[1], p[3], g[1], g[3], beta)
    return x1, y1, x2, y2


def axis_value(low, high, target_low, target_high, beta):
    """Return the two terms of one axis."""
    axis = measure_axis(low, high, target_low, target_high)
    offset, growth = change(axis.scale, low, high, target_low, target_high)
    shifted = smooth_l1.value(shift(axis, offset), 0.0, beta)
    return shifted + smooth_l1.value(misfit(axis, growth), 0.0, beta)


def axis_slope(low, high, target_low, target_high, beta):
    """Return their derivatives by the two ends."""
    axis = measure_axis(low, high, target_low, target_high)
    offset, growth = change(axis.scale, low, high, target_low, target_high)
    # W - 2 abs(dx), whose sign tells where the bound is reached.
    left, right, start, end = low * axis.scale, high * axis.scale, target_low * axis.scale, target_high * axis.scale
    room = smaller(difference(end, left, end, right), difference(left, start, right, start))
    reach = axis.target + 2.0 * magnitude(offset)
    by_offset = slope_of_abs(offset) * step(room) * ratio(ratio(4.0 * axis.target, reach), reach)
    by_shift = smooth_l1.slope(shift(axis, offset), 0.0, beta) * by_offset
    by_size = smooth_l1.slope(misfit(axis, growth), 0.0, beta) * misfit_slope(axis, growth)
    return ends(axis, Slope(by_size, 0.0, 0.0, by_shift))


def shift(axis, offset):
    """Return 1 - max(0, (W - 2 abs(dx)) / (W + 2 abs(dx)))."""
    double = 2.0 * magnitude(offset)
    return smaller(ratio(2.0 * double, axis.target + double), 1.0)
