"""How data are walked: one block loop per shape of data, of which that of items is in `items` and this one of rows.

Each factory takes the small functions of one loss (see `adapt`) and returns a kernel: a plain function that the engine
either calls as it is, on lists, or compiles. A kernel does the blocks lo..hi of its data, returns how many items it
used, and how many of them are degenerate, infinite, invalid, and weigh 0 by themselves, and writes, block by block,

    sums      one number a block: Σ of the items
    masses    one number a block: Σ of what they count for in the mean, where that is not how many they are
    values    one unweighted number per item (NaN where it does not count), when asked for
    portions  what each item counts for in the mean, unweighted (0 where it does not), when asked for
    slopes    factor · weight · d item / d prediction, when asked for

Data are flat. An item whose target equals `ignore` counts nothing; no target equals NaN. `nonfinite` says what an item
with a NaN or an infinity is: invalid (ERROR), not there (SKIP) or an item like others (PROPAGATE).

Rows of scores lie on a grid: (images, inner, classes, image stride, step from row to row, pitch from class to class).
Blocks do not cross images, so that the sums of an image do not depend on its neighbours.
"""

from lossctl.engine.spread import load, placed
from lossctl.engine.sums import fetch, hold, lent, nothing, room, rooms, store, tally, tree
from lossctl.maths import select, times

# Of items used, degenerate, infinite, invalid, weightless.
UNCOUNTED = (0, 0, 0, 0, 0)
INFINITY = float("inf")
NAN = float("nan")


def more(counts, used, flat, endless, bad, weightless):
    """Return what was counted, and the counts of a block."""
    return (counts[0] + used, counts[1] + flat, counts[2] + endless, counts[3] + bad, counts[4] + weightless)


def total(n, start, weights, buffer):
    """Return the sum of a block's numbers, weighed; overwrites them."""
    if weights is not None:
        for k in range(n):
            store(buffer, k, times(fetch(weights, start + k), fetch(buffer, k)))
    return tree(buffer, n)


def rows(spread, spread_target, term, term_slope, share, unit, back, logs):
    """Return the kernel of losses that add up one term per class of a row of scores. `logs`: terms take log_q."""

    def kernel(
        lo, hi, grid, width, pred, target, class_weights, ignore, nonfinite, weights, temperature, tolerances,
        params, factor, sums, masses, values, portions, slopes,
    ):  # fmt: skip
        _, inner, classes, stride, step, pitch = grid
        tiles = (
            rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width),
            rooms(classes, width), rooms(classes, width), rooms(5, width),
        )  # fmt: skip
        lines = room(width), room(width), room(width), room(width)
        q, r, log_q, y, by_q, by_log_q, spare = lent(tiles)
        losses, counted, keep, scale = lent(lines)
        counts = UNCOUNTED
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            first = image * inner + start
            bad = spread_target(
                n, grid, image, start, target, ignore, nonfinite, temperature, tolerances[1], y, r, keep, spare
            )
            load(n, grid, image, start, pred, q)
            bad += spread(n, classes, nonfinite, temperature, tolerances[0], logs, q, r, log_q, None, keep, spare)
            for k in range(n):
                losses[k] = 0.0
                counted[k] = unit
            for c in range(classes):
                w = class_weights[c]
                q_c, r_c, log_c, y_c = q[c], r[c], log_q[c], y[c]
                for k in range(n):
                    losses[k] += term(q_c[k], r_c[k], log_c[k], y_c[k], w, classes, params)
                if share is not None:
                    for k in range(n):
                        counted[k] += share(q_c[k], r_c[k], log_c[k], y_c[k], w, classes, params)
            used, endless = nothing(), nothing()
            for k in range(n):
                losses[k] = select(keep[k] == 1.0, losses[k], 0.0)
                counted[k] = select(keep[k] == 1.0, counted[k], 0.0)
                used = tally(used, keep[k] == 1.0)
                endless = tally(endless, losses[k] == INFINITY)
            if slopes is not None:
                for c in range(classes):
                    w = class_weights[c]
                    q_c, r_c, log_c, y_c, by_c, by_log_c = q[c], r[c], log_q[c], y[c], by_q[c], by_log_q[c]
                    for k in range(n):
                        through_q, through_log = term_slope(q_c[k], r_c[k], log_c[k], y_c[k], w, classes, params)
                        by_c[k] = through_q
                        by_log_c[k] = through_log
                for k in range(n):
                    weight = factor if weights is None else factor * fetch(weights, first + k)
                    if temperature is not None:
                        weight = weight / temperature
                    scale[k] = select(keep[k] == 1.0, weight, 0.0)
                base = image * stride + start * step
                back(n, classes, q, r, by_q, by_log_q, None, scale, base, step, pitch, spare, slopes)
            counts = more(counts, used, 0, endless, bad, 0)
            put(n, first, block, keep, losses, counted, weights, sums, masses, values, portions)
        hold(tiles)
        hold(lines)
        return counts

    return kernel


def put(n, first, block, keep, losses, counted, weights, sums, masses, values, portions):
    """Write what the rows of a block cost and what they count for, from item `first` on, and their sums."""
    if values is not None:
        for k in range(n):
            store(values, first + k, select(keep[k] == 1.0, losses[k], NAN))
    if portions is not None:
        for k in range(n):
            store(portions, first + k, counted[k])
    sums[block] = total(n, first, weights, losses)
    if masses is not None:
        masses[block] = total(n, first, weights, counted)
