"""GIoU loss: IoU loss plus the part of the enclosing box that neither box fills, so that disjoint boxes attract.

Good at
    Detection with disjoint boxes: the emptiness between them pulls where iou has no slope. A score between 0 and 2.

Fails
    Once one box holds the other it is plain iou again, and a far prediction swells towards its
    target.

Formula
    1 - iou + (C - U) / C        C: area of the enclosing box

Range
    0 (identical) to 2 (far apart).

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Elsewhere
    torchvision.ops.generalized_box_iou_loss adds 1e-7 to both denominators and gives an inverted box a low loss; mmdet
    adds 1e-6. In textbook code a box with x2 < x1 costs 0, a perfect score: lossctl refuses it.

Reference
    Rezatofighi et al. (2019), Generalized Intersection over Union, arXiv:1902.09630.

Examples
    5,5,15,15 0,0,10,10 = 1.07936507937
    20,0,30,10 0,0,10,10 = 1.33333333333
    2,3,8,7 0,0,10,10 = 0.76
    0,0,20,5 0,0,10,10 = 0.916666666667
    20,0,40,10 0,0,10,10 = 1.25
"""

from lossctl.losses.box._geometry import Slope, add, iou_slope, measure, to_coordinates
from lossctl.maths import ratio

SHAPE = "boxes"


def value(p, g):
    pair = measure(p, g)
    return pair.distance + ratio(pair.void, pair.enclosing)


def slope(p, g):
    pair = measure(p, g)
    return to_coordinates(pair, add(iou_slope(pair, 1.0), void_slope(pair)))


def void_slope(pair):
    """Return d((C - U) / C) = d(1 - U / C)."""
    x, y = pair.x, pair.y
    by_union = -ratio(1.0, pair.enclosing)
    filled = ratio(pair.union, pair.enclosing)
    return (
        Slope(by_union * y.size, -by_union * y.shared, ratio(filled, x.span), 0.0),
        Slope(by_union * x.size, -by_union * x.shared, ratio(filled, y.span), 0.0),
    )
