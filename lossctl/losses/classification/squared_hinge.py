"""Squared hinge loss: the square of what is missing to a margin on the right side.

Good at
    Two classes apart by a margin, smooth where hinge has its corner: linear support vector machines.

Fails
    Harsher on outliers and noisy labels than hinge; scores are no probabilities.

Formula
    max(0, margin - y f)²        f: score, y: -1 or 1

Range
    0 to infinity.

Parameters
    margin    how far on the right side a score has to be
    labels    signs: targets are -1 and 1; 01: they are 0 and 1

Elsewhere
    keras' SquaredHinge turns labels 0 and 1 into signs by itself.

Reference
    Lee & Mangasarian (2001), SSVM: A Smooth Support Vector Machine.

Examples
    2,-1,.5,-3 1,-1,-1,1 = 4.5625
"""

from typing import Literal

from lossctl.loss import NonNegative
from lossctl.losses.classification._signs import DOMAIN, gap, is_label, sign
from lossctl.maths import larger

__all__ = ["DOMAIN", "inside", "slope", "value"]


def inside(pred, target, margin, labels):
    return is_label(target, labels)


def value(pred, target, margin: NonNegative = 1.0, labels: Literal["signs", "01"] = "signs"):
    missing = larger(0.0, gap(pred, target, margin, labels))
    return missing * missing


def slope(pred, target, margin, labels):
    return -2.0 * sign(target, labels) * larger(0.0, gap(pred, target, margin, labels))
