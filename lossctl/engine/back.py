"""From derivatives by probabilities back to what was predicted: logits or probabilities of a tile.

`by_q`, `by_log_q` and `by_log_r` are the derivatives by q, ln q and ln(1 - q), class by class; `by_log_r` is None where
nothing depends on it. Row k of class c goes to slopes[base + k * step + c * pitch], times scale[k].
"""

from lossctl.engine.sums import fetch, store
from lossctl.maths import ratio, select, times


def sigmoid_slope(q, r, by_q, by_log_q, by_log_r):
    """Return d loss / d logit of a probability that stands alone."""
    return (by_q * q + by_log_q) * r - by_log_r * q


def given_slope(q, r, by_q, by_log_q, by_log_r):
    """Return d loss / d probability."""
    return (by_q - ratio(by_log_r, r)) + ratio(by_log_q, q)


def softmax_back(n, classes, q, r, by_q, by_log_q, by_log_r, scale, base, step, pitch, spare, slopes):
    """Write scale · d loss / d logit of rows that sum to 1.

    Each class needs the sum over the others. The likeliest class is kept apart, as `softmax` kept it apart (and left
    its number in spare[3]): its share would swallow the digits of all others.
    """
    rest, lead, rest_log, first, lead_log = spare[0], spare[1], spare[2], spare[3], spare[4]
    if by_log_r is not None:
        through_rest(n, classes, r, by_q, by_log_r)
    for k in range(n):
        rest[k] = 0.0
        rest_log[k] = 0.0
    for c in range(classes):
        q_c, by_c, by_log_c = q[c], by_q[c], by_log_q[c]
        number = float(c)
        for k in range(n):
            leads = first[k] == number
            own = times(q_c[k], by_c[k])
            by_c[k] = own
            rest[k] += select(leads, 0.0, own)
            lead[k] = select(leads, own, lead[k])
            rest_log[k] += select(leads, 0.0, by_log_c[k])
            lead_log[k] = select(leads, by_log_c[k], lead_log[k])
    for c in range(classes):
        q_c, r_c, own_c, by_log_c = q[c], r[c], by_q[c], by_log_q[c]
        number = float(c)
        for k in range(n):
            leads = first[k] == number
            others = rest[k] + select(leads, 0.0, lead[k] - own_c[k])
            others_log = rest_log[k] + select(leads, 0.0, lead_log[k] - by_log_c[k])
            slope = (own_c[k] + by_log_c[k]) * r_c[k] - q_c[k] * (others + others_log)
            own_c[k] = times(scale[k], slope)
        together(n, own_c, base + c * pitch, step, slopes)
    apart(n, classes, by_q, base, step, pitch, slopes)


def given_back(n, classes, q, r, by_q, by_log_q, by_log_r, scale, base, step, pitch, spare, slopes):
    """Write scale · d loss / d probability."""
    if by_log_r is not None:
        through_rest(n, classes, r, by_q, by_log_r)
    for c in range(classes):
        q_c, by_c, by_log_c = q[c], by_q[c], by_log_q[c]
        for k in range(n):
            by_c[k] = times(scale[k], by_c[k] + ratio(by_log_c[k], q_c[k]))
        together(n, by_c, base + c * pitch, step, slopes)
    apart(n, classes, by_q, base, step, pitch, slopes)


def sigmoid_back(n, classes, q, r, by_q, by_log_q, by_log_r, scale, base, step, pitch, spare, slopes):
    """Write scale · d loss / d logit of probabilities that do not depend on each other."""
    for c in range(classes):
        q_c, r_c, by_c, by_log_c = q[c], r[c], by_q[c], by_log_q[c]
        for k in range(n):
            by_c[k] = times(scale[k], (by_c[k] * q_c[k] + by_log_c[k]) * r_c[k])
        if by_log_r is not None:
            by_rest = by_log_r[c]
            for k in range(n):
                by_c[k] -= times(scale[k], by_rest[k] * q_c[k])
        together(n, by_c, base + c * pitch, step, slopes)
    apart(n, classes, by_q, base, step, pitch, slopes)


def together(n, row, at, step, slopes):
    """Put the slopes of one class into their place, where they lie side by side there."""
    if step == 1:
        for k in range(n):
            store(slopes, at + k, fetch(row, k))


def apart(n, classes, tile, base, step, pitch, slopes):
    """Put the slopes of all classes into their places, where those of one class do not lie side by side.

    Row by row, so that each line of memory is touched once.
    """
    if step != 1:
        for k in range(n):
            at = base + k * step
            for c in range(classes):
                store(slopes, at + c * pitch, fetch(tile[c], k))


def through_rest(n, classes, r, by_q, by_log_r):
    """Add to the derivatives by q those that go through ln(1 - q)."""
    for c in range(classes):
        r_c, by_c, by_rest = r[c], by_q[c], by_log_r[c]
        for k in range(n):
            by_c[k] -= ratio(by_rest[k], r_c[k])
