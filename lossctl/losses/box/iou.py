"""IoU loss: how much of two boxes' union they do not share.

Good at
    Scoring detection, and training boxes that overlap already: small objects count as much as large ones.

Fails
    Blind to how far disjoint boxes are apart: giou, diou and their kin mend that.

Formula
    linear    1 - iou                     iou = I / U
    square    1 - iou²
    log       -ln iou

Range
    0 (identical) to 1 (disjoint); log: 0 to infinity, which a disjoint pair reaches.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    form    linear, square or log

Elsewhere
    torchvision has no plain IoU loss. mmdet's IoULoss is `log` by default and clamps iou at 1e-6; UnitBox is `log`.

Reference
    Yu et al. (2016), UnitBox: An Advanced Object Detection Network, arXiv:1608.01471.

Examples
    5,5,15,15 0,0,10,10 = 0.857142857143
    20,0,30,10 0,0,10,10 = 1
    2,3,8,7 0,0,10,10 = 0.76
    0,0,10,10 0,0,10,10 = 0
    0,0,20,5 0,0,10,10 --form square = 0.888888888889
    2,3,8,7 0,0,10,10 --form log = 1.42711635564
    10,0,20,10 0,0,10,10 --form log = inf
"""

from typing import Literal

from lossctl.losses.box._geometry import iou_slope, log_iou, log_iou_slope, measure, to_coordinates

SHAPE = "boxes"


def value(p, g, form: Literal["linear", "square", "log"] = "linear"):
    pair = measure(p, g)
    if form == "square":
        return pair.distance * (1.0 + pair.iou)
    if form == "log":
        return log_iou(pair)
    return pair.distance


def slope(p, g, form):
    pair = measure(p, g)
    if form == "log":
        return to_coordinates(pair, log_iou_slope(pair))
    factor = 2.0 * pair.iou if form == "square" else 1.0
    return to_coordinates(pair, iou_slope(pair, factor))
