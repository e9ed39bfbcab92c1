"""Tversky loss: dice with its own weights for false alarms and for misses.

Good at
    Segmentation under class imbalance where a miss costs more than a false alarm, or less: lesions, small objects.

Fails
    Under a large fn_weight masks grow beyond the boundary; tiny objects and empty targets, as dice.

Formula
    1 - (TP + s) / (TP + fp_weight FP + fn_weight FN + s)        TP = Σ q y, FP = Σ q (1 - y), FN = Σ (1 - q) y

Range
    0 (identical masks) to 1 (nothing in common).

Parameters
    fp_weight    weight of the false alarms
    fn_weight    weight of the misses; raise it for small objects that are overlooked
    smooth       s, added above and below the line

Elsewhere
    Libraries have swapped alpha and beta, hence the names by meaning. At s = 0, ½ and ½ is dice, 1 and 1 is jaccard;
    one article prints ½, ½ for both.

Reference
    Salehi et al. (2017), Tversky Loss Function for Image Segmentation, arXiv:1706.05721.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.52298211656170909
    2,-1,.5,-3 1,0,0,1 --input logits --fp-weight 0.5 --fn-weight 0.5 = 0.51397152015280327
    2,-1,.5,-3 1,0,0,1 --input logits --fp-weight 1 --fn-weight 1 = 0.67897118712104803
"""

from lossctl.loss import NonNegative
from lossctl.maths import ratio

SHAPE = "regions"


def value(tp, fp, fn, fp_weight: NonNegative = 0.3, fn_weight: NonNegative = 0.7, smooth: NonNegative = 0.0):
    errors = fp_weight * fp + fn_weight * fn
    return ratio(errors, tp + errors + smooth)


def slope(tp, fp, fn, fp_weight, fn_weight, smooth):
    errors = fp_weight * fp + fn_weight * fn
    whole = tp + errors + smooth
    by_errors = ratio(ratio(tp + smooth, whole), whole)
    return -ratio(ratio(errors, whole), whole), fp_weight * by_errors, fn_weight * by_errors
