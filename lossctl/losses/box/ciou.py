"""CIoU loss: DIoU loss plus a penalty for another aspect ratio.

Good at
    Detection, and the usual choice in YOLO: overlap, centres and aspect ratio at once; disjoint boxes are pulled in.

Fails
    Two boxes of one aspect ratio but different sizes get no help from v.

Formula
    1 - iou + r2 / c2 + a v
    v = (4 / π²) (atan2(W, H) - atan2(w, h))²        W, H: target; w, h: prediction
    a = v / ((1 - iou) + v), and 0 where gate > 0 and iou ≤ gate; a is held constant in the slope

Range
    0 (identical) to 3; in practice below 2.5.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    gate    the IoU up to which the aspect ratio does not count; 0 counts it always

Elsewhere
    gate 0 is the AAAI paper, torchvision.ops.complete_box_iou_loss and ultralytics; the journal version
    (arXiv:2005.03572) and mmdet use gate 0.5. Some articles write + a v inside the similarity: the wrong sign.

Reference
    Zheng et al. (2020), Distance-IoU Loss, AAAI, arXiv:1911.08287.

Examples
    2,3,8,7 0,0,10,10 = 0.760321458384
    0,0,20,5 0,0,10,10 = 0.747013350017
    20,0,40,10 0,0,10,10 = 1.36933651969
    2,3,8,7 0,0,10,10 --gate 0.5 = 0.76
    0,0,20,5 0,0,10,10 --gate 0.5 = 0.729166666667
"""

from lossctl.loss import Unit
from lossctl.losses.box._geometry import (
    Slope,
    add,
    angle,
    angle_slope,
    center,
    center_slope,
    iou_slope,
    measure,
    to_coordinates,
)  # fmt: skip
from lossctl.maths import held, ratio, select

SHAPE = "boxes"
FOUR_OVER_PI2 = 0.4052847345693511


def value(p, g, gate: Unit = 0.0):
    pair = measure(p, g)
    return pair.distance + center(pair) + aspect(pair, angle(pair), gate)


def slope(p, g, gate):
    pair = measure(p, g)
    shape = aspect_slope(pair, angle(pair), gate)
    return to_coordinates(pair, add(shape, add(iou_slope(pair, 1.0), center_slope(pair))))


def aspect(pair, turn, gate):
    """Return a v for the angle between the diagonals."""
    v = FOUR_OVER_PI2 * turn * turn
    return held(tradeoff(pair, v, gate)) * v


def aspect_slope(pair, turn, gate):
    """Return d(a v), a held."""
    a = tradeoff(pair, FOUR_OVER_PI2 * turn * turn, gate)
    by_angle = 2.0 * FOUR_OVER_PI2 * a * turn
    by_w, by_h = angle_slope(pair)
    return Slope(by_angle * by_w, 0.0, 0.0, 0.0), Slope(by_angle * by_h, 0.0, 0.0, 0.0)


def tradeoff(pair, v, gate):
    """Return a, the weight of the aspect ratio."""
    return select((gate > 0.0) & (pair.iou <= gate), 0.0, ratio(v, pair.distance + v))
