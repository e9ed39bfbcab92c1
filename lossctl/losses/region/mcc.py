"""Matthews correlation loss: one minus the correlation of two masks, which counts the background too.

Good at
    Segmentation under class imbalance where the background counts too: no reward for a mask that is empty or full.

Fails
    Empty and full targets: there it is 1 whatever is predicted.

Formula
    1 - (TP TN - FP FN) / √((TP + FP)(TP + FN)(TN + FP)(TN + FN))        the quotient is 0 where the root is 0

Range
    0 (identical) through 1 (no correlation) to 2 (inverted).

Elsewhere
    smp's MCCLoss adds 1e-5 above and below the line.

Reference
    Abhishek & Hamarneh (2021), Matthews Correlation Coefficient Loss, arXiv:2010.13454; Matthews (1975).

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.98151356376867344
"""

from lossctl.maths import ratio, select, sqrt

SHAPE = "regions"


def value(tp, fp, fn, tn):
    scale = norm(tp, fp, fn, tn)
    return select(scale == 0.0, 1.0, ratio(missing(tp, fp, fn, tn), scale))


def slope(tp, fp, fn, tn):
    scale = norm(tp, fp, fn, tn)
    phi = ratio(tp * tn - fp * fn, scale)
    claimed, there, left, absent = ratio(0.5, tp + fp), ratio(0.5, tp + fn), ratio(0.5, tn + fn), ratio(0.5, tn + fp)
    return (
        phi * (claimed + there) - ratio(tn, scale),
        phi * (claimed + absent) + ratio(fn, scale),
        phi * (there + left) + ratio(fp, scale),
        phi * (left + absent) - ratio(tp, scale),
    )


def norm(tp, fp, fn, tn):
    """Return √((TP + FP)(TP + FN)(TN + FP)(TN + FN)), without overflow of the product."""
    return sqrt((tp + fp) * (tp + fn)) * sqrt((tn + fp) * (tn + fn))


def missing(tp, fp, fn, tn):
    """Return the norm minus c = TP TN - FP FN; of good masks as (norm² - c²) / (norm + c), where nothing cancels."""
    scale, c = norm(tp, fp, fn, tn), tp * tn - fp * fn
    errors, product = fp + fn, fp * fn
    excess = (
        tp * tp * (tn * errors + product)
        + tp * errors * (tn * tn + tn * errors + product)
        + product * tn * (tn + errors)
        + 2.0 * tp * tn * product
    )
    return select(c > 0.0, ratio(excess, scale + c), scale - c)
