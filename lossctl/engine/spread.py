"""From the scores of a tile to probabilities, and from targets to the shares they give to the classes.

A tile holds n rows class by class: `tile[c][k]` is class c of row k; loops over rows are the inner ones, so that they
vectorise. Each function returns how many rows are invalid. `rows` is room for a few numbers a row; `log_r` is None
where nobody asks for ln(1 - q), `temperature` where logits are not divided.
"""

from lossctl.engine.sums import fetch, nothing, tally
from lossctl.maths import TWO_52, exp, larger, log, log1p, log1p_part, magnitude, ratio, select, smaller

INFINITY = float("inf")
# What becomes of numbers that are not finite.
ERROR, SKIP, PROPAGATE = 0, 1, 2


def bernoulli(z):
    """Return (q, r, log_q, log_r) of a logit: σ(z), σ(-z) and their logs, each with full relative precision."""
    small = exp(-magnitude(z))
    rest = log1p_part(small)
    whole = 1.0 / (1.0 + small)
    part = small * whole
    q, r = select(z >= 0.0, whole, part), select(z >= 0.0, part, whole)
    return q, r, smaller(z, 0.0) - rest, -larger(z, 0.0) - rest


def chance(q):
    """Return (q, r, log_q, log_r) of a probability."""
    return q, 1.0 - q, log(q), log1p(-q)


def sigmoid(n, classes, nonfinite, temperature, tolerance, logs, q, r, log_q, log_r, keep, rows):
    """Turn the logits in q into probabilities that do not depend on each other."""
    bad = unbounded(n, classes, nonfinite, q, keep, rows[0])
    for c in range(classes):
        q_c, r_c, log_c = q[c], r[c], log_q[c]
        for k in range(n):
            one, other, log_one, log_other = bernoulli(q_c[k])
            q_c[k] = one
            r_c[k] = other
            if logs:
                log_c[k] = log_one
            if log_r is not None:
                log_r[c][k] = log_other
    return bad


def given(n, classes, nonfinite, temperature, tolerance, logs, q, r, log_q, log_r, keep, rows):
    """Take the probabilities in q as they are."""
    bad = judged(n, classes, nonfinite, q, keep, tolerance, rows[0])
    for c in range(classes):
        q_c, r_c, log_c = q[c], r[c], log_q[c]
        for k in range(n):
            r_c[k] = 1.0 - q_c[k]
        if logs:
            for k in range(n):
                log_c[k] = log(q_c[k])
        if log_r is not None:
            for k in range(n):
                log_r[c][k] = log1p(-q_c[k])
    return bad


def normalized(n, classes, nonfinite, temperature, tolerance, logs, q, r, log_q, log_r, keep, rows):
    """Divide the probabilities in q by their sum, which the tolerance lets differ from 1."""
    bad = given(n, classes, nonfinite, temperature, tolerance, False, q, r, log_q, log_r, keep, rows)
    whole = rows[0]
    for k in range(n):
        whole[k] = 0.0
    for c in range(classes):
        q_c = q[c]
        for k in range(n):
            whole[k] += q_c[k]
    for c in range(classes):
        q_c, r_c, log_c = q[c], r[c], log_q[c]
        for k in range(n):
            share = ratio(q_c[k], whole[k])
            q_c[k] = share
            r_c[k] = 1.0 - share
            if logs:
                log_c[k] = log(share)
    return bad


def softmax(n, classes, nonfinite, temperature, tolerance, logs, q, r, log_q, log_r, keep, rows):
    """Turn the logits in q into the probabilities of rows that each sum to 1.

    The (first) largest score is left out of the sum of exponentials: 1 + rest is that sum and log1p(rest) its log, so
    that a class with almost all the probability keeps the digits of 1 - q and of ln q.
    """
    top, rest, whole, first = rows[0], rows[1], rows[2], rows[3]
    bad = leaders(n, classes, nonfinite, q, top, first, whole, keep)
    for k in range(n):
        rest[k] = 0.0
    for c in range(classes):
        q_c, log_c = q[c], log_q[c]
        number = float(c)
        for k in range(n):
            below = q_c[k] - top[k]
            if temperature is not None:
                below = below / temperature
            part = exp(below)
            if logs:
                log_c[k] = below
            q_c[k] = part
            rest[k] += select(first[k] == number, 0.0, part)
    for k in range(n):
        whole[k] = 1.0 / (1.0 + rest[k])
        top[k] = log1p(rest[k])
    for c in range(classes):
        q_c, r_c, log_c = q[c], r[c], log_q[c]
        number = float(c)
        for k in range(n):
            share = q_c[k] * whole[k]
            q_c[k] = share
            r_c[k] = select(first[k] == number, rest[k] * whole[k], 1.0 - share)
            if logs:
                log_c[k] = log_c[k] - top[k]
    if log_r is not None:
        complement(n, classes, q, log_q, log_r, first, top, rest)
    return bad


def complement(n, classes, q, log_q, log_r, first, peak, rest):
    """Fill log_r with ln(1 - q); for the likeliest class that is the log of all others' sum, which may underflow."""
    for k in range(n):
        peak[k] = -INFINITY
        rest[k] = 0.0
    for c in range(classes):
        log_c = log_q[c]
        number = float(c)
        for k in range(n):
            peak[k] = select(first[k] == number, peak[k], larger(peak[k], log_c[k]))
    for c in range(classes):
        log_c = log_q[c]
        number = float(c)
        for k in range(n):
            rest[k] += select(first[k] == number, 0.0, exp(log_c[k] - peak[k]))
    for c in range(classes):
        q_c, log_rc = q[c], log_r[c]
        number = float(c)
        for k in range(n):
            log_rc[k] = select(first[k] == number, peak[k] + log(rest[k]), log1p(-q_c[k]))


def no_target(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows):
    """Compare with nothing."""
    for k in range(n):
        keep[k] = 1.0
    return 0


def labels(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows):
    """Turn class indices into one-hot rows."""
    _, inner, classes, _, _, _ = grid
    label = rows[0]
    bad = read_labels(n, classes, target, image * inner + start, ignore, label, keep)
    for c in range(classes):
        y_c = y[c]
        number = float(c)
        for k in range(n):
            y_c[k] = select(label[k] == number, 1.0, 0.0)
    return bad


def read_labels(n, classes, target, at, ignore, label, keep):
    """Fill `label` with class indices, 0 where they are none; return how many are invalid."""
    bad = nothing()
    for k in range(n):
        one = fetch(target, at + k)
        # Only a whole number stays what it is.
        known = (one >= 0.0) & (one < classes) & ((one + TWO_52) - TWO_52 == one)
        bad = tally(bad, not (known | (one == ignore)))
        keep[k] = select(one == ignore, 0.0, 1.0)
        label[k] = select(known, one, 0.0)
    return bad


def shares(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows):
    """Take target distributions (one-hot rows, soft labels) as they are."""
    no_target(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows)
    load(n, grid, image, start, target, y)
    return judged(n, grid[2], nonfinite, y, keep, tolerance, rows[0])


def mask(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows):
    """Take the one channel of a binary mask, soft or hard, which may hold `ignore`."""
    load(n, grid, image, start, target, y)
    y_c = y[0]
    for k in range(n):
        keep[k] = select(y_c[k] == ignore, 0.0, 1.0)
    return judged(n, grid[2], nonfinite, y, keep, 0.0, rows[0])


def teacher(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows):
    """Turn a teacher's logits into the distributions they stand for."""
    no_target(n, grid, image, start, target, ignore, nonfinite, temperature, tolerance, y, spare, keep, rows)
    load(n, grid, image, start, target, y)
    return softmax(n, grid[2], nonfinite, temperature, tolerance, False, y, spare, spare, None, keep, rows)


def placed(block, inner, width):
    """Return the image of a block, which of its `inner` rows the block begins with, and how many it has."""
    per_image = (inner + width - 1) // width
    image = block // per_image
    start = (block - image * per_image) * width
    return image, start, min(width, inner - start)


def load(n, grid, image, start, scores, tile):
    """Fill a tile with n rows of scores, from row `start` of an image on."""
    _, _, classes, stride, step, pitch = grid
    for c in range(classes):
        tile_c = tile[c]
        base = image * stride + start * step + c * pitch
        if step == 1:
            for k in range(n):
                tile_c[k] = fetch(scores, base + k)
        else:
            for k in range(n):
                tile_c[k] = fetch(scores, base + k * step)


def likeliest(n, classes, q, top, first):
    """Fill `top` with the largest score of each row and `first` with the class that has it (the first, if several)."""
    q_0 = q[0]
    for k in range(n):
        top[k] = q_0[k]
        first[k] = 0.0
    for c in range(1, classes):
        q_c = q[c]
        number = float(c)
        for k in range(n):
            over = q_c[k] > top[k]
            first[k] = select(over, number, first[k])
            top[k] = select(over, q_c[k], top[k])


def leaders(n, classes, nonfinite, tile, top, lead, spoilt, keep):
    """Find the largest score of each row, and the (first) class that has it; return how many rows are not finite.

    Where those are to be skipped, none, and they are not kept.
    """
    row = tile[0]
    for k in range(n):
        top[k] = row[k]
        lead[k] = 0.0
        spoilt[k] = row[k] - row[k]
    for c in range(1, classes):
        number, row = float(c), tile[c]
        for k in range(n):
            over = row[k] > top[k]
            lead[k] = select(over, number, lead[k])
            top[k] = select(over, row[k], top[k])
            spoilt[k] += row[k] - row[k]
    bad = nothing()
    for k in range(n):
        off = (keep[k] == 1.0) & (spoilt[k] != 0.0)
        bad = tally(bad, off & (nonfinite == ERROR))
        keep[k] = select(off & (nonfinite == SKIP), 0.0, keep[k])
    return bad


def judged(n, classes, nonfinite, tile, keep, tolerance, total):
    """Return how many rows are no distributions: not finite, with an entry outside 0..1 or a sum that is not 1.

    Of those that are not finite but may be skipped, none, and they are not kept. Without a tolerance any sum will do.
    """
    weigh(n, classes, tile, total)
    limit = select(tolerance > 0.0, tolerance, INFINITY)
    strange = False
    for k in range(n):
        strange = strange | (not (magnitude(total[k] - 1.0) <= limit)) | (total[k] == INFINITY)
    bad = nothing()
    if strange:
        bad += unbounded(n, classes, nonfinite, tile, keep, total)
        weigh(n, classes, tile, total)
        for k in range(n):
            off = select(tolerance > 0.0, magnitude(total[k] - 1.0) > tolerance, total[k] == INFINITY)
            bad = tally(bad, (keep[k] == 1.0) & off)
    return bad


def weigh(n, classes, tile, total):
    """Fill `total` with the sums of rows; an entry outside 0..1 makes that of its row infinite for good."""
    for k in range(n):
        total[k] = 0.0
    for c in range(classes):
        tile_c = tile[c]
        for k in range(n):
            q = tile_c[k]
            total[k] += select((q < 0.0) | (q > 1.0), INFINITY, q)


def unbounded(n, classes, nonfinite, tile, keep, total):
    """Return how many rows hold a number that is not finite; where they are to be skipped, none, and keep them not."""
    for k in range(n):
        total[k] = 0.0
    for c in range(classes):
        tile_c = tile[c]
        for k in range(n):
            total[k] += tile_c[k] - tile_c[k]
    bad = nothing()
    for k in range(n):
        off = (keep[k] == 1.0) & (total[k] != 0.0)
        bad = tally(bad, off & (nonfinite == ERROR))
        keep[k] = select(off & (nonfinite == SKIP), 0.0, keep[k])
    return bad
