"""Differences of logarithms and what they are near, which would cancel.

With s = t / (2 + t), log1p(t) = 2 artanh(s), and t = s (2 + t).
"""

from lossctl.maths import LN2_HI, LN2_LO, artanh_rest, exponent, fraction, ratio, select, times

INFINITY = float("inf")


def lag(t):
    """Return 1 - log1p(t) / t for |t| < ¼, about t / 2: the difference t - log1p(t) is t times this."""
    s = t / (2.0 + t)
    return s - 2.0 * artanh_rest(s) / (2.0 + t)


def divergence(a, b, gap):
    """Return a ln(a / b) - gap for a, b >= 0, where gap is a - b; nothing cancels where they are nearly equal.

    With a / b = 2ᵏ (1 + f) and 1 + f near 1, f and the quotient s are those of a logarithm; where k is 0, s is
    (a - b) / (a + b) as well, and the result is (a - b) ((1 + s) artanh(s) - s) / s.
    """
    quotient = select(b == 0.0, select(a > 0.0, INFINITY, 0.0), ratio(a, b))
    k, f = exponent(quotient), fraction(quotient) - 1.0
    near = k == 0.0
    # By halves, whose sum is finite; it is 0 of the smallest numbers, and of a and -a, which somebody else refuses.
    s = ratio(select(near, 0.5 * gap, f), select(near, 0.5 * a + 0.5 * b, 2.0 + f))
    rest = artanh_rest(s)
    log = k * LN2_HI + (2.0 * s + (2.0 * s * rest + k * LN2_LO))
    found = select(near, gap * (rest + s * (1.0 + rest)), times(a, log) - gap)
    return select(quotient < INFINITY, found, quotient)
