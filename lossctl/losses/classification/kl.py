"""Kullback-Leibler divergence of the target from the prediction: what it costs to believe q where y is true.

Good at
    Soft labels: the votes of several annotators, a teacher's probabilities.

Fails
    Not symmetric: see js. Infinite where the prediction rules out what happens.

Formula
    Σ_c y_c ln(y_c / q_c)

Range
    0 (equal) to infinity.

Parameters
    log_base    e, 2 or 10: the unit of the result is the nat, the bit or the decimal digit

Elsewhere
    KL(target ‖ prediction), teacher ‖ student, as torch's kl_div with reduction batchmean; torch's `mean` divides by
    N·C and its documentation calls that wrong.

Reference
    Kullback & Leibler (1951), On Information and Sufficiency.

Examples
    .3,.3,.4 .1,.2,.7 --input probs = 0.20077680106635203
    .3,.3,.4 .1,.2,.7 --input probs --log-base 2 = 0.28965969522397602
"""

from typing import Literal

from lossctl.losses.classification._rows import per_nat
from lossctl.maths import log, times

SHAPE = "classes"


def value(log_q, y, log_base: Literal["e", "2", "10"] = "e"):
    return per_nat(log_base) * times(y, log(y) - log_q)


def slope(log_q, y, log_base):
    return -per_nat(log_base) * y
