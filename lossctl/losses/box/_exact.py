"""What is small or zero between two boxes, with all its digits and the right sign.

Where a loss bends at zero, the sign of a difference decides its slope: the offset of boxes that are concentric but for
the last digit of one edge must not come from rounding. Sums of coordinates are kept as a rounded part and what the
rounding lost (Knuth's two-sum, Dekker's product).
"""

from typing import NamedTuple

from lossctl.losses.box._geometry import PI_HALF
from lossctl.maths import atan, larger, magnitude, ratio, select, slope_of_abs, smaller

TINY = 2.0**-500
SPLITTER = 2.0**27 + 1.0


class Change(NamedTuple):
    """What was done to one axis of the target, in the axis's scale."""

    offset: float  # of the centres
    growth: float  # w - W


def two_sum(a, b):
    """Return a + b, rounded, and what was lost."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def product(a, b):
    """Return a · b, rounded, and what was lost."""
    total = a * b
    a_high, b_high = upper(a), upper(b)
    a_low, b_low = a - a_high, b - b_high
    return total, ((a_high * b_high - total) + a_high * b_low + a_low * b_high) + a_low * b_low


def upper(a):
    """Return the leading half of the digits of a."""
    much = SPLITTER * a
    return much - (much - a)


def differences(a, b, c, d):
    """Return (a - b) + (c - d), rounded, and what was lost."""
    first, first_rest = two_sum(a, -b)
    second, second_rest = two_sum(c, -d)
    total, rest = two_sum(first, second)
    return total, rest + (first_rest + second_rest)


def difference(a, b, c, d):
    """Return (a - b) + (c - d), rounded once at the end."""
    total, rest = differences(a, b, c, d)
    return total + rest


def add_multiple(a, factor, b):
    """Return a + factor · b, rounded once at the end; a and b are each a rounded part and what was lost."""
    multiple, multiple_rest = product(factor, b[0])
    total, rest = two_sum(a[0], multiple)
    return total + (rest + (a[1] + (multiple_rest + factor * b[1])))


def determinant(a, b, c, d):
    """Return a · b - c · d of numbers that are each a rounded part and what was lost."""
    left, left_rest = product(a[0], b[0])
    right, right_rest = product(c[0], d[0])
    total, rest = two_sum(left, -right)
    # In an order in which equal or proportional boxes cancel to exactly 0.
    mixed = (a[0] * b[1] - c[1] * d[0]) + (a[1] * b[0] - c[0] * d[1])
    return total + ((rest + (left_rest - right_rest)) + mixed)


def changes(p, g, pair):
    """Return the Change of either axis."""
    return change(pair.x.scale, p[0], p[2], g[0], g[2]), change(pair.y.scale, p[1], p[3], g[1], g[3])


def change(scale, low, high, target_low, target_high):
    """Return the Change from the interval (target_low, target_high) to (low, high)."""
    low, high, target_low, target_high = low * scale, high * scale, target_low * scale, target_high * scale
    return Change(0.5 * difference(low, target_low, high, target_high), difference(high, target_high, target_low, low))


def turn(p, g, pair):
    """Return atan2(W, H) - atan2(w, h)."""
    across, size, scale = angle(p, g, pair)
    return slope_of_abs(across) * (size * scale)


def angle(p, g, pair):
    """Return a number with the sign of atan2(W, H) - atan2(w, h), and its size as a product of two."""
    w, h = sides(p, pair)
    gw, gh = sides(g, pair)
    across = determinant(gw, h, w, gh)
    along = w[0] * gw[0] * pair.fx * pair.fx + h[0] * gh[0] * pair.fy * pair.fy
    scale = pair.fx * pair.fy
    scaled = magnitude(across) * scale
    part = atan(ratio(smaller(scaled, along), larger(scaled, along)))
    turn = select(scaled > along, PI_HALF - part, part)
    # An angle this small is its own tangent; leave out what might make it too small.
    tiny = scaled < TINY * along
    return across, select(tiny, ratio(magnitude(across), along), turn), select(tiny, scale, 1.0)


def sides(box, pair):
    """Return width and height, each with what rounding lost; a point is upright."""
    w = two_sum(box[2] * pair.x.scale, -box[0] * pair.x.scale)
    h = two_sum(box[3] * pair.y.scale, -box[1] * pair.y.scale)
    return w, (select((w[0] == 0.0) & (h[0] == 0.0), 1.0, h[0]), h[1])
