"""What is left of a logarithm near 1, where the difference would cancel.

With s = t / (2 + t), log1p(t) = 2 artanh(s), and t = s (2 + t).
"""


def surplus(s):
    """Return artanh(s) / s - 1 for |s| <= 1/8, about s² / 3."""
    z = s * s
    series = 1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17)))
    return z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * series))))


def lag(t):
    """Return 1 - log1p(t) / t for |t| < ¼, about t / 2: the difference t - log1p(t) is t times this."""
    s = t / (2.0 + t)
    return s - 2.0 * surplus(s) / (2.0 + t)


def lead(s):
    """Return ((1 + s) artanh(s) - s) / s for |s| <= 1/8, about s: (1 + t) log1p(t) - t is t times this."""
    more = surplus(s)
    return more + s * (1.0 + more)
