"""Jensen-Shannon divergence: the mean divergence of target and prediction from their midpoint.

Good at
    Comparing distributions, some of whose classes are impossible: symmetric and finite where kl is neither; bounded, so
    robust to noisy labels.

Fails
    Training from far away: where nothing is in common it is ln 2, with next to no slope.

Formula
    ½ KL(y ‖ m) + ½ KL(q ‖ m)        m = (y + q) / 2

Range
    0 (equal) to ln 2 (no class in common).

Parameters
    log_base    e, 2 or 10: the unit of the result is the nat, the bit or the decimal digit

Elsewhere
    scipy.spatial.distance.jensenshannon is the distance, the root of this.

Reference
    Lin (1991), Divergence Measures Based on the Shannon Entropy.

Examples
    .3,.3,.4 .1,.2,.7 --input probs = 0.051912259238103512
"""

from typing import Literal

from lossctl.losses._logs import lag
from lossctl.losses.classification._rows import per_nat
from lossctl.maths import log, log1p, magnitude, ratio, select, smaller, times

SHAPE = "classes"
INFINITY = float("inf")


def value(q, r, log_q, y, log_base: Literal["e", "2", "10"] = "e"):
    # y ln(y/m) + q ln(q/m) = rest(y, q - y) + rest(q, y - q): nothing is negative, so nothing cancels.
    d = difference(q, r, y)
    return 0.5 * per_nat(log_base) * (rest(y, d) + rest(q, -d))


def slope(q, r, log_q, y, log_base):
    # d/dq is ½ ln(q/m) = -½ log1p((y - q) / 2q); the derivatives by m cancel.
    d = difference(q, r, y)
    part = select(q > 0.0, -0.5 * ratio(d, q), select(y > 0.0, INFINITY, -0.5))
    far = log(0.5 * (y + q)) - log_q
    return -0.5 * per_nat(log_base) * select(part > 1e5, far, log1p(part)), 0.0, 0.0


def difference(q, r, y):
    """Return q - y, with the digits of 1 - q where y is 1."""
    return q * (1.0 - y) - r * y


def rest(a, d):
    """Return d/2 - a log1p(d / 2a), which is about d² / 8a where d is small."""
    t = smaller(0.5 * ratio(d, a), 1e300)
    near = times(a, t * lag(t))
    return select((a > 0.0) & (magnitude(t) < 0.25), near, 0.5 * d - times(a, log1p(t)))
