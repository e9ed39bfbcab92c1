"""Hinge loss: what is missing to a margin on the right side; support vector machines.

Good at
    Two classes apart by a margin; what is right beyond it costs nothing. Support vectors, ranking.

Fails
    Scores are no probabilities and have no calibration; no slope beyond the margin.

Formula
    max(0, margin - y f)        f: score, y: -1 or 1

Range
    0 to infinity.

Kinks
    Where y f = margin the slope by f is -y / 2, the mean of both sides.

Parameters
    margin    how far on the right side a score has to be
    labels    signs: targets are -1 and 1; 01: they are 0 and 1

Elsewhere
    scikit-learn's hinge_loss is this. torch has it as multi_margin_loss for several classes only.

Reference
    Cortes & Vapnik (1995), Support-Vector Networks.

Examples
    2,-1,.5,-3 1,-1,-1,1 = 1.375
    2,-1,.5,-3 1,0,0,1 --labels 01 = 1.375
"""

from typing import Literal

from lossctl.loss import NonNegative
from lossctl.losses.classification._signs import DOMAIN, gap, is_label, sign
from lossctl.maths import larger, step

__all__ = ["DOMAIN", "inside", "slope", "value"]


def inside(pred, target, margin, labels):
    return is_label(target, labels)


def value(pred, target, margin: NonNegative = 1.0, labels: Literal["signs", "01"] = "signs"):
    return larger(0.0, gap(pred, target, margin, labels))


def slope(pred, target, margin, labels):
    return -sign(target, labels) * step(gap(pred, target, margin, labels))
