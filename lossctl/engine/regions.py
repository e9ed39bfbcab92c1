"""How images are walked: sums over the pixels of each image and class, or the part of every pixel.

As in `loops`, each factory takes the small functions of one loss and returns a kernel over the tiles lo..hi of a grid.
"""

from lossctl.engine.loops import note
from lossctl.engine.spread import likeliest, load
from lossctl.engine.sums import nothing, room, rooms, tally
from lossctl.maths import select


def regions(spread, spread_target, sums_of, logs):
    """Return the kernel that sums over the pixels of each image and class.

    Per block and class `sums_of` writes the sums that the loss asks for; `presence` gets the number of pixels with
    any target (y > 0) and of those whose largest probability this class has (for one channel: q ≥ ½). `logs` is None
    where no sum is of logarithms.
    """

    def kernel(
        lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, squared, params, sums, counts, presence
    ):
        _, inner, classes, _, _, _ = grid
        q, r, y, log_q = rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width)
        log_r = rooms(classes, width) if logs is not None else None
        keep, part = room(width), room(width)
        spare = rooms(5, width)
        per_image = (inner + width - 1) // width
        for block in range(lo, hi):
            image = block // per_image
            start = (block - image * per_image) * width
            n = min(width, inner - start)
            bad = spread_target(n, grid, image, start, target, ignore, nonfinite, 1.0, tolerances[1], y, r, keep, spare)
            load(n, grid, image, start, pred, q)
            bad += spread(n, classes, nonfinite, 1.0, tolerances[0], logs is not None, q, r, log_q, log_r, keep, spare)
            used = mark_present(n, classes, block, q, y, keep, spare, presence)
            for c in range(classes):
                drop(n, keep, q[c], r[c], y[c])
                if logs is not None:
                    drop(n, keep, log_q[c], log_r[c], y[c])
                    sums_of(n, block * classes + c, squared, params, q[c], r[c], y[c], log_q[c], log_r[c], part, sums)
                else:
                    sums_of(n, block * classes + c, squared, params, q[c], r[c], y[c], y[c], y[c], part, sums)
            note(counts, block, used, 0, 0, bad, 0)

    return kernel


def mark_present(n, classes, block, q, y, keep, spare, presence):
    """Write how many pixels of a tile each class has as a target and as its likeliest; return how many pixels count."""
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
        there, won = nothing(), nothing()
        for k in range(n):
            kept = keep[k] == 1.0
            there = tally(there, kept & (y_c[k] > 0.0))
            won = tally(won, kept & (winner[k] == number))
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


def region_slopes(spread, spread_target, pixel_slope, log_slopes, back):
    """Return the kernel that carries the slopes by the sums (`by`: per image and class) back to every pixel.

    `log_slopes` is None where no sum is of logarithms.
    """

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, squared, params, by, slopes):
        _, inner, classes, stride, step, pitch = grid
        q, r, y, log_q = rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width)
        by_q, by_log_q = rooms(classes, width), rooms(classes, width)
        if log_slopes is not None:
            log_r, by_log_r = rooms(classes, width), rooms(classes, width)
        else:
            log_r, by_log_r = None, None
        keep = room(width)
        spare = rooms(5, width)
        per_image = (inner + width - 1) // width
        for block in range(lo, hi):
            image = block // per_image
            start = (block - image * per_image) * width
            n = min(width, inner - start)
            spread_target(n, grid, image, start, target, ignore, nonfinite, 1.0, tolerances[1], y, r, keep, spare)
            load(n, grid, image, start, pred, q)
            spread(n, classes, nonfinite, 1.0, tolerances[0], log_slopes is not None, q, r, log_q, log_r, keep, spare)
            for c in range(classes):
                q_c, r_c, y_c, by_c = q[c], r[c], y[c], by_q[c]
                cell = image * classes + c
                if log_slopes is not None:
                    log_c, log_rc, by_log_c, by_rest = log_q[c], log_r[c], by_log_q[c], by_log_r[c]
                    for k in range(n):
                        by_c[k] = pixel_slope(q_c[k], r_c[k], log_c[k], log_rc[k], y_c[k], squared, params, by, cell)
                        through_q, through_rest = log_slopes(
                            q_c[k], r_c[k], log_c[k], log_rc[k], y_c[k], params, by, cell
                        )
                        by_log_c[k] = through_q
                        by_rest[k] = through_rest
                else:
                    for k in range(n):
                        by_c[k] = pixel_slope(q_c[k], r_c[k], 0.0, 0.0, y_c[k], squared, params, by, cell)
            base = image * stride + start * step
            back(n, classes, q, r, by_q, by_log_q, by_log_r, keep, base, step, pitch, spare, slopes)

    return kernel
