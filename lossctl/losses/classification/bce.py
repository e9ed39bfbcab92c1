"""Binary cross-entropy: the cost in nats of the probability that was given to what happened (log loss).

Good at
    Two classes, or several labels at once, in classification and segmentation: a proper score, whose probabilities keep
    their calibration.

Fails
    Under class imbalance the many drown the few (pos_weight, focal); one confident mistake, or noisy label, can cost
    anything.

Formula
    -pos_weight · y' · ln q - (1 - y') · ln(1 - q)        y' = y (1 - s) + s / 2, s = label_smoothing
    from logits, ln q and ln(1 - q) are -softplus(-z) and -softplus(z): nothing overflows, nothing cancels

Range
    0 to infinity. Soft targets cost at least their entropy.

Parameters
    pos_weight         weight of the positive part; `auto` is Σ(1 - y) / Σ y of the data
    label_smoothing    how far targets are moved towards ½

Elsewhere
    torch's binary_cross_entropy_with_logits is this; its binary_cross_entropy clamps the logs at -100, keras clips q
    at 1e-7, scikit-learn's log_loss at the dtype's eps: here certain and wrong is infinite, and an error.

Reference
    Good (1952), Rational Decisions.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 1.115713508578761
    2,-1,.5,-3 1,0,0,1 --input logits --pos-weight 2 = 1.9095923492329397
    2,-1,.5,-3 1,0,0,1 --input logits --pos-weight auto = 1.115713508578761
    2,-1,.5,-3 1,0,0,1 --input logits --label-smoothing 0.1 = 1.109463508578761
    .3 1 --input probs = 1.2039728043259361
"""

from typing import Literal

from lossctl.loss import Positive, Unit
from lossctl.maths import times

SHAPE = "binary"


def value(log_q, log_r, y, pos_weight: Positive | Literal["auto"] = 1.0, label_smoothing: Unit = 0.0):
    positive, negative = smoothed(y, label_smoothing)
    return -pos_weight * times(positive, log_q) - times(negative, log_r)


def slope(log_q, log_r, y, pos_weight, label_smoothing):
    positive, negative = smoothed(y, label_smoothing)
    return -pos_weight * positive, -negative


def smoothed(y, label_smoothing):
    """Return y' and 1 - y', each with its own digits."""
    kept, spread = 1.0 - label_smoothing, 0.5 * label_smoothing
    return y * kept + spread, (1.0 - y) * kept + spread
