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
from lossctl.losses._logs import divergence
from lossctl.maths import expm1, larger, magnitude, over, select, slope_of_abs, smaller

# Of more than this exp(gamma / a), or this many times it, leaves the range of doubles.
MOST = 700.0


def value(pred, target, a: Positive = 0.5, gamma: Positive = 1.5, b: Positive = 1.0):
    x = magnitude(pred - target)
    part = smaller(over(x, b), 1.0)
    bend = bend_of(a, gamma)
    u = part * bend
    # With u = B x / b the first part is a (b/B) ((1 + u) ln(1 + u) - u).
    rest = over(divergence(1.0 + u, 1.0, u), bend) + part * lacking(u, a, gamma)
    return a * b * rest + gamma * larger(x - b, 0.0)


def slope(pred, target, a, gamma, b):
    d = pred - target
    u = smaller(over(magnitude(d), b), 1.0) * bend_of(a, gamma)
    # What the value takes, and not another logarithm.
    log = (divergence(1.0 + u, 1.0, u) + u) / (1.0 + u)
    return slope_of_abs(d) * select(magnitude(d) < b, a * (log + lacking(u, a, gamma)), gamma)


def bend_of(a, gamma):
    """Return B, or the largest that is a double."""
    return expm1(smaller(gamma / a, MOST))


def lacking(u, a, gamma):
    """Return what ln(1 + u) lacks where B was cut: the logarithm of what it lacks, for 1 is nothing beside such u."""
    return select(u > 1e17, larger(gamma / a - MOST, 0.0), 0.0)
