"""Gaussian focal loss: focal loss for heat maps, gentler to negatives near a peak.

Good at
    Heat maps of key points and centres (CornerNet, CenterNet): the imbalance of one peak among thousands of pixels.

Fails
    Only exactly 1 is a peak: a heat map that was scaled or resampled has none.

Formula
    y = 1        -(1 - q)^alpha · ln q
    otherwise    -(1 - y)^gamma · q^alpha · ln(1 - q)

Range
    0 to infinity.

Parameters
    alpha    how fast easy pixels fade
    gamma    how fast negatives fade towards a peak

Elsewhere
    CornerNet and CenterNet divide the sum by the number of peaks: `--normalizer`. mmdet's GaussianFocalLoss is this
    with 1e-12 inside the logs.

Reference
    Law & Deng (2018), CornerNet, arXiv:1808.01244.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.79203841555709488
"""

from lossctl.loss import Exponent
from lossctl.losses.classification._focus import power_slope
from lossctl.maths import power, select, times

SHAPE = "binary"


def value(q, r, log_q, log_r, y, alpha: Exponent = 2.0, gamma: Exponent = 4.0):
    peak = -times(power(r, alpha), log_q)
    rest = -times(power(1.0 - y, gamma) * power(q, alpha), log_r)
    return select(y == 1.0, peak, rest)


def slope(q, r, log_q, log_r, y, alpha, gamma):
    near = power(1.0 - y, gamma)
    peak = y == 1.0
    return (
        select(peak, 0.0, -times(log_r, near * power_slope(q, alpha))),
        select(peak, -times(log_q, power_slope(r, alpha)), 0.0),
        select(peak, -power(r, alpha), 0.0),
        select(peak, 0.0, -near * power(q, alpha)),
    )
