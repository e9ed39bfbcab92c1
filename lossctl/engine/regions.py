"""How images are walked: sums over the pixels of each image and class, or the part of every pixel.

As in `loops`, each factory takes the small functions of one loss and returns a kernel over the tiles lo..hi of a grid.
Masks, which have one channel, have kernels of their own, which look at each pixel once.
"""

from lossctl.engine.loops import note
from lossctl.engine.spread import ERROR, SKIP, likeliest, load
from lossctl.engine.sums import fetch, hold, lent, nothing, room, rooms, tally
from lossctl.maths import select


def mask_filler(of_score, limited):
    """Return the function that fills the rows of one channel's pixels `at`.. with q, r, y and, if asked for, logs.

    What does not count has 0 in all of them. It returns how many pixels are invalid, how many count, how many have any
    target and how many have q ≥ ½. `limited`: whether scores have to lie in 0..1.
    """

    def fill(n, at, pred, target, ignore, nonfinite, q, r, y, log_q, log_r, keep):
        bad, used, there, won = nothing(), nothing(), nothing(), nothing()
        for k in range(n):
            x, t = fetch(pred, at + k), fetch(target, at + k)
            kept = t != ignore
            endless = (x - x) + (t - t) != 0.0
            wrong = (t < 0.0) | (t > 1.0)
            if limited:
                wrong |= (x < 0.0) | (x > 1.0)
            bad = tally(bad, kept & (wrong | (endless & (nonfinite == ERROR))))
            kept &= not (endless & (nonfinite == SKIP))
            one, other, log_one, log_other = of_score(x)
            q[k] = select(kept, one, 0.0)
            r[k] = select(kept, other, 0.0)
            y[k] = select(kept, t, 0.0)
            if log_r is not None:
                log_q[k] = select(kept, log_one, 0.0)
                log_r[k] = select(kept, log_other, 0.0)
            if keep is not None:
                keep[k] = select(kept, 1.0, 0.0)
            used = tally(used, kept)
            there = tally(there, kept & (t > 0.0))
            won = tally(won, kept & (one >= 0.5))
        return bad, used, there, won

    return fill


def masks(fill, sums_of, logs):
    """Return the kernel that sums over the pixels of images of one channel; its arguments are those of `regions`."""

    def kernel(
        lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, squared, params, sums, counts, presence
    ):
        _, inner, _, _, _, _ = grid
        q, r, y, part = room(width), room(width), room(width), room(width)
        log_q = room(width) if logs is not None else None
        log_r = room(width) if logs is not None else None
        per_image = (inner + width - 1) // width
        for block in range(lo, hi):
            image = block // per_image
            start = (block - image * per_image) * width
            n = min(width, inner - start)
            bad, used, there, won = fill(
                n, image * inner + start, pred, target, ignore, nonfinite, q, r, y, log_q, log_r, None
            )
            sums_of(n, block, squared, params, q, r, y, log_q, log_r, part, sums)
            presence[2 * block] = there
            presence[2 * block + 1] = won
            note(counts, block, used, 0, 0, bad, 0)

    return kernel


def mask_slopes(fill, carry, logs, back):
    """Return the kernel that carries the slopes by the sums back to every pixel of images of one channel."""

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, squared, params, by, slopes):
        _, inner, _, _, _, _ = grid
        q, r, y, keep = rooms(1, width), rooms(1, width), room(width), room(width)
        by_q, by_log_q = rooms(1, width), rooms(1, width)
        log_q = room(width) if logs is not None else None
        log_r = room(width) if logs is not None else None
        by_log_r = rooms(1, width) if logs is not None else None
        per_image = (inner + width - 1) // width
        for block in range(lo, hi):
            image = block // per_image
            start = (block - image * per_image) * width
            n = min(width, inner - start)
            base = image * inner + start
            fill(n, base, pred, target, ignore, nonfinite, q[0], r[0], y, log_q, log_r, keep)
            if logs is not None:
                carry(n, image, q[0], r[0], log_q, log_r, y, squared, params, by, by_q[0], by_log_q[0], by_log_r[0])
            else:
                carry(n, image, q[0], r[0], None, None, y, squared, params, by, by_q[0], None, None)
            back(n, 1, q, r, by_q, by_log_q, by_log_r, keep, base, 1, 0, q, slopes)

    return kernel


def regions(spread, spread_target, sums_of, logs):
    """Return the kernel that sums over the pixels of each image and class.

    Per block and class `sums_of` writes the sums that the loss asks for; `presence` gets the number of pixels with
    any target (y > 0) and of those whose largest probability this class has. `logs` is None where no sum is of
    logarithms.
    """

    def kernel(
        lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, squared, params, sums, counts, presence
    ):
        _, inner, classes, _, _, _ = grid
        tiles = (
            rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width),
            rooms(classes if logs is not None else 0, width), rooms(5, width),
        )  # fmt: skip
        lines = room(width), room(width)
        q, r, y, log_q, others, spare = lent(tiles)
        log_r = others if logs is not None else None
        keep, part = lent(lines)
        per_image = (inner + width - 1) // width
        for block in range(lo, hi):
            image = block // per_image
            start = (block - image * per_image) * width
            n = min(width, inner - start)
            bad = spread_target(
                n, grid, image, start, target, ignore, nonfinite, None, tolerances[1], y, r, keep, spare
            )
            load(n, grid, image, start, pred, q)
            bad += spread(n, classes, nonfinite, None, tolerances[0], logs is not None, q, r, log_q, log_r, keep, spare)
            used = mark_present(n, classes, block, q, y, keep, spare, presence)
            for c in range(classes):
                drop(n, keep, q[c], r[c], y[c])
                if logs is not None:
                    drop(n, keep, log_q[c], log_r[c], y[c])
                    sums_of(n, block * classes + c, squared, params, q[c], r[c], y[c], log_q[c], log_r[c], part, sums)
                else:
                    sums_of(n, block * classes + c, squared, params, q[c], r[c], y[c], y[c], y[c], part, sums)
            note(counts, block, used, 0, 0, bad, 0)
        hold(tiles)
        hold(lines)

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


def carrier(pixel_slope, log_slopes):
    """Return the function that fills rows with the slopes of one class's pixels by q and, if asked for, by logs."""

    def carry(n, cell, q, r, log_q, log_r, y, squared, params, by, by_q, by_log_q, by_log_r):
        if log_r is not None:
            for k in range(n):
                by_q[k] = pixel_slope(q[k], r[k], log_q[k], log_r[k], y[k], squared, params, by, cell)
                through_q, through_rest = log_slopes(q[k], r[k], log_q[k], log_r[k], y[k], params, by, cell)
                by_log_q[k] = through_q
                by_log_r[k] = through_rest
        else:
            for k in range(n):
                by_q[k] = pixel_slope(q[k], r[k], 0.0, 0.0, y[k], squared, params, by, cell)

    return carry


def region_slopes(spread, spread_target, carry, logs, back):
    """Return the kernel that carries the slopes by the sums (`by`: per image and class) back to every pixel.

    `logs` is None where no sum is of logarithms.
    """

    def kernel(lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, squared, params, by, slopes):
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
        per_image = (inner + width - 1) // width
        for block in range(lo, hi):
            image = block // per_image
            start = (block - image * per_image) * width
            n = min(width, inner - start)
            spread_target(n, grid, image, start, target, ignore, nonfinite, None, tolerances[1], y, r, keep, spare)
            load(n, grid, image, start, pred, q)
            spread(n, classes, nonfinite, None, tolerances[0], logs is not None, q, r, log_q, log_r, keep, spare)
            for c in range(classes):
                cell = image * classes + c
                if logs is not None:
                    carry(
                        n, cell, q[c], r[c], log_q[c], log_r[c], y[c], squared, params, by, by_q[c], by_log_q[c],
                        by_log_r[c],
                    )  # fmt: skip
                else:
                    carry(n, cell, q[c], r[c], None, None, y[c], squared, params, by, by_q[c], None, None)
            base = image * stride + start * step
            back(n, classes, q, r, by_q, by_log_q, by_log_r, keep, base, step, pitch, spare, slopes)
        hold(tiles)
        hold(lines)

    return kernel
