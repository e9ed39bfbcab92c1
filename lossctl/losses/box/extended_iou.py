"""Extended IoU loss: IoU whose intersection goes on below zero for disjoint boxes, with a smooth minimum.

Good at
    Detection with disjoint boxes: one formula before and after they meet, and calm near the target.

Fails
    Not symmetric under reflection: how a gap counts is measured from the enclosing box's top left.

Formula
    e² / (2 smooth)       e < smooth          e = 1 - I' / (w h + W H - I')
    e - smooth / 2        otherwise
    I' = (ix2 - ex)(iy2 - ey) + (min(ix1, ix2) - ex)(min(iy1, iy2) - ey)
         - (ix1 - ex)(max(iy1, iy2) - ey) - (max(ix1, ix2) - ex)(iy1 - ey)
    (ix1, iy1, ix2, iy2): corners of the intersection, inverted where the boxes do not meet; (ex, ey): top left of the
    enclosing box. Where boxes overlap I' is I and e is 1 - iou; across a gap I' is negative.

Range
    0 (identical) to less than 2.

Kinks
    Where edges coincide or touch the slope is the mean of both sides.

Parameters
    smooth    the e below which the loss is a parabola

Elsewhere
    mmdet calls it EIoULoss (smooth_point is smooth; it adds 1e-7); the EIoU of Zhang et al. is another loss: `eiou`.

Reference
    Peng & Yu (2021), A Systematic IoU-Related Method: Beyond Simplified Regression for Better Localization,
    arXiv:2112.01793.

Examples
    5,5,15,15 0,0,10,10 = 0.807142857143
    20,0,30,10 0,0,10,10 = 1.28333333333
    2,3,8,7 0,0,10,10 = 0.71
    0,0,20,5 0,0,10,10 = 0.616666666667
    10,0,20,10 0,0,10,10 = 0.95
    20,0,40,10 0,0,10,10 = 1.2
"""

from lossctl.loss import Positive
from lossctl.losses.box._geometry import measure
from lossctl.losses.box._sides import gap_slopes
from lossctl.losses.regression import smooth_l1
from lossctl.maths import magnitude, ratio, select, slope_of_abs, step

SHAPE = "boxes"


def value(p, g, smooth: Positive = 0.1):
    return smooth_l1.value(extended(measure(p, g)), 0.0, smooth)


def slope(p, g, smooth):
    pair = measure(p, g)
    x, y = pair.x, pair.y
    factor = smooth_l1.slope(extended(pair), 0.0, smooth)
    union = pair.union + void(pair)
    # de = -(1 + i) dI' / U' + i d(w h) / U', where U' = w h + W H - I' and i = I' / U'.
    by_inside = -factor * ratio(ratio(pair.union + pair.intersection, union), union)
    share = select(union == pair.union, pair.iou, ratio(pair.intersection - void(pair), union))
    by_area = factor * ratio(share, union)
    x1, x2 = ends(x, by_inside * y.shared, -by_inside * reach(y), -by_inside * y.gap, by_area * y.size)
    y1, y2 = ends(y, by_inside * x.shared, -by_inside * reach(x), -by_inside * x.gap, by_area * x.size)
    return x1, y1, x2, y2


def extended(pair):
    """Return e = ((U - I) + 2 V) / (U + V), where I' = I - V."""
    beyond = void(pair)
    return select(beyond == 0.0, pair.distance, ratio(pair.excess + 2.0 * beyond, pair.union + beyond))


def void(pair):
    """Return V, which is 0 without a gap."""
    return pair.x.gap * reach(pair.y) + pair.y.gap * reach(pair.x)


def reach(axis):
    """Return (i1 - e) + (i2 - e), how far the ends of the intersection are from that of the enclosing box."""
    first = select(axis.low < 0.0, axis.size, axis.target)
    return select(axis.gap > 0.0, 2.0 * first + axis.gap, 2.0 * magnitude(axis.low) + axis.shared)


def ends(axis, by_shared, by_gap, by_reach, by_size):
    """Return the derivatives by the prediction's lower and upper end."""
    gap_low, gap_high = gap_slopes(axis)
    reach_low, reach_high = slope_of_abs(axis.low) - step(-axis.low), step(-axis.high)
    low = axis.d_shared_low * by_shared + gap_low * by_gap + reach_low * by_reach - by_size
    high = axis.d_shared_high * by_shared + gap_high * by_gap + reach_high * by_reach + by_size
    return axis.scale * low, axis.scale * high
