"""Wise-IoU loss: IoU loss times a growing function of the distance of the centres; later versions favour some boxes.

Good at
    Detection with noisy labels: version 3 takes weight from the worst boxes, which are often outliers. Version 2
    favours hard examples.

Fails
    Versions 2 and 3 depend on the data around a box: no score.

Formula
    1    exp(r2 / c2) · L                           L = 1 - iou
    2    (L / m)^gamma · v1                         v1: version 1; m: iou_mean
    3    β / (delta · k^(β - delta)) · v1           β = L / m
    c2, L / m, β and m are held constant in the slope; where m = 0 the loss is 0.

Range
    0 (identical) to e; version 2 has no upper bound, version 3 has one that depends on k and delta.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    version     1: attention by distance; 2: and harder boxes count more; 3: and the hardest, outliers, count less again
    gamma       of version 2: how much more
    k           of version 3: how fast outliers lose weight
    delta       of version 3: the β whose weight is 1
    iou_mean    what a loss L is compared with; `auto` is the mean of L over the boxes used, without their weights

Elsewhere
    The authors' code keeps a running mean from batch to batch that starts at 1, so its first batches get other weights.
    It calls k gamma, and its version 2 is a square root.

Reference
    Tong et al. (2023), Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism, arXiv:2301.10051.

Examples
    5,5,15,15 0,0,10,10 = 0.957873487493
    20,0,30,10 0,0,10,10 = 1.49182469764
    0,0,20,5 0,0,10,10 = 0.709662972612
    5,5,15,15 0,0,10,10 --version 2 --iou-mean 0.5 = 1.25415078932
    20,0,30,10 0,0,10,10 --version 2 --iou-mean 0.5 = 2.10975872009
    5,5,15,15 0,0,10,10 --version 3 --iou-mean 0.5 = 1.24930244824
    20,0,40,10 0,0,10,10 --version 3 --iou-mean 0.5 = 1.82948743396
"""

from typing import Literal

from lossctl.loss import Exponent, NonNegative, Positive
from lossctl.losses.box._geometry import Slope, add, diagonal2, iou_slope, measure, to_coordinates
from lossctl.maths import exp, held, power, ratio, select, smaller, times

SHAPE = "boxes"
AUTO = {"iou_mean": "iou"}
LARGEST = 2.0**1000


def value(
    p, g,
    version: Literal["1", "2", "3"] = "1", gamma: Exponent = 0.5, k: Positive = 1.9, delta: Positive = 3.0,
    iou_mean: NonNegative | Literal["auto"] = "auto",
):  # fmt: skip
    pair = measure(p, g)
    return times(pair.distance, exp(away(pair)) * focus(pair, version, gamma, k, delta, iou_mean))


def slope(p, g, version, gamma, k, delta, iou_mean):
    pair = measure(p, g)
    attention = exp(away(pair))
    by_offset = attention * pair.distance * ratio(2.0, diagonal2(pair))
    x, y = pair.x.offset * pair.fx * pair.fx, pair.y.offset * pair.fy * pair.fy
    toward = Slope(0.0, 0.0, 0.0, by_offset * x), Slope(0.0, 0.0, 0.0, by_offset * y)
    x1, y1, x2, y2 = to_coordinates(pair, add(toward, iou_slope(pair, attention)))
    share = focus(pair, version, gamma, k, delta, iou_mean)
    return times(x1, share), times(y1, share), times(x2, share), times(y2, share)


def away(pair):
    """Return r2 / c2, c2 held."""
    dx, dy = pair.x.offset * pair.fx, pair.y.offset * pair.fy
    return ratio(dx * dx + dy * dy, held(diagonal2(pair)))


def focus(pair, version, gamma, k, delta, iou_mean):
    """Return what version 1 is multiplied by."""
    if version == "1":
        return 1.0
    beta = smaller(ratio(held(pair.distance), iou_mean), LARGEST)
    if version == "2":
        return select(iou_mean == 0.0, 0.0, power(beta, gamma))
    return times(beta / delta, power(k, delta - beta))
