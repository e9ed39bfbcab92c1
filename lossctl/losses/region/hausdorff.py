"""Hausdorff loss: squared errors weighted by their distance from both boundaries, so that far errors cost most.

Good at
    Segmentation whose boundary counts: stray islands and far errors cost most.

Fails
    Alone it hardly starts, so it is added to a region loss; a few wrong labels far from the boundary dominate it.

Formula
    mean of (q - y)² (D_q^α + D_y^α)
    D_q, D_y: distance in pixels from the boundary of q ≥ ½ and of y ≥ ½, inside and outside, to the nearest pixel on
    the other side; 0 where a mask is empty or full. Held constant in the slope.

Range
    0 (identical masks) upwards, in pixels^α.

Parameters
    alpha    how strongly far errors are punished

Elsewhere
    MONAI's HausdorffDTLoss is this at alpha 2 and takes the field of a full mask from outside the image.
    Ignored pixels belong to neither mask. Needs SciPy: pip install 'lossctl[scipy]'.

Reference
    Karimi & Salcudean (2019), Reducing the Hausdorff Distance in Medical Image Segmentation, arXiv:1904.10030.

Examples
    .9,.2,.6,.3;.8,.7,.1,.2 1,0,0,1;1,1,0,0 --input probs = 0.285
"""

from typing import Annotated

from lossctl.loss import Interval
from lossctl.maths import power

SHAPE = "regions"


def value(q, r, y, from_pred, from_target, alpha: Annotated[float, Interval(0, low_open=True, exponent=True)] = 2.0):
    error = q * (1.0 - y) - r * y
    return error * error * (power(from_pred, alpha) + power(from_target, alpha))


def slope(q, r, y, from_pred, from_target, alpha):
    error = q * (1.0 - y) - r * y
    by = 2.0 * error * (power(from_pred, alpha) + power(from_target, alpha))
    return by * (1.0 - y), -by * y
