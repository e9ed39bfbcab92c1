"""Powers of a probability that weigh a loss."""

from lossctl.maths import larger, power


def power_slope(x, exponent):
    """Return d x^exponent / dx, finite down to 0: where the slope itself is not, nothing is left for it to multiply."""
    return exponent * power(larger(x, 2.3e-308), exponent - 1.0)
