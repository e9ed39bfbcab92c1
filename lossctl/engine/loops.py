"""How data are walked: one block loop per shape of data.

Each factory takes the small functions of one loss (see `adapt`) and returns a kernel: a plain function that the engine
either calls as it is, on lists, or compiles. A kernel does the blocks lo..hi of its data and writes, block by block,

    sums      two numbers a block: Σ of the items, Σ of what they count for in the mean
    counts    COUNTS a block: items used, degenerate, infinite, invalid, and such that weigh 0 by themselves
    values    one unweighted number per item (NaN where it does not count), when asked for
    portions  what each item counts for in the mean, unweighted (0 where it does not), when asked for
    slopes    factor · weight · d item / d prediction, when asked for

Data are flat. An item whose target equals `ignore` counts nothing; no target equals NaN. `nonfinite` says what an item
with a NaN or an infinity is: invalid (ERROR), not there (SKIP) or an item like others (PROPAGATE).

Rows of scores lie on a grid: (images, inner, classes, image stride, step from row to row, pitch from class to class).
Blocks do not cross images, so that the sums of an image do not depend on its neighbours.
"""

from lossctl.engine.spread import load, placed
from lossctl.engine.sums import BLOCK, fetch, hold, lent, nothing, room, rooms, store, tally, tree
from lossctl.maths import select, times

COUNTS = 5
# So many items are worked on while those that lie so far ahead are on their way, in lines of so many doubles.
PIECE, AHEAD, LINE = 256, 1024, 8
INFINITY = float("inf")
NAN = float("nan")


def items(item, item_slope, share, suspect, invalid, degenerate, kept, coming):
    """Return the kernel of losses that compare item i of one side with item i of the other.

    What is counted is rare: the first loop only looks whether there might be any, by the cheapest test. `coming` asks
    for the numbers of an item to be read ahead; None for boxes, whose loop is slower in pieces.
    """
    piece = BLOCK if coming is None else PIECE

    def kernel(lo, hi, size, pred, target, ignore, weights, params, factor, sums, counts, values, portions, slopes):
        losses, shares = room(BLOCK), room(BLOCK)
        for block in range(lo, hi):
            start = block * BLOCK
            n = min(BLOCK, size - start)
            used, flat, endless, bad, weightless = nothing(), nothing(), nothing(), nothing(), nothing()
            strange = False
            for first in range(0, n, piece):
                last = min(first + piece, n)
                if coming is not None:
                    for k in range(first, last, LINE):
                        coming(pred, target, start + k + AHEAD)
                for k in range(first, last):
                    i = start + k
                    keep = kept(pred, target, i, ignore)
                    loss = select(keep, item(pred, target, i, params), 0.0)
                    used = tally(used, keep)
                    strange = strange | (keep & suspect(pred, target, i, params)) | (loss == INFINITY)
                    if slopes is not None:
                        scale = factor if weights is None else factor * fetch(weights, i)
                        item_slope(pred, target, i, params, select(keep, scale, 0.0), slopes)
                    # Last: whatever is read after a store is read from memory again.
                    store(losses, k, loss)
            if strange:
                for k in range(n):
                    i = start + k
                    keep = kept(pred, target, i, ignore)
                    flat = tally(flat, keep & degenerate(pred, target, i))
                    endless = tally(endless, fetch(losses, k) == INFINITY)
                    bad = tally(bad, keep & invalid(pred, target, i, params))
            if share is not None:
                for k in range(n):
                    i = start + k
                    keep, own = kept(pred, target, i, ignore), share(pred, target, i, params)
                    weightless = tally(weightless, keep & (own == 0.0))
                    store(shares, k, select(keep, own, 0.0))
            elif (weights is not None) or (portions is not None):
                for k in range(n):
                    store(shares, k, select(kept(pred, target, start + k, ignore), 1.0, 0.0))
            if portions is not None:
                for k in range(n):
                    store(portions, start + k, fetch(shares, k))
            note(counts, block, used, flat, endless, bad, weightless)
            if values is not None:
                for k in range(n):
                    keep = kept(pred, target, start + k, ignore)
                    store(values, start + k, select(keep, fetch(losses, k), NAN))
            sums[2 * block] = total(n, start, weights, losses)
            sums[2 * block + 1] = 1.0 * used
            if (share is not None) or (weights is not None):
                sums[2 * block + 1] = total(n, start, weights, shares)

    return kernel


def note(counts, block, used, flat, endless, bad, weightless):
    """Write the counts of a block."""
    counts[COUNTS * block] = used
    counts[COUNTS * block + 1] = flat
    counts[COUNTS * block + 2] = endless
    counts[COUNTS * block + 3] = bad
    counts[COUNTS * block + 4] = weightless


def total(n, start, weights, buffer):
    """Return the sum of a block's numbers, weighed; overwrites them."""
    if weights is not None:
        for k in range(n):
            store(buffer, k, times(fetch(weights, start + k), fetch(buffer, k)))
    return tree(buffer, n)


def rows(spread, spread_target, term, term_slope, share, unit, back):
    """Return the kernel of losses that add up one term per class of a row of scores."""

    def kernel(
        lo, hi, grid, width, pred, target, class_weights, ignore, nonfinite, weights, temperature, tolerances,
        params, factor, sums, counts, values, portions, slopes,
    ):  # fmt: skip
        _, inner, classes, stride, step, pitch = grid
        tiles = (
            rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width),
            rooms(classes, width), rooms(classes, width), rooms(5, width),
        )  # fmt: skip
        lines = room(width), room(width), room(width), room(width)
        q, r, log_q, y, by_q, by_log_q, spare = lent(tiles)
        losses, counted, keep, scale = lent(lines)
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            first = image * inner + start
            bad = spread_target(
                n, grid, image, start, target, ignore, nonfinite, temperature, tolerances[1], y, r, keep, spare
            )
            load(n, grid, image, start, pred, q)
            bad += spread(n, classes, nonfinite, temperature, tolerances[0], True, q, r, log_q, None, keep, spare)
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
            note(counts, block, used, 0, endless, bad, 0)
            put(n, first, block, keep, losses, counted, weights, sums, values, portions)
        hold(tiles)
        hold(lines)

    return kernel


def put(n, first, block, keep, losses, counted, weights, sums, values, portions):
    """Write what the rows of a block cost and what they count for, from item `first` on, and their sums."""
    if values is not None:
        for k in range(n):
            store(values, first + k, select(keep[k] == 1.0, losses[k], NAN))
    if portions is not None:
        for k in range(n):
            store(portions, first + k, counted[k])
    sums[2 * block] = total(n, first, weights, losses)
    sums[2 * block + 1] = total(n, first, weights, counted)
