"""EIoU loss: DIoU loss plus the squared differences of width and of height, in units of the enclosing box.

Good at
    Detection of long or flat objects, disjoint ones too: width and height pull separately, which ciou's single angle
    cannot do.

Fails
    A prediction far away gains by growing, as it does under diou and ciou: boxes may swell before they move (see piou).

Formula
    1 - iou + r2 / c2 + (w - W)² / cw² + (h - H)² / ch²        cw, ch: sizes of the enclosing box

Range
    0 (identical) to 4.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Elsewhere
    mmdet's EIoULoss is another loss (extended IoU, Peng 2021). PaddleDetection and most YOLO forks mean this one.

Reference
    Zhang et al. (2021), Focal and Efficient IOU Loss, arXiv:2101.08158.

Examples
    5,5,15,15 0,0,10,10 = 0.968253968254
    2,3,8,7 0,0,10,10 = 1.28
    0,0,20,5 0,0,10,10 = 1.22916666667
    20,0,40,10 0,0,10,10 = 1.43014705882
"""

from lossctl.losses.box._geometry import Slope, add, center, center_slope, iou_slope, measure, to_coordinates
from lossctl.maths import ratio

SHAPE = "boxes"


def value(p, g):
    pair = measure(p, g)
    wide, high = stretch(pair.x, growth(pair.x)), stretch(pair.y, growth(pair.y))
    return pair.distance + center(pair) + wide * wide + high * high


def slope(p, g):
    pair = measure(p, g)
    sizes = size_slope(pair.x, growth(pair.x)), size_slope(pair.y, growth(pair.y))
    return to_coordinates(pair, add(sizes, add(iou_slope(pair, 1.0), center_slope(pair))))


def growth(axis):
    """Return w - W."""
    return axis.size - axis.target


def stretch(axis, grown):
    """Return (w - W) / cw, where grown is w - W."""
    return ratio(grown, axis.span)


def size_slope(axis, grown):
    """Return d((w - W)² / cw²)."""
    part = stretch(axis, grown)
    by_size = 2.0 * ratio(part, axis.span)
    return Slope(by_size, 0.0, -by_size * part, 0.0)
