"""NWD loss: a distance of the boxes read as normal distributions, in units of a typical object, and bounded.

Good at
    Detection of tiny and small objects: smooth for disjoint boxes, where iou has no slope, and a pixel more or
    less costs little.

Fails
    Not invariant to scale: what is near for a large box is far for a small one. Many constants away the slope is gone.

Formula
    1 - exp(-√(r2 + ((w - W)² + (h - H)²) / 4) / constant)
    The root is also √(½ Σ (p_k - g_k)²), k = x1, y1, x2, y2.

Range
    0 (identical) to 1 (far apart, in units of constant).

Kinks
    For identical boxes the slope is 0, the mean of both sides.

Parameters
    constant    the distance that counts as far: the mean size of the objects, in the unit of the coordinates

Elsewhere
    12.8 in the paper is the mean size of the objects in its data (AI-TOD): use that of your own. Ports to YOLO often
    mix it with iou, half and half.

Reference
    Wang et al. (2021), A Normalized Gaussian Wasserstein Distance for Tiny Object Detection, arXiv:2110.13389.

Examples
    5,5,15,15 0,0,10,10 --constant 12.8 = 0.424448848427
    20,0,30,10 0,0,10,10 --constant 12.8 = 0.790388612849
    2,3,8,7 0,0,10,10 --constant 12.8 = 0.245487695983
    0,0,20,5 0,0,10,10 --constant 12.8 = 0.460780392238
    20,0,40,10 0,0,10,10 --constant 12.8 = 0.863551018687
"""

from lossctl.loss import Positive
from lossctl.maths import exp, expm1, larger, magnitude, ratio, scale_of, sqrt

SHAPE = "boxes"


def value(p, g, constant: Positive):
    length, scale = sides(p, g)[4:]
    return -expm1(-(length / scale / (0.25 * constant)))


def slope(p, g, constant):
    left, top, right, bottom, length, scale = sides(p, g)
    # In two halves: each has all its digits where the whole would be too small to have them.
    half = exp(-0.5 * (length / scale / (0.25 * constant)))
    factor = ratio(0.5 * half, length) / constant
    return left * factor * half, top * factor * half, right * factor * half, bottom * factor * half


def sides(p, g):
    """Return prediction minus target of the four coordinates, the distance, and the scale they are in times 4."""
    # A quarter, so that neither differences nor their sum overflow.
    left, top = 0.25 * p[0] - 0.25 * g[0], 0.25 * p[1] - 0.25 * g[1]
    right, bottom = 0.25 * p[2] - 0.25 * g[2], 0.25 * p[3] - 0.25 * g[3]
    scale = scale_of(larger(larger(magnitude(left), magnitude(top)), larger(magnitude(right), magnitude(bottom))))
    left, top, right, bottom = left * scale, top * scale, right * scale, bottom * scale
    length = sqrt(0.5 * ((left * left + top * top) + (right * right + bottom * bottom)))
    return left, top, right, bottom, length, scale
