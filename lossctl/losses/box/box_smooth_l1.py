"""Box smooth L1 loss: the mean over the four coordinates of smooth L1, a parabola near zero and a line beyond.

Good at
    Detection by encoded offsets (Fast and Faster R-CNN): robust to outliers, and calm near the target.

Fails
    On plain coordinates large objects count more, and beta has to fit their unit; says little about IoU.

Formula
    ¼ Σ smooth_l1(p_k - g_k; beta)        k = x1, y1, x2, y2

Range
    0 to infinity, in the unit of the coordinates.

Kinks
    None, but with beta 0 it is box-l1.

Parameters
    beta    where the parabola meets the line; 0 is box-l1

Elsewhere
    torchvision's detection heads use beta 1/9 on encoded offsets, not on coordinates.

Reference
    Girshick (2015), Fast R-CNN, arXiv:1504.08083.

Examples
    5,5,15,15 0,0,10,10 = 4.5
    20,0,30,10 0,0,10,10 = 9.75
    2,3,8,7 0,0,10,10 = 2
    0,0,20,5 0,0,10,10 = 3.5
"""

from lossctl.loss import NonNegative
from lossctl.losses.regression import smooth_l1

SHAPE = "boxes"


def value(p, g, beta: NonNegative = 1.0):
    left, top = smooth_l1.value(p[0], g[0], beta), smooth_l1.value(p[1], g[1], beta)
    right, bottom = smooth_l1.value(p[2], g[2], beta), smooth_l1.value(p[3], g[3], beta)
    return 0.25 * (left + top + right + bottom)


def slope(p, g, beta):
    return (
        0.25 * smooth_l1.slope(p[0], g[0], beta),
        0.25 * smooth_l1.slope(p[1], g[1], beta),
        0.25 * smooth_l1.slope(p[2], g[2], beta),
        0.25 * smooth_l1.slope(p[3], g[3], beta),
    )
