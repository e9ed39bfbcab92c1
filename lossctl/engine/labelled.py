"""How rows of logits with a label are walked where only the label's class adds anything to the loss (see `loops`).

The other classes only share the probability: of them there is a sum of exponentials to be made, and nothing else.
"""

from lossctl.engine.loops import INFINITY, UNCOUNTED, more, put
from lossctl.engine.spread import leaders, load, placed, read_labels
from lossctl.engine.sums import LINE, expect, fetch, hold, lent, nothing, room, rooms, store, tally
from lossctl.maths import exp, log1p, select, times


def labelled(term, term_slope, share):
    """Return the kernel; its arguments are those of `rows`. As in `softmax`, sums leave out the likeliest class."""

    def kernel(
        lo, hi, grid, width, pred, target, class_weights, ignore, nonfinite, weights, temperature, tolerances,
        params, factor, sums, masses, values, portions, slopes,
    ):  # fmt: skip
        _, inner, classes, stride, step, pitch = grid
        tiles = (rooms(classes, width),)
        lines = (
            room(width), room(width), room(width), room(width), room(width), room(width), room(width), room(width),
            room(width), room(width), room(width), room(width), room(width), room(width),
        )  # fmt: skip
        (tile,) = lent(tiles)
        top, lead, rest, spoilt, label, keep, below, w, whole, losses, counted, scale, gain, own = lent(lines)
        counts = UNCOUNTED
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            first, base = image * inner + start, image * stride + start * step
            bad = read_labels(n, classes, target, first, ignore, label, keep)
            load(n, grid, image, start, pred, tile)
            bad += leaders(n, classes, nonfinite, tile, top, lead, spoilt, keep)
            exponentials(n, grid, slopes, tile, top, lead, rest, pred, base + n)
            for k in range(n):
                # What is found by its index is fetched apart: the loop after this one is made of packed instructions.
                place = int(label[k])
                below[k] = fetch(pred, base + k * step + place * pitch) - top[k]
                w[k] = fetch(class_weights, place)
            used, endless = nothing(), nothing()
            for k in range(n):
                kept = keep[k] == 1.0
                whole[k] = 1.0 / (1.0 + rest[k])
                q = exp(below[k]) * whole[k]
                r = select(label[k] == lead[k], rest[k] * whole[k], 1.0 - q)
                log_q = below[k] - log1p(rest[k])
                losses[k] = select(kept, term(q, r, log_q, 1.0, w[k], classes, params), 0.0)
                counted[k] = select(kept, 1.0, 0.0)
                if share is not None:
                    counted[k] = select(kept, share(q, r, log_q, 1.0, w[k], classes, params), 0.0)
                used = tally(used, kept)
                endless = tally(endless, losses[k] == INFINITY)
                if slopes is not None:
                    through_q, through_log = term_slope(q, r, log_q, 1.0, w[k], classes, params)
                    push = times(q, through_q) + through_log
                    weight = select(kept, factor if weights is None else factor * fetch(weights, first + k), 0.0)
                    scale[k] = weight
                    gain[k] = push
                    own[k] = times(weight, push * r)
            if slopes is not None:
                lay(n, classes, tile, whole, gain, scale, base, step, pitch, slopes)
                for k in range(n):
                    store(slopes, base + k * step + int(label[k]) * pitch, own[k])
            counts = more(counts, used, 0, endless, bad, 0)
            put(n, first, block, keep, losses, counted, weights, sums, masses, values, portions)
        hold(tiles)
        hold(lines)
        return counts

    return kernel


def exponentials(n, grid, kept, tile, top, lead, rest, pred, ahead):
    """Add up the exponentials of all scores but the largest; they take the scores' place, unless `kept` is None.

    ahead: where the next tile's scores of the first class are. Those of a class are too few for a processor to see by
    itself what comes next.
    """
    _, _, classes, _, step, pitch = grid
    for k in range(n):
        rest[k] = 0.0
    for c in range(classes):
        number, row = float(c), tile[c]
        if step == 1:
            for k in range(0, n, LINE):
                expect(pred, ahead + c * pitch + k)
        for k in range(n):
            part = exp(row[k] - top[k])
            if kept is not None:
                row[k] = part
            rest[k] += select(lead[k] == number, 0.0, part)


def lay(n, classes, tile, whole, gain, scale, base, step, pitch, slopes):
    """Put -scale · gain · probability of all classes into their places, as memory lies."""
    if step == 1:
        for c in range(classes):
            row, at = tile[c], base + c * pitch
            for k in range(n):
                store(slopes, at + k, times(scale[k], -(row[k] * whole[k]) * gain[k]))
    else:
        for k in range(n):
            at, part, weight, push = base + k * step, whole[k], scale[k], gain[k]
            for c in range(classes):
                store(slopes, at + c * pitch, times(weight, -(fetch(tile[c], k) * part) * push))
