"""Box L1 loss: the mean absolute difference of the four coordinates.

Good at
    Detection beside an IoU loss, as in DETR: pulls disjoint boxes as it pulls any other.

Fails
    Large objects count more than small ones, and boxes of one loss can have very different IoU.

Formula
    ¼ Σ abs(p_k - g_k)        k = x1, y1, x2, y2

Range
    0 to infinity, in the unit of the coordinates.

Kinks
    Where a coordinate agrees its slope is 0, the mean of both sides.

Elsewhere
    DETR uses it on (cx, cy, w, h) scaled to the image and adds giou. torch's l1_loss under `sum` is 4 times this sum.

Reference
    Girshick (2015), Fast R-CNN, arXiv:1504.08083 (the unsmoothed case).

Examples
    5,5,15,15 0,0,10,10 = 5
    2,3,8,7 0,0,10,10 = 2.5
    0,0,20,5 0,0,10,10 = 3.75
    20,0,40,10 0,0,10,10 = 12.5
"""

from lossctl.losses.regression import mae

SHAPE = "boxes"


def value(p, g):
    return 0.25 * (mae.value(p[0], g[0]) + mae.value(p[1], g[1]) + mae.value(p[2], g[2]) + mae.value(p[3], g[3]))


def slope(p, g):
    return (
        0.25 * mae.slope(p[0], g[0]),
        0.25 * mae.slope(p[1], g[1]),
        0.25 * mae.slope(p[2], g[2]),
        0.25 * mae.slope(p[3], g[3]),
    )
