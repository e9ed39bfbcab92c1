"""Powers of the penalties of giou, diou and ciou, for any exponent k > 0, and their slopes.

A power below 1 makes something of the smallest penalty: what rounding leaves of an offset of 0 would be a cost. So
offsets and angles come with all their digits, and those too small for a double as logarithms.
"""

from lossctl.losses.box import _void
from lossctl.losses.box._exact import angle, changes
from lossctl.losses.box._geometry import Slope, diagonal2, to_coordinates
from lossctl.losses.box.ciou import FOUR_OVER_PI2
from lossctl.maths import exp, held, larger, log, magnitude, power, ratio, select, slope_of_abs, smaller, sqrt, times

INFINITY = float("inf")


def void(pair, k):
    """Return ((C - U) / C)^k."""
    return power(ratio(pair.void, pair.enclosing), k)


def void_slope(pair, k):
    """Return d void / d (x1, y1, x2, y2)."""
    half = power(ratio(pair.void, pair.enclosing), 0.5 * (k - 1.0))
    return scaled(scaled(_void.slope(pair), half), k * half)


def offset(p, g, pair, k):
    """Return (r2 / c2)^k."""
    dx, dy, scale = offsets(p, g, pair)
    return exp(2.0 * k * (log(ratio(length(dx, dy), sqrt(diagonal2(pair)))) + log(scale)))


def offset_slope(p, g, pair, k):
    """Return d offset / d (x1, y1, x2, y2)."""
    dx, dy, scale = offsets(p, g, pair)
    diagonal = sqrt(diagonal2(pair))
    log_part = log(ratio(length(dx, dy), diagonal)) + log(scale)
    by_span = -ratio(exp(log_part), diagonal * diagonal)
    across, down = ratio(toward(dx, dy) * pair.fx, diagonal), ratio(toward(dy, dx) * pair.fy, diagonal)
    by_x = Slope(0.0, 0.0, by_span * pair.x.span * pair.fx * pair.fx, across)
    by_y = Slope(0.0, 0.0, by_span * pair.y.span * pair.fy * pair.fy, down)
    by = to_coordinates(pair, (by_x, by_y))
    half = exp(times(k - 0.5, log_part))
    return scaled(scaled(by, half), 2.0 * k * half)


def offsets(p, g, pair):
    """Return dx and dy, and a factor they both have: beside an offset of 0 the other needs no common scale."""
    x, y = changes(p, g, pair)
    upright, level = x.offset == 0.0, y.offset == 0.0
    dx, dy = x.offset * select(level, 1.0, pair.fx), y.offset * select(upright, 1.0, pair.fy)
    return dx, dy, select(upright, pair.fy, select(level, pair.fx, 1.0))


def length(a, b):
    """Return √(a² + b²), however small."""
    longest = larger(magnitude(a), magnitude(b))
    part = ratio(smaller(magnitude(a), magnitude(b)), longest)
    return longest * sqrt(1.0 + part * part)


def toward(a, b):
    """Return d √(a² + b²) / da."""
    return ratio(a, length(a, b))


def aspect(p, g, pair, k, gate):
    """Return (a v)^k."""
    _, turn, scale = angle(p, g, pair)
    return exp(k * log_aspect(pair, log(turn) + log(scale), gate))


def aspect_slope(p, g, pair, k, gate):
    """Return d aspect / d (x1, y1, x2, y2), a held."""
    across, turn, scale = angle(p, g, pair)
    w, h = pair.x.size * pair.fx, pair.y.size * pair.fy
    square = w * w + h * h
    # d(a v)^k = 2 k (a v)^k · dα / α, and α has the factor fx · fy as well as its derivatives.
    half = exp(0.5 * k * log_aspect(pair, log(turn) + log(scale), gate))
    factor = times(half, ratio(slope_of_abs(across) * ratio(pair.fx * pair.fy, scale), turn))
    by_w, by_h = times(-ratio(pair.y.size, square), factor), times(ratio(pair.x.size, square), factor)
    by = to_coordinates(pair, (Slope(by_w, 0.0, 0.0, 0.0), Slope(by_h, 0.0, 0.0, 0.0)))
    return scaled(by, 2.0 * k * half)


def scaled(by, factor):
    """Return a slope times a factor, which may be infinite where a slope is 0.

    A factor that may be too small to have all its digits is given in two halves.
    """
    return times(by[0], factor), times(by[1], factor), times(by[2], factor), times(by[3], factor)


def log_aspect(pair, log_turn, gate):
    """Return ln(a v) for the logarithm of the angle between the diagonals."""
    log_v = LOG_FOUR_OVER_PI2 + 2.0 * log_turn
    log_a = log_v - log(pair.distance + exp(log_v))
    cut = (log_turn == -INFINITY) | ((gate > 0.0) & (pair.iou <= gate))
    return held(select(cut, -INFINITY, log_a)) + log_v


LOG_FOUR_OVER_PI2 = log(FOUR_OVER_PI2)
