"""Jensen-Shannon divergence: the mean divergence of target and prediction from their midpoint.

Formula
    ½ KL(y ‖ m) + ½ KL(q ‖ m)        m = (y + q) / 2

Range
    0 (equal) to ln 2 (no class in common).

Parameters
    log_base    e, 2 or 10: the unit of the result is the nat, the bit or the decimal digit

Elsewhere
    scipy.spatial.distance.jensenshannon is the distance, the root of this.
    Symmetric and finite where kl is neither.

Reference
    Lin (1991), Divergence Measures Based on the Shannon Entropy.

Examples
    .3,.3,.4 .1,.2,.7 --input probs = 0.051912259238103512
"""

from typing import Literal

from lossctl.losses.classification._rows import per_nat
from lossctl.maths import log, times

SHAPE = "classes"


def value(q, log_q, y, log_base: Literal["e", "2", "10"] = "e"):
    log_m = log(0.5 * (y + q))
    return 0.5 * per_nat(log_base) * (times(y, log(y) - log_m) + times(q, log_q - log_m))


def slope(q, log_q, y, log_base):
    # The terms by m cancel: Σ (y + q) / (2 m) is constant.
    return 0.5 * per_nat(log_base) * (log_q - log(0.5 * (y + q))), 0.0 * q
