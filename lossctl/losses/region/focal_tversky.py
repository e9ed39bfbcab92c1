"""Focal Tversky loss: a root of the Tversky loss, which raises the slope of images that are almost right.

Good at
    Segmentation of small objects under class imbalance, as tversky; images that are almost right go on learning.

Fails
    The slope grows without bound towards a perfect mask: jumpy at the end, and on tiny objects.

Formula
    tversky^(1 / gamma)

Range
    0 (identical) to 1 (nothing in common).

Kinks
    At a perfect mask the slope is infinite for gamma above 1; here it is then 0.

Parameters
    fp_weight    weight of the false alarms
    fn_weight    weight of the misses
    smooth       added above and below the line of tversky
    gamma        4/3 in the paper; above 1 easy images keep their pull, below 1 they fade

Elsewhere
    Some code takes tversky^gamma, which does the opposite for gamma above 1.

Reference
    Abraham & Khan (2018), A Novel Focal Tversky Loss Function, arXiv:1810.07842.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.61498585767380004
"""

from lossctl.loss import NonNegative, Positive
from lossctl.losses.region import tversky
from lossctl.maths import power, ratio

SHAPE = "regions"


def value(
    tp,
    fp,
    fn,
    fp_weight: NonNegative = 0.3,
    fn_weight: NonNegative = 0.7,
    smooth: NonNegative = 0.0,
    gamma: Positive = 4 / 3,
):
    return power(tversky.value(tp, fp, fn, fp_weight, fn_weight, smooth), 1.0 / gamma)


def slope(tp, fp, fn, fp_weight, fn_weight, smooth, gamma):
    plain = tversky.value(tp, fp, fn, fp_weight, fn_weight, smooth)
    by_tp, by_fp, by_fn = tversky.slope(tp, fp, fn, fp_weight, fn_weight, smooth)
    steep = ratio(power(plain, 1.0 / gamma), gamma * plain)
    return steep * by_tp, steep * by_fp, steep * by_fn
