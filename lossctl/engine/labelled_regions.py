"""How images of logits with a label per pixel are summed up and sloped (see `regions`), without one-hot targets.

One tile holds the exponentials of the scores; probabilities and targets are made of them and of the labels where they
are used.
"""

from lossctl.engine.back import apart
from lossctl.engine.labelled import exponentials
from lossctl.engine.loops import UNCOUNTED, more
from lossctl.engine.spread import leaders, load, placed, read_labels
from lossctl.engine.sums import hold, lent, nothing, room, rooms, store, tally
from lossctl.maths import select, times


def labelled(space, put_terms, add_up):
    """Return the kernel that sums over the pixels of each image and class."""

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, params, sums, presence):
        _, inner, classes, stride, step, _ = grid
        tiles = (rooms(classes, width),)
        lines = room(width), room(width), room(width), room(width), room(width), room(width), room(width)
        terms = space(width)
        (tile,) = lent(tiles)
        top, lead, rest, spare, label, keep, whole = lent(lines)
        parts = lent(terms)
        counts = UNCOUNTED
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            bad = read_labels(n, classes, target, image * inner + start, ignore, label, keep)
            load(n, grid, image, start, pred, tile)
            ahead = image * stride + start * step + n
            bad += shared(n, grid, nonfinite, tile, top, lead, rest, spare, label, keep, whole, pred, ahead)
            used = nothing()
            for k in range(n):
                used = tally(used, keep[k] == 1.0)
            for c in range(classes):
                number, row = float(c), tile[c]
                there, won = False, False
                for k in range(n):
                    q, r, y = pixel(number, row, lead, rest, label, keep, whole, k)
                    put_terms(k, q, r, y, 0.0, 0.0, params, parts)
                    there = there | (label[k] == number)
                    won = won | ((lead[k] == number) & (keep[k] == 1.0))
                cell = block * classes + c
                add_up(n, cell, parts, sums)
                presence[2 * cell] = there
                presence[2 * cell + 1] = won
            counts = more(counts, used, 0, 0, bad, 0)
        hold(tiles)
        hold(lines)
        hold(terms)
        return counts

    return kernel


def labelled_slopes(pixel_slope):
    """Return the kernel that carries the slopes by the sums back to every score, as `softmax_back` does."""

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, params, by, slopes):
        _, inner, classes, stride, step, pitch = grid
        tiles = rooms(classes, width), rooms(classes, width)
        lines = (
            room(width), room(width), room(width), room(width), room(width), room(width), room(width), room(width),
            room(width),
        )  # fmt: skip
        tile, own = lent(tiles)
        top, lead, rest, spare, label, keep, whole, others, leading = lent(lines)
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            read_labels(n, classes, target, image * inner + start, ignore, label, keep)
            load(n, grid, image, start, pred, tile)
            base = image * stride + start * step
            shared(n, grid, nonfinite, tile, top, lead, rest, spare, label, keep, whole, pred, base + n)
            for k in range(n):
                others[k] = 0.0
            for c in range(classes):
                number, row, own_c = float(c), tile[c], own[c]
                cell = image * classes + c
                for k in range(n):
                    q, r, y = pixel(number, row, lead, rest, label, keep, whole, k)
                    by_q = times(q, pixel_slope(q, r, 0.0, 0.0, y, params, by, cell)[0])
                    leads = lead[k] == number
                    own_c[k] = by_q
                    others[k] += select(leads, 0.0, by_q)
                    leading[k] = select(leads, by_q, leading[k])
            for c in range(classes):
                number, row, own_c, at = float(c), tile[c], own[c], base + c * pitch
                if step == 1:
                    for k in range(n):
                        store(
                            slopes,
                            at + k,
                            whole_slope(number, row, lead, rest, label, keep, whole, others, leading, own_c, k),
                        )
                else:
                    for k in range(n):
                        own_c[k] = whole_slope(number, row, lead, rest, label, keep, whole, others, leading, own_c, k)
            apart(n, classes, own, base, step, pitch, slopes)
        hold(tiles)
        hold(lines)

    return kernel


def shared(n, grid, nonfinite, tile, top, lead, rest, spare, label, keep, whole, pred, ahead):
    """Turn the scores of a tile into exponentials, and find what each pixel's classes share; return how many are bad.

    Of a pixel that does not count all exponentials become 0, and it has no label.
    """
    classes = grid[2]
    bad = leaders(n, classes, nonfinite, tile, top, lead, spare, keep)
    exponentials(n, grid, True, tile, top, lead, rest, pred, ahead)
    gone = False
    for k in range(n):
        off = keep[k] != 1.0
        gone = gone | off
        label[k] = select(off, -1.0, label[k])
        rest[k] = select(off, 0.0, rest[k])
        whole[k] = 1.0 / (1.0 + rest[k])
    if gone:
        for c in range(classes):
            row = tile[c]
            for k in range(n):
                row[k] = select(keep[k] == 1.0, row[k], 0.0)
    return bad


def pixel(number, row, lead, rest, label, keep, whole, k):
    """Return the probability of a class at pixel k, that of all others, and the target."""
    q = row[k] * whole[k]
    # Of a pixel that does not count both are 0.
    r = select(lead[k] == number, rest[k] * whole[k], keep[k] - q)
    return q, r, select(label[k] == number, 1.0, 0.0)


def whole_slope(number, row, lead, rest, label, keep, whole, others, leading, own, k):
    """Return the slope by the score of a class at pixel k, from what every class adds to it."""
    q, r, _ = pixel(number, row, lead, rest, label, keep, whole, k)
    beside = others[k] + select(lead[k] == number, 0.0, leading[k] - own[k])
    return times(keep[k], own[k] * r - q * beside)
