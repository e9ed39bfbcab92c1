"""Cross-entropy: the cost of the probability that a row of scores gives to the true class.

Good at
    Classification and segmentation with one class for each item: a proper score, whose probabilities keep their
    calibration.

Fails
    Weighs every pixel alike: under class imbalance see dice, tversky and focal. Noisy labels can cost anything;
    label_smoothing tempers them.

Formula
    -Σ_c w_c · y'_c · ln q_c        y' = (1 - s) y + s / C, s = label_smoothing
    mean: divided by Σ w_y (indices), by ΣΣ w_c y_c (distributions)

Range
    0 to infinity. A target distribution costs at least its entropy.

Parameters
    label_smoothing    how far targets are moved towards 1 / C
    log_base           e, 2 or 10: the unit of the result is the nat, the bit or the decimal digit

Elsewhere
    torch.nn.functional.cross_entropy is this, but divides by N when targets are distributions.

Reference
    Good (1952), Rational Decisions; Shannon (1948).

Examples
    '2,.5,-1;.1,.2,.3' 0,2 --input logits = 0.62162707244320059
    '2,.5,-1;.1,.2,.3' 0,2 --input logits --label-smoothing 0.1 = 0.70162707244320059
    '2,.5,-1;.1,.2,.3' 0,2 --input logits --class-weights 1,2,3 = 0.81178496033622236
    .3,.3,.4 .1,.2,.7 --input probs = 1.0025953536096893
    .3,.7 0 --input probs --log-base 2 = 1.7369655941662063
    .3,.7 0 --input probs --log-base 10 = 0.5228787452803376
"""

from typing import Literal

from lossctl.loss import Unit
from lossctl.losses.classification._rows import per_nat
from lossctl.maths import times

SHAPE = "classes"


def value(log_q, y, class_weight, classes, label_smoothing: Unit = 0.0, log_base: Literal["e", "2", "10"] = "e"):
    smooth = (1.0 - label_smoothing) * y + label_smoothing / classes
    return -per_nat(log_base) * times(class_weight * smooth, log_q)


def slope(log_q, y, class_weight, classes, label_smoothing, log_base):
    return -per_nat(log_base) * class_weight * ((1.0 - label_smoothing) * y + label_smoothing / classes)


def weight(log_q, y, class_weight, classes, label_smoothing, log_base):
    return class_weight * y


def alone(label_smoothing, log_base):
    return label_smoothing == 0.0
