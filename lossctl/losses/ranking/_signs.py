"""Signs that say which of two ways is meant, and the score that is ahead by them."""


def is_sign(y):
    """Tell whether y is -1 or 1."""
    return (y == 1.0) | (y == -1.0)


def lead(x1, x2, y):
    """Return how far the score that should be higher is ahead of the other."""
    return y * (x1 - x2)
