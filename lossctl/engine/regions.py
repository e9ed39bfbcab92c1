"""How images are walked: sums over the pixels of each image and class, and their slopes carried back to every pixel.

As in `loops`, each factory takes the small functions of one loss and returns a kernel over the tiles lo..hi of a grid.
`space` makes room for the terms of a tile's pixels, `put_terms` writes those of one pixel, `add_up` their sums.
Of each class (`presence`) a kernel tells whether any pixel of a tile has it as a target (y > 0), and whether as its
likeliest. `logs` is None where no sum is of logarithms.
Masks, which have one channel, have kernels that look at each pixel once.
"""

from lossctl.engine.loops import UNCOUNTED, more
from lossctl.engine.spread import likeliest, load, placed
from lossctl.engine.sums import (
    LEAVES,
    PIECE,
    crowded,
    fetch,
    hold,
    left,
    lent,
    nothing,
    room,
    rooms,
    several,
    store,
    tally,
)
from lossctl.maths import select


def masks(of_score, suspect, invalid, kept, piece, space, put_terms, clear, fold_all, add_up):
    """Return the kernel that sums over the pixels of images of one channel; its arguments are those of `regions`.

    Tiles are worked on as blocks of items are: in pieces, by `piece` where there is one (see `items`).
    """

    @crowded
    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, params, sums, presence):
        _, inner, _, _, _, _ = grid
        terms_of_piece, folded_terms = space(width)
        parts, folded = lent(terms_of_piece), lent(folded_terms)
        counts = UNCOUNTED
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            start += image * inner
            bad, used = nothing(), nothing()
            strange, there, won = False, False, False
            for first in range(start, start + n, PIECE):
                m, at = min(PIECE, start + n - first), (first - start) // PIECE * LEAVES
                if (piece is not None) and m == PIECE:
                    odd, some, likely = piece(pred, target, first, params, folded, at)
                    strange, there, won = strange | odd, there | some, won | likely
                    used = several(used, m)
                else:
                    for k in range(m):
                        i = first + k
                        keep = kept(pred, target, i, ignore)
                        q, r, log_q, log_r = of_score(fetch(pred, i))
                        q, r, y = select(keep, q, 0.0), select(keep, r, 0.0), select(keep, fetch(target, i), 0.0)
                        log_q, log_r = select(keep, log_q, 0.0), select(keep, log_r, 0.0)
                        used = tally(used, keep)
                        strange = strange | (keep & suspect(pred, target, i, params))
                        there = there | (y > 0.0)
                        won = won | (q >= 0.5)
                        put_terms(k, q, r, y, log_q, log_r, params, parts)
                    for k in range(m, PIECE):
                        clear(k, parts)
                    fold_all(parts, folded, at)
            if strange:
                for i in range(start, start + n):
                    bad = tally(bad, kept(pred, target, i, ignore) & invalid(pred, target, i, params))
            add_up(left(n), block, folded, sums)
            presence[2 * block] = there
            presence[2 * block + 1] = won
            counts = more(counts, used, 0, 0, bad, 0)
        hold(terms_of_piece)
        hold(folded_terms)
        return counts

    return kernel


def mask_slopes(of_score, kept, pixel_slope, score_slope):
    """Return the kernel that carries the slopes by the sums back to every pixel of images of one channel."""

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, params, by, slopes):
        _, inner, _, _, _, _ = grid
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            at = image * inner + start
            for k in range(n):
                q, r, log_q, log_r = of_score(fetch(pred, at + k))
                by_q, by_log_q, by_log_r = pixel_slope(q, r, log_q, log_r, fetch(target, at + k), params, by, image)
                slope = score_slope(q, r, by_q, by_log_q, by_log_r)
                store(slopes, at + k, select(kept(pred, target, at + k, ignore), slope, 0.0))

    return kernel


def regions(spread, spread_target, space, put_terms, add_up, logs):
    """Return the kernel that sums over the pixels of each image and class."""

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, params, sums, presence):
        _, inner, classes, _, _, _ = grid
        tiles = (
            rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width),
            rooms(classes if logs is not None else 0, width), rooms(5, width),
        )  # fmt: skip
        lines = (room(width),)
        terms = space(width)
        q, r, y, log_q, others, spare = lent(tiles)
        log_r = others if logs is not None else None
        (keep,) = lent(lines)
        parts = lent(terms)
        counts = UNCOUNTED
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            bad = spread_target(
                n, grid, image, start, target, ignore, nonfinite, None, tolerances[1], y, r, keep, spare
            )
            load(n, grid, image, start, pred, q)
            bad += spread(n, classes, nonfinite, None, tolerances[0], logs is not None, q, r, log_q, log_r, keep, spare)
            used = mark_present(n, classes, block, q, y, keep, spare, presence)
            for c in range(classes):
                q_c, r_c, y_c = q[c], r[c], y[c]
                if used < n:
                    drop(n, keep, q_c, r_c, y_c)
                if logs is not None:
                    log_c, log_rc = log_q[c], log_r[c]
                    if used < n:
                        drop(n, keep, log_c, log_rc, y_c)
                    for k in range(n):
                        put_terms(k, q_c[k], r_c[k], y_c[k], log_c[k], log_rc[k], params, parts)
                else:
                    for k in range(n):
                        put_terms(k, q_c[k], r_c[k], y_c[k], 0.0, 0.0, params, parts)
                add_up(n, block * classes + c, parts, sums)
            counts = more(counts, used, 0, 0, bad, 0)
        hold(tiles)
        hold(lines)
        hold(terms)
        return counts

    return kernel


def mark_present(n, classes, block, q, y, keep, spare, presence):
    """Write which classes a tile has as a target and as the likeliest; return how many pixels count."""
    winner = spare[3]
    likeliest(n, classes, q, spare[0], winner)
    if classes == 1:
        q_0 = q[0]
        for k in range(n):
            winner[k] = select(q_0[k] >= 0.5, 0.0, -1.0)
    used = nothing()
    for k in range(n):
        used = tally(used, keep[k] == 1.0)
    for c in range(classes):
        y_c = y[c]
        number = float(c)
        there, won = False, False
        for k in range(n):
            kept = keep[k] == 1.0
            there = there | (kept & (y_c[k] > 0.0))
            won = won | (kept & (winner[k] == number))
        presence[2 * (block * classes + c)] = there
        presence[2 * (block * classes + c) + 1] = won
    return used


def drop(n, keep, a, b, c):
    """Set to 0 what does not count."""
    for k in range(n):
        kept = keep[k] == 1.0
        a[k] = select(kept, a[k], 0.0)
        b[k] = select(kept, b[k], 0.0)
        c[k] = select(kept, c[k], 0.0)


def region_slopes(spread, spread_target, pixel_slope, logs, back):
    """Return the kernel that carries the slopes by the sums (`by`: per image and class) back to every pixel."""

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, params, by, slopes):
        _, inner, classes, stride, step, pitch = grid
        more = classes if logs is not None else 0
        tiles = (
            rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width),
            rooms(classes, width), rooms(classes, width), rooms(more, width), rooms(more, width), rooms(5, width),
        )  # fmt: skip
        lines = (room(width),)
        q, r, y, log_q, by_q, by_log_q, others, by_others, spare = lent(tiles)
        log_r = others if logs is not None else None
        by_log_r = by_others if logs is not None else None
        (keep,) = lent(lines)
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            spread_target(n, grid, image, start, target, ignore, nonfinite, None, tolerances[1], y, r, keep, spare)
            load(n, grid, image, start, pred, q)
            spread(n, classes, nonfinite, None, tolerances[0], logs is not None, q, r, log_q, log_r, keep, spare)
            for c in range(classes):
                cell = image * classes + c
                q_c, r_c, y_c, by_c = q[c], r[c], y[c], by_q[c]
                if logs is not None:
                    log_c, log_rc, by_log_c, by_log_rc = log_q[c], log_r[c], by_log_q[c], by_log_r[c]
                    for k in range(n):
                        through_q, through_log, through_rest = pixel_slope(
                            q_c[k], r_c[k], log_c[k], log_rc[k], y_c[k], params, by, cell
                        )
                        by_c[k] = through_q
                        by_log_c[k] = through_log
                        by_log_rc[k] = through_rest
                else:
                    for k in range(n):
                        by_c[k] = pixel_slope(q_c[k], r_c[k], 0.0, 0.0, y_c[k], params, by, cell)[0]
            base = image * stride + start * step
            back(n, classes, q, r, by_q, by_log_q, by_log_r, keep, base, step, pitch, spare, slopes)
        hold(tiles)
        hold(lines)

    return kernel
