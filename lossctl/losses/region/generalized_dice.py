"""Generalized dice loss: one dice of all classes of an image, in which a rare class weighs as much as a common one.

Good at
    Segmentation under class imbalance with several classes: rare ones weigh as much as common ones in one ratio.

Fails
    With square weights a class of a few pixels decides the value, and a single wrong pixel of it shows; slopes jump
    between images with and without a rare class.

Formula
    1 - 2 Σ_c w_c TP_c / Σ_c w_c (S_c + T_c)        TP = Σ q y, S = Σ q, T = Σ y
    w_c = 1 / T_c², 1 / T_c or 1                    held constant in the slope
    A class with T = 0 takes the largest weight of the others. One value for each image, or for all.

Range
    0 (identical masks) to 1 (nothing in common).

Parameters
    weight    what a class counts for: square 1/T², simple 1/T, uniform 1

Elsewhere
    MONAI adds 1e-5 above and below the line and, like this one, gives absent classes the largest weight.
    Where nothing is there, neither target nor prediction, the image is absent: see --absent.

Reference
    Sudre et al. (2017), Generalised Dice Overlap as a Deep Learning Loss Function, arXiv:1707.03237.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.51397152015280327
"""

from typing import Literal

from lossctl.maths import ratio

SHAPE = "regions"
POOLED = True


def value(diff, total, target, weight: Literal["square", "simple", "uniform"] = "square"):
    shares = weights(target, weight)
    return ratio(mixed(shares, diff), mixed(shares, total))


def slope(diff, total, target, weight):
    shares = weights(target, weight)
    by_diff = ratio(1.0, mixed(shares, total))
    by_total = -by_diff * ratio(mixed(shares, diff), mixed(shares, total))
    return [w * by_diff for w in shares], [w * by_total for w in shares], [0.0 for _ in shares]


def weights(target, weight):
    """Return w_c of every class, relative to the largest."""
    there = [t for t in target if t > 0.0]
    smallest = min(there) if there else 1.0
    # A class that is not there weighs as much as the smallest that is.
    shares = [smallest / t if t > 0.0 else 1.0 for t in target]
    return {
        "square": [share * share for share in shares],
        "simple": shares,
        "uniform": [1.0 for _ in shares],
    }[weight]


def mixed(shares, sums):
    """Return the sum over classes, each times its weight."""
    return sum(share * part for share, part in zip(shares, sums, strict=True))
