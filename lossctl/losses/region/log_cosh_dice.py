"""Log-cosh Dice loss: the logarithm of the hyperbolic cosine of the Dice loss, flat where masks are almost right.

Good at
    Segmentation under class imbalance where dice is too jumpy: smooth, and calm at the end.

Fails
    Its slope fades as the mask gets right: slower at the end than dice.

Formula
    ln cosh(dice)

Range
    0 (identical) to 0.4338 (nothing in common).

Parameters
    smooth     s of dice
    squared    square the areas, as V-Net does

Elsewhere
    Near 0 it is half the square of dice.

Reference
    Jadon (2020), A Survey of Loss Functions for Semantic Segmentation, arXiv:2006.14822.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.1266474134863895
"""

from lossctl.loss import NonNegative
from lossctl.losses.region import dice
from lossctl.losses.regression import log_cosh
from lossctl.maths import tanh

SHAPE = "regions"


def value(diff, total, smooth: NonNegative = 0.0, squared: bool = False):
    return log_cosh.value(dice.value(diff, total, smooth, squared), 0.0)


def slope(diff, total, smooth, squared):
    pull = tanh(dice.value(diff, total, smooth, squared))
    by_diff, by_total = dice.slope(diff, total, smooth, squared)
    return pull * by_diff, pull * by_total
