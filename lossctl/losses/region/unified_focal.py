"""Unified focal loss: a focal cross-entropy of the pixels and a focal Tversky loss of the region, under the same names.

Good at
    Segmentation under strong class imbalance: small objects, hard pixels and overlooked regions in one loss.

Fails
    Three parameters that act together have to be tuned. Noisy labels weigh most, as hard pixels do.

Formula
    lam F + (1 - lam) R                          of each image and class
    F = mean of δ (1 - q_t)^(1 - γ) bce          q_t = q y + (1 - q)(1 - y), bce = -y ln q - (1 - y) ln(1 - q)
    R = (1 - TP / (TP + δ FN + (1 - δ) FP))^γ    TP = Σ q y, FP = Σ q (1 - y), FN = Σ (1 - q) y

Range
    0 (identical masks) upwards.

Parameters
    lam      share of the pixels' part; the rest is the region's
    delta    weight of misses against false alarms; above ½ it looks for what is overlooked
    gamma    near 1 the pixels' part is plain and the region's sharp; near 0 the other way round

Elsewhere
    This is the symmetric form. The asymmetric one focuses the background's pixels and the rare class's region only.
    Of a perfect region the slope of R is infinite where γ < 1; it counts as 0.

Reference
    Yeung et al. (2022), Unified Focal loss, arXiv:2102.04525.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.65630675892368396
"""

from typing import Annotated

from lossctl.loss import Interval, Unit
from lossctl.maths import power, ratio, times

SHAPE = "regions"


def value(
    tp,
    fp,
    fn,
    parts,
    count,
    lam: Unit = 0.5,
    delta: Unit = 0.6,
    gamma: Annotated[float, Interval(0, 1, exponent=True)] = 0.5,
):
    return lam * ratio(parts, count) + (1.0 - lam) * power(missing(tp, fp, fn, delta), gamma)


def slope(tp, fp, fn, parts, count, lam, delta, gamma):
    errors = delta * fn + (1.0 - delta) * fp
    whole = tp + errors
    gap = missing(tp, fp, fn, delta)
    by_gap = (1.0 - lam) * gamma * ratio(power(gap, gamma), gap)
    by_errors = times(by_gap, ratio(ratio(tp, whole), whole))
    by_tp = -times(by_gap, ratio(ratio(errors, whole), whole))
    return by_tp, (1.0 - delta) * by_errors, delta * by_errors, lam * ratio(1.0, count), 0.0


def part(q, r, log_q, log_r, y, lam, delta, gamma):
    wrong = r * y + q * (1.0 - y)
    return delta * times(power(wrong, 1.0 - gamma), cross(log_q, log_r, y))


def part_slope(q, r, log_q, log_r, y, lam, delta, gamma):
    wrong = r * y + q * (1.0 - y)
    focus = delta * power(wrong, 1.0 - gamma)
    by_wrong = (1.0 - gamma) * ratio(focus, wrong) * cross(log_q, log_r, y)
    return by_wrong * (1.0 - y), by_wrong * y, -focus * y, -focus * (1.0 - y)


def cross(log_q, log_r, y):
    """Return the cross-entropy of a pixel."""
    return -times(y, log_q) - times(1.0 - y, log_r)


def missing(tp, fp, fn, delta):
    """Return 1 - TP / (TP + δ FN + (1 - δ) FP)."""
    errors = delta * fn + (1.0 - delta) * fp
    return ratio(errors, tp + errors)
