"""What is left of a logarithm near 1, where the difference would cancel."""


def lag(t):
    """Return 1 - log1p(t) / t for |t| < ¼, about t / 2: the difference t - log1p(t) is t times this."""
    # log1p(t) = 2 artanh(s) of s = t / (2 + t), and t - 2s = t s.
    s = t / (2.0 + t)
    s2 = s * s
    tail = 1 / 3 + s2 * (1 / 5 + s2 * (1 / 7 + s2 * (1 / 9 + s2 * (1 / 11 + s2 * (1 / 13 + s2 * (1 / 15 + s2 / 17))))))
    return s - 2.0 * s2 * tail / (2.0 + t)
