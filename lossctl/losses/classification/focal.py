"""Focal loss: cross-entropy that fades for what is already right, for data where one class is rare.

Good at
    Class imbalance with many easy examples: dense detection, segmentation of rare objects; hard examples lead.

Fails
    Noisy labels look like hard examples and lead too. Not a proper score: the calibration of its probabilities is off.

Formula
    α_t · (1 - q_t)^γ · bce        q_t = q y + (1 - q)(1 - y), α_t = α y + (1 - α)(1 - y)

Range
    0 to infinity.

Parameters
    alpha    weight of the positives, 1 - alpha of the negatives; none drops it
    gamma    how fast easy items fade; 0 is balanced-bce

Elsewhere
    torchvision.ops.sigmoid_focal_loss is this. The commonest bug puts alpha on both classes; one article prints
    gamma 0.2 for 2. Detectors divide the sum by the number of positives: `--normalizer`.

Reference
    Lin et al. (2017), Focal Loss for Dense Object Detection, arXiv:1708.02002.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.24801831118525836
    2,-1,.5,-3 1,0,0,1 --input logits --normalizer 2 = 0.49603662237051672
    2,-1,.5,-3 1,0,0,1 --input logits --alpha none = 0.79203841555709488
"""

from lossctl.loss import Exponent, Unit
from lossctl.maths import power, times

SHAPE = "binary"


def value(q, r, log_q, log_r, y, alpha: Unit | None = 0.25, gamma: Exponent = 2.0):
    entropy = -times(y, log_q) - times(1.0 - y, log_r)
    return share(y, alpha) * times(power(wrong(q, r, y), gamma), entropy)


def slope(q, r, log_q, log_r, y, alpha, gamma):
    entropy = -times(y, log_q) - times(1.0 - y, log_r)
    missed = wrong(q, r, y)
    focus = share(y, alpha) * power(missed, gamma)
    # d missed^γ / d missed, written so that γ = 0 has no slope and γ < 1 has its infinite one at 0 where it costs.
    steep = share(y, alpha) * times(gamma, times(entropy, power(missed, gamma - 1.0)))
    return steep * (1.0 - y), steep * y, -focus * y, -focus * (1.0 - y)


def wrong(q, r, y):
    """Return 1 - q_t, the probability given to what did not happen."""
    return r * y + q * (1.0 - y)


def share(y, alpha):
    """Return α_t."""
    if alpha is None:
        return 1.0
    return alpha * y + (1.0 - alpha) * (1.0 - y)
