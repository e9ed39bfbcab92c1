"""Roots of sums of squares, without overflow."""

from lossctl.maths import larger, magnitude, ratio, smaller, sqrt


def hypotenuse(a, b):
    """Return √(a² + b²)."""
    long, short = larger(magnitude(a), magnitude(b)), smaller(magnitude(a), magnitude(b))
    part = ratio(short, long)
    return long * sqrt(1.0 + part * part)
