"""Balanced L1 loss: small errors pull harder than under smooth-l1, large ones with a constant force.

Good at
    Box regression in detection: near targets pull harder than under smooth-l1, while outliers keep a bounded slope.

Fails
    Three parameters that act together have to be tuned; errors well below b pull no less than noise does.

Formula
    (a/B) (B x + b) ln(B x / b + 1) - a x      x < b       x = abs(pred - target)
    gamma x + gamma b / B - a b                otherwise   B = exp(gamma / a) - 1

Range
    0 to infinity.

Parameters
    a        how hard small errors pull
    gamma    the slope of large errors, which bounds the gradient
    b        where the two parts meet, in the unit of the numbers

Elsewhere
    mmdet calls our b beta, and has B x + 1 where B x + b stands here, and gamma / B for gamma b / B: the same at b 1
    only; elsewhere its slope jumps where the parts meet.

Reference
    Pang et al. (2019), Libra R-CNN: Towards Balanced Learning for Object Detection, arXiv:1904.02701.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 1.4312319048645167
"""

from lossctl.loss import Positive
from lossctl.losses._logs import lag
from lossctl.maths import exp, expm1, larger, log, log1p, magnitude, ratio, select, slope_of_abs, smaller, times

# exp(gamma / a) of more than this leaves the range of doubles.
MOST = 700.0


def value(pred, target, a: Positive = 0.5, gamma: Positive = 1.5, b: Positive = 1.0):
    x = magnitude(pred - target)
    part = smaller(x / b, 1.0)
    bend = expm1(gamma / a)
    u = times(part, bend)
    # With u = B x / b the logarithmic part is a (b/B) (u ln(1 + u) - (u - ln(1 + u))): the second term is at most
    # half of the first, so that their difference keeps its digits.
    rest = select(u < 0.25, a * part * lag(smaller(u, 0.25)), a * part - ratio(pull(part, a, gamma), bend))
    return larger(b * (part * pull(part, a, gamma) - rest), 0.0) + gamma * larger(x - b, 0.0)


def slope(pred, target, a, gamma, b):
    d = pred - target
    return slope_of_abs(d) * select(magnitude(d) < b, pull(smaller(magnitude(d) / b, 1.0), a, gamma), gamma)


def pull(part, a, gamma):
    """Return a ln(1 + B part) for 0 <= part <= 1, also where B is too large for a double."""
    power = gamma / a
    far = larger(gamma + a * log(part + (1.0 - part) * exp(-power)), 0.0)
    return select(power > MOST, far, a * log1p(part * expm1(smaller(power, MOST))))
