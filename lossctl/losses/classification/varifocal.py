"""Varifocal loss: cross-entropy weighted by quality for positives, focal for negatives.

Good at
    Dense detection ranked by one score of class and IoU: positives count by their quality, the imbalance of easy
    negatives fades.

Fails
    Positives never fade, however easy; a soft target keeps a cost when it is met.

Formula
    y > 0    y · bce
    y = 0    alpha · q^gamma · bce

Range
    0 to infinity. A soft target costs at least y times its entropy.

Parameters
    alpha    weight of the negatives
    gamma    how fast easy negatives fade

Elsewhere
    mmdet's VarifocalLoss is this under iou_weighted=True, divided by an average factor.

Reference
    Zhang et al. (2021), VarifocalNet, arXiv:2008.13367.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.8688919015981556
"""

from lossctl.loss import Exponent, NonNegative
from lossctl.losses.classification._focus import power_slope
from lossctl.losses.classification.quality_focal import entropy
from lossctl.maths import power, select, times

SHAPE = "binary"


def value(q, log_q, log_r, y, alpha: NonNegative = 0.75, gamma: Exponent = 2.0):
    return times(select(y > 0.0, y, alpha * power(q, gamma)), entropy(log_q, log_r, y))


def slope(q, log_q, log_r, y, alpha, gamma):
    weight = select(y > 0.0, y, alpha * power(q, gamma))
    steep = -times(log_r, alpha * power_slope(q, gamma))
    return select(y > 0.0, 0.0, steep), -weight * y, -weight * (1.0 - y)
