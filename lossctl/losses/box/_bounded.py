"""What bounds a distance x of any size: 1 - 1 / (tau + ln(1 + x))."""

from lossctl.maths import select


def bounded(log, tau):
    """Return 1 - 1 / (tau + log), with the digits of a small log."""
    return select(log < 1.0, (tau - 1.0 + log) / (tau + log), 1.0 - 1.0 / (tau + log))


def bounded_slope(log, tau):
    """Return its derivative by log."""
    return 1.0 / ((tau + log) * (tau + log))
