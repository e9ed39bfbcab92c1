"""One-sided slopes of the overlap of two intervals, where kinks coincide: edges that are equal, boxes that touch.

`low`, `high` and `overlap` are those of an axis (overlap is negative across a gap); `by_low` and `by_high` say how fast
the two ends of the prediction move.
"""

from lossctl.maths import larger, select, smaller


def rate(low, high, by_low, by_high):
    """Return how fast min(high ends) - max(low ends) grows."""
    upper = select(high < 0.0, by_high, select(high > 0.0, 0.0, smaller(by_high, 0.0)))
    lower = select(low > 0.0, by_low, select(low < 0.0, 0.0, larger(by_low, 0.0)))
    return upper - lower


def positive_rate(value, growth):
    """Return how fast max(value, 0) grows."""
    return select(value > 0.0, growth, select(value < 0.0, 0.0, larger(growth, 0.0)))


def shared_sides(low, high, overlap, by_low, by_high):
    """Return the slopes of max(overlap, 0) from below and from above."""
    below = -positive_rate(overlap, rate(low, high, -by_low, -by_high))
    return below, positive_rate(overlap, rate(low, high, by_low, by_high))


def shared_slope(low, high, overlap, by_low, by_high):
    """Return the slope of max(overlap, 0)."""
    below, above = shared_sides(low, high, overlap, by_low, by_high)
    return 0.5 * (below + above)


def gap_slopes(axis):
    """Return the slopes of the gap by the prediction's lower and upper end."""
    return gap_slope(axis, 1.0, 0.0), gap_slope(axis, 0.0, 1.0)


def gap_slope(axis, by_low, by_high):
    """Return the slope of max(-overlap, 0)."""
    gap = axis.gap - axis.shared
    below = positive_rate(gap, -rate(axis.low, axis.high, -by_low, -by_high))
    return 0.5 * (positive_rate(gap, -rate(axis.low, axis.high, by_low, by_high)) - below)
