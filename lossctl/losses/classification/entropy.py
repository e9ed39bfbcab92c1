"""Entropy of the prediction: how undecided a row of scores is; it needs no target.

Good at
    Measuring uncertainty, or lowering it, without labels: semi-supervised training, choosing what to label next.

Fails
    Says how sure a model is, never whether it is right.

Formula
    -Σ_c q_c ln q_c

Range
    0 (one class has everything) to ln C (all alike).

Parameters
    log_base    e, 2 or 10: the unit of the result is the nat, the bit or the decimal digit

Elsewhere
    scipy.stats.entropy normalises its input first. ce(q, y) = entropy(y) + kl(q, y).

Reference
    Shannon (1948), A Mathematical Theory of Communication.

Examples
    .1,.2,.7 --input probs = 0.80181855254333731
    .5,.5 --input probs --log-base 2 = 1
"""

from typing import Literal

from lossctl.losses.classification._rows import per_nat
from lossctl.maths import times

SHAPE = "classes"


def value(q, log_q, log_base: Literal["e", "2", "10"] = "e"):
    return -per_nat(log_base) * times(q, log_q)


def slope(q, log_q, log_base):
    return -per_nat(log_base) * log_q, -per_nat(log_base) * q
