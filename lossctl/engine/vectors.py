"""Two rows of D numbers: their distance and their angle, and the slopes of those by every entry.

Sums run in lanes, which a vector unit takes as they are: in four times eight, so that additions do not wait for each
other, and in eight where less is left. They do so over strips, so that a long row costs few digits. They are plain sums
of squares; only where one leaves the range in which all its digits count are the rows scaled first, by a power of two,
which costs none. Rows lie in flat arrays, one after the other: row i begins at i · n.
"""

from lossctl.engine.sums import blank, fetch, store
from lossctl.maths import clamp, larger, magnitude, power, ratio, scale_of, select, slope_of_abs, sqrt

STRIP, LANES, ABREAST = 256, 8, 4
# Between these a sum of squares has lost nothing to underflow, and overflows in nothing that is done with it.
LOW, HIGH = 1e-250, 1e250
# 2²⁷ + 1 halves a significand.
HALVES = 134217729.0
INFINITY = float("inf")
# A cosine above it is made of the sine.
NEAR = 0.5


def together(*terms):
    """Return the function that adds up several terms, as `added` does each."""
    sums = [added(term) for term in terms]
    return lambda a, b, i, n, u, v, t: tuple(total(a, b, i, n, u, v, t) for total in sums)


def added(term):
    """Return the function that adds up term(x, y, u, v, t) over row i of two sides of n numbers a row."""

    def total(a, b, i, n, u, v, t):
        at, end = i * n, i * n + n
        whole = 0.0
        while at < end:
            stop = min(at + STRIP, end)
            wide = [0.0] * (ABREAST * LANES)
            while at + ABREAST * LANES <= stop:
                wide = [e + term(fetch(a, at + k), fetch(b, at + k), u, v, t) for k, e in enumerate(wide)]
                at += ABREAST * LANES
            lanes = folded(wide, LANES)
            while at + LANES <= stop:
                lanes = [e + term(fetch(a, at + k), fetch(b, at + k), u, v, t) for k, e in enumerate(lanes)]
                at += LANES
            while at < stop:
                lanes[0] += term(fetch(a, at), fetch(b, at), u, v, t)
                at += 1
            whole += folded(lanes, 1)[0]
        return whole

    return total


def folded(each, left):
    """Return what is left where the second half is added to the first until they are so many."""
    while len(each) > left:
        half = len(each) // 2
        each = [each[k] + each[k + half] for k in range(half)]
    return each


def pushed(term):
    """Return the function that adds term(x, y, u, v, t, w, scale) to the slopes of row i, or sets them if not `old`."""

    def push(a, b, i, n, u, v, t, w, scale, slopes, old):
        for k in range(i * n, i * n + n):
            store(slopes, k, before(slopes, k, old) + term(fetch(a, k), fetch(b, k), u, v, t, w, scale))

    return push


def opposed(term):
    """Return the function that adds term(x, y, u, scale) to the slopes of row i of one side and takes it of the other.

    Those are set if not `old_a` or `old_b`.
    """

    def push(a, b, i, n, u, scale, by_a, by_b, old_a, old_b):
        for k in range(i * n, i * n + n):
            away = term(fetch(a, k), fetch(b, k), u, scale)
            store(by_a, k, before(by_a, k, old_a) + away)
            store(by_b, k, before(by_b, k, old_b) - away)

    return push


def _gap_squared(x, y, u, v, t):
    return ((x - y) * u) * ((x - y) * u)


def _gap(x, y, u, v, t):
    return magnitude(x - y)


def _gap_power(x, y, u, v, t):
    return power(magnitude(x - y) / u, t)


def _product(x, y, u, v, t):
    return (x * u) * (y * v)


def _first_squared(x, y, u, v, t):
    return (x * u) * (x * u)


def _second_squared(x, y, u, v, t):
    return (y * v) * (y * v)


def rest(x, y, u, v, t):
    """Return y v - t x u rounded about once, however much of it cancels (Dekker's product)."""
    p, q = x * u, y * v
    h = t * p
    t_high, p_high = HALVES * t - (HALVES * t - t), HALVES * p - (HALVES * p - p)
    t_low, p_low = t - t_high, p - p_high
    lost = t_low * p_low - (((h - t_high * p_high) - t_low * p_high) - t_high * p_low)
    return (q - h) - lost


def _rest_squared(x, y, u, v, t):
    return rest(x, y, u, v, t) * rest(x, y, u, v, t)


def _rest_along(x, y, u, v, t):
    return rest(x, y, u, v, t) * (x * u)


def _spoilt(x, y, u, v, t):
    # What is not finite leaves a NaN.
    return x - x


def _away(x, y, u, scale):
    return scale * ((x - y) * u)


def _aside(x, y, u, v, t, w, scale):
    return scale * (rest(x, y, u, v, t) - w * (x * u)) * u


squares, gaps, gap_powers = added(_gap_squared), added(_gap), added(_gap_power)
products = together(_product, _first_squared, _second_squared)
rests_squared, rests_along, spoils = added(_rest_squared), added(_rest_along), added(_spoilt)
push_away, push_aside = opposed(_away), pushed(_aside)
# Of what is made of products and differences the terms, which `lanes` makes vector instructions of.
SUMS = {
    squares: [_gap_squared], gaps: [_gap], products: [_product, _first_squared, _second_squared],
    rests_squared: [_rest_squared], rests_along: [_rest_along], spoils: [_spoilt],
}  # fmt: skip
PUSHES, OPPOSED = {push_aside: _aside}, {push_away: _away}


def farthest(a, b, i, n):
    """Return the largest abs(a - b) of a row."""
    top = 0.0
    for k in range(i * n, i * n + n):
        top = larger(top, magnitude(fetch(a, k) - fetch(b, k)))
    return top


def largest(a, i, n):
    """Return the largest abs(a) of a row."""
    top = 0.0
    for k in range(i * n, i * n + n):
        top = larger(top, magnitude(fetch(a, k)))
    return top


def within(total):
    """Tell whether a sum of squares has all its digits."""
    return (total > LOW) & (total < HIGH)


def apart(a, b, i, n, p):
    """Return the p-norm of a - b, its square, and (size, unit) which `push_apart` takes.

    For p = 2 the norm is size / unit, for others size · unit: no size leaves the range of doubles.
    """
    if p == 2.0:
        total = squares(a, b, i, n, 1.0, 1.0, 0.0)
        if within(total):
            size = sqrt(total)
            return size, total, size, 1.0
        unit = scale_of(farthest(a, b, i, n))
        total = squares(a, b, i, n, unit, unit, 0.0)
        size = sqrt(total)
        return size / unit, total / unit / unit, size, unit
    if p == 1.0:
        norm = gaps(a, b, i, n, 0.0, 0.0, 0.0)
        return norm, norm * norm, 1.0, norm
    top = farthest(a, b, i, n)
    size = 1.0
    if (p < INFINITY) & (top > 0.0):
        size = power(gap_powers(a, b, i, n, top, 0.0, p), 1.0 / p)
    return size * top, (size * top) * (size * top), size, top


def push_apart(a, b, i, n, p, by, size, unit, by_a, by_b, old_a, old_b):
    """Add by · d norm / d entry to the slopes of both sides; where the norm is 0, nothing.

    old_a, old_b: whether the slopes of a side hold something already.
    """
    if p == 2.0:
        scale = ratio(by, size)
        push_away(a, b, i, n, unit, scale, by_a, by_b, old_a, old_b)
    elif unit > 0.0:
        sharing = 1.0
        if p == INFINITY:
            sharing = shares(a, b, i, n, unit)
        for k in range(i * n, i * n + n):
            gap = fetch(a, k) - fetch(b, k)
            part = magnitude(gap) / unit / size
            grade = 1.0
            if p == INFINITY:
                grade = select(part == 1.0, sharing, 0.0)
            elif p > 1.0:
                grade = power(part, p - 1.0)
            slope = by * slope_of_abs(gap) * grade
            store(by_a, k, before(by_a, k, old_a) + slope)
            store(by_b, k, before(by_b, k, old_b) - slope)
    else:
        clear(by_a, i, n, old_a)
        clear(by_b, i, n, old_b)


def before(slopes, k, old):
    """Return the slope that was there before."""
    return fetch(slopes, k) if old else 0.0


def clear(slopes, i, n, old):
    """Set the slopes of a row to 0, unless they hold something already."""
    if not old:
        blank(slopes, i * n, n)


def shares(a, b, i, n, top):
    """Return what each of the largest entries has of the slope of a maximum: all of it alone, else half."""
    tied = 0
    for k in range(i * n, i * n + n):
        tied += select(magnitude(fetch(a, k) - fetch(b, k)) == top, 1, 0)
    return select(tied > 1, 0.5, 1.0)


def lengths(a, b, i, n, ab, aa, bb):
    """Return a · b, a · a and b · b of the rows times (u, v), and u and v, from the plain ones."""
    u, v = 1.0, 1.0
    if not (within(aa) & within(bb)):
        u, v = scale_of(largest(a, i, n)), scale_of(largest(b, i, n))
        ab, aa, bb = products(a, b, i, n, u, v, 0.0)
    return ab, aa, bb, u, v


def wide_angle(ab, aa, bb):
    """Return the cosine between two rows and 1 - cosine, which has lost digits where they are near; see `angle`."""
    cosine = clamp(ratio(ab, sqrt(aa) * sqrt(bb)), -1.0, 1.0)
    return cosine, 1.0 - cosine


def angle(a, b, i, n, ab, aa, bb):
    """Return the cosine between two rows, 1 - cosine, and whether (1 or 0) a row is all zeros, from their products.

    With r what is left of b beside a, 1 - cos = sin² / (1 + cos) and sin² = r · r / b · b.
    """
    ab, aa, bb, u, v = lengths(a, b, i, n, ab, aa, bb)
    cosine, turn = wide_angle(ab, aa, bb)
    if cosine > NEAR:
        t = ab / aa
        along = rests_along(a, b, i, n, u, v, t)
        # The part along a is what the rounding of t left there.
        beside = larger(0.0, rests_squared(a, b, i, n, u, v, t) - along * along / aa)
        turn = beside / bb / (1.0 + cosine)
        cosine = 1.0 - turn
    void = select((aa == 0.0) | (bb == 0.0), 1.0, 0.0)
    # An infinite entry beside a row of zeros must not go unseen.
    return cosine + ((aa - aa) + (bb - bb)), turn, void, 1.0


def push_angle(a, b, i, n, by, by_a, by_b, old_a, old_b):
    """Add by · d cosine / d entry to the slopes of both sides (see `push_apart`); where a row is all zeros, nothing."""
    ab, aa, bb, u, v = lengths(a, b, i, n, *products(a, b, i, n, 1.0, 1.0, 0.0))
    scale = ratio(by, sqrt(aa) * sqrt(bb))
    if scale != 0.0:
        _turn_towards(a, b, i, n, aa, ab, u, v, scale, by_a, old_a)
        _turn_towards(b, a, i, n, bb, ab, v, u, scale, by_b, old_b)
    else:
        clear(by_a, i, n, old_a)
        clear(by_b, i, n, old_b)


def _turn_towards(a, b, i, n, aa, ab, u, v, scale, by_a, old):
    t = ab / aa
    left = rests_along(a, b, i, n, u, v, t) / aa
    push_aside(a, b, i, n, u, v, t, left, scale, by_a, old)
