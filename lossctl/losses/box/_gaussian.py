"""Two rotated boxes read as normal distributions: sides, angle between, offset, and what is small between them.

A box stands for the covariance R diag(w², h²) Rᵀ / k. Where both boxes are longer in the same direction, what a loss is
made of is a sum of terms that are not negative, and vanish one by one as the boxes become equal:

    det S - 4 w h W H = (w-W)² (h-H)² + 2wW (h-H)² + 2hH (w-W)² + (w²-h²)(W²-H²) sin²        S = k (Σp + Σg)

If the prediction is longer in the other direction, its sides change their names: it is the same box, a quarter turn on.

Lengths are scaled by a power of two that brings the longest side near 1. A side of 0 is the limit of one that shrinks
(both of them alike if both boxes have it); for arithmetic it is very short.
"""

from typing import NamedTuple

from lossctl.maths import SMALLEST_NORMAL, clamp, larger, magnitude, ratio, scale_of, select

# Sides that are shorter than this, beside the longest of both boxes, count as so long where squares are needed.
SHORTEST = 2.0**-500
# And sides shorter than this where they are not.
THINNEST = 2.0**-960
# Offsets beyond this, in longest sides, count as so far.
FARTHEST = 2.0**1000


class Pair(NamedTuple):
    """A prediction and a target, scaled; the sides of the prediction are named as those of the target."""

    scale: float
    w: float
    h: float
    target_w: float
    target_h: float
    sine: float  # of the prediction's angle beyond the target's
    cosine: float
    turned: bool  # whether the prediction's sides have changed their names
    dx: float  # of the centres, prediction minus target
    dy: float
    uneven: bool  # whether one box has a side of 0 that the other has not
    line_w: bool  # whether both have w = 0
    line_h: bool


def measure(p, g, turn):
    """Return the Pair of two boxes (cx, cy, w, h, angle), `turn` as for a loss file."""
    w, h, gw, gh = normal(p[2]), normal(p[3]), normal(g[2]), normal(g[3])
    longest = larger(larger(w, h), larger(gw, gh))
    scale, least = scale_of(longest), select(longest == 0.0, 1.0, SHORTEST)
    dx, dy = offset(p[0], g[0], scale), offset(p[1], g[1], scale)
    turned = ((w > h) & (gw < gh)) | ((w < h) & (gw > gh))
    w, h = select(turned, h, w), select(turned, w, h)
    line_w, line_h = (w == 0.0) & (gw == 0.0), (h == 0.0) & (gh == 0.0)
    uneven = ((w == 0.0) != (gw == 0.0)) | ((h == 0.0) != (gh == 0.0))
    return Pair(
        scale, scaled(w, scale, least), scaled(h, scale, least), scaled(gw, scale, least), scaled(gh, scale, least),
        select(turned, turn[1], turn[0]), select(turned, -turn[0], turn[1]), turned, dx, dy, uneven, line_w, line_h,
    )  # fmt: skip


def normal(side):
    """Return a side, or 0 for one so short that a double has not all its digits."""
    return select(side < SMALLEST_NORMAL, 0.0, side)


def scaled(side, scale, least):
    """Return a scaled side, `least` for 0."""
    return select(side == 0.0, least, larger(side * scale, THINNEST))


def offset(x, target, scale):
    """Return the scaled difference of two coordinates."""
    # A quarter first, so that the difference does not overflow.
    return clamp((0.25 * x - 0.25 * target) * scale * 4.0, -FARTHEST, FARTHEST)


def along(pair, tilt):
    """Return the offset along the prediction's w and h."""
    u, v = pair.dx * tilt[1] + pair.dy * tilt[0], pair.dy * tilt[1] - pair.dx * tilt[0]
    return select(pair.turned, v, u), select(pair.turned, -u, v)


def crossed(pair):
    """Return whether boxes without any width, or one of them, do not have the same direction and shape."""
    return pair.uneven | ((pair.line_w != pair.line_h) & (pair.sine != 0.0))


def beside(pair, u, v):
    """Return whether boxes without any width do not lie in one line, u and v along their sides."""
    return (pair.line_w & (u != 0.0)) | (pair.line_h & (v != 0.0))


def to_center(pair, tilt, by_u, by_v):
    """Return the slope by the prediction's cx and cy, from that by the offset along its sides."""
    u, v = select(pair.turned, -by_v, by_u), select(pair.turned, by_u, by_v)
    return pair.scale * (u * tilt[1] - v * tilt[0]), pair.scale * (u * tilt[0] + v * tilt[1])


def to_sides(pair, p, by_log_w, by_log_h):
    """Return the slope by the prediction's w and h, from that by their logarithms.

    It is 0 for a side of 0: there a loss jumps, or its slope is infinite.
    """
    return (
        ratio(select(pair.turned, by_log_h, by_log_w), p[2]),
        ratio(select(pair.turned, by_log_w, by_log_h), p[3]),
    )


class Excess(NamedTuple):
    """det S / (4 w h W H) - 1 and its derivatives by the logarithms of the sides and the angle."""

    value: float
    by_log_w: float
    by_log_h: float
    by_angle: float


def excess(pair, sine):
    """Return the Excess of a pair, 0 for boxes of the same shape and direction.

    `sine` is that of the pair, perhaps multiplied by a power of two where it is the only difference.
    """
    w, h, gw, gh = with_squares(pair)
    wide, tall = (w - gw) / w * ((w - gw) / gw), (h - gh) / h * ((h - gh) / gh)
    long, target_long = stretch(w, h), stretch(gw, gh)
    leaning = sine * target_long * (sine * (w / h + h / w))
    by_log_w = 0.5 * (1.0 + 0.5 * tall) * ((w - gw) / w * ((w + gw) / gw)) + 0.25 * leaning
    by_log_h = 0.5 * (1.0 + 0.5 * wide) * ((h - gh) / h * ((h + gh) / gh)) - 0.25 * leaning
    return Excess(
        0.5 * (wide + tall) + 0.25 * wide * tall + 0.25 * (sine * long * (sine * target_long)),
        by_log_w, by_log_h, 0.5 * (sine * long * (pair.cosine * target_long)),
    )  # fmt: skip


def with_squares(pair):
    """Return the four sides, long enough for their squares."""
    return (
        larger(pair.w, SHORTEST), larger(pair.h, SHORTEST),
        larger(pair.target_w, SHORTEST), larger(pair.target_h, SHORTEST),
    )  # fmt: skip


def stretch(w, h):
    """Return w / h - h / w."""
    return (w - h) / w * ((w + h) / h)


def lift(most):
    """Return 1, or a power of two for differences so small that their squares would be lost."""
    return select(magnitude(most) < 2.0**-400, scale_of(most), 1.0)
