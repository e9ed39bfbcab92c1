"""Roots of sums of squares, without overflow, of numbers beside one that is the same for all of them."""

from lossctl.maths import magnitude, over, select, smaller, sqrt

# Of more than this the square overflows, and 1 is nothing beside it.
MOST = 1e150


def hypotenuse(a, b):
    """Return √(a² + b²) for b > 0."""
    v = over(magnitude(a), b)
    near = smaller(v, MOST)
    return select(v > MOST, magnitude(a), b * sqrt(1.0 + near * near))
