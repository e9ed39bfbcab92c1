"""How whole images are walked: every pixel's probability and target first, then its part of the loss, then its slope.

A plane holds one number per pixel, class by class, image by image. What the parts depend on beside their own pixel (the
order of all errors, the distance from a boundary) is found between the kernels.
"""

from lossctl.engine.loops import UNCOUNTED, more
from lossctl.engine.regions import mark_present
from lossctl.engine.spread import likeliest, load, placed
from lossctl.engine.sums import BLOCK, fetch, room, rooms, store
from lossctl.maths import ratio, times


def planes(spread, spread_target):
    """Return the kernel that fills planes with logits (if asked for), q, r, y, and `kept` with which pixels count."""

    def kernel(
        lo, hi, grid, width, pred, target, ignore, nonfinite, tolerances, z_out, q_out, r_out, y_out, kept,
        presence,
    ):  # fmt: skip
        _, inner, classes, _, _, _ = grid
        q, r, y, log_q = rooms(classes, width), rooms(classes, width), rooms(classes, width), rooms(classes, width)
        keep = room(width)
        spare = rooms(5, width)
        counts = UNCOUNTED
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            bad = spread_target(
                n, grid, image, start, target, ignore, nonfinite, None, tolerances[1], y, r, keep, spare
            )
            load(n, grid, image, start, pred, q)
            if z_out is not None:
                lay(n, classes, inner, image, start, q, z_out)
            bad += spread(n, classes, nonfinite, None, tolerances[0], False, q, r, log_q, None, keep, spare)
            used = mark_present(n, classes, block, q, y, keep, spare, presence)
            lay(n, classes, inner, image, start, q, q_out)
            lay(n, classes, inner, image, start, r, r_out)
            lay(n, classes, inner, image, start, y, y_out)
            for k in range(n):
                store(kept, image * inner + start + k, keep[k])
            counts = more(counts, used, 0, 0, bad, 0)
        return counts

    return kernel


def lay(n, classes, inner, image, start, tile, plane):
    """Put a tile into its place in a plane."""
    for c in range(classes):
        tile_c = tile[c]
        base = (image * classes + c) * inner + start
        for k in range(n):
            store(plane, base + k, tile_c[k])


def lift(n, classes, inner, image, start, plane, tile):
    """Take a tile out of a plane."""
    for c in range(classes):
        tile_c = tile[c]
        base = (image * classes + c) * inner + start
        for k in range(n):
            tile_c[k] = fetch(plane, base + k)


def parts(item):
    """Return the kernel that computes the part of each of `size` pixels."""

    def kernel(lo, hi, size, z, q, r, y, from_pred, from_target, params, out):
        for i in range(lo * BLOCK, min(hi * BLOCK, size)):
            store(out, i, item(z, q, r, y, from_pred, from_target, i, params))

    return kernel


def part_slopes(item_slope):
    """Return the kernel that computes gain times the slope of each pixel's part."""

    def kernel(lo, hi, size, z, q, r, y, from_pred, from_target, params, gain, out):
        for i in range(lo * BLOCK, min(hi * BLOCK, size)):
            by = item_slope(z, q, r, y, from_pred, from_target, i, params)
            store(out, i, times(fetch(gain, i), by))

    return kernel


def planes_back(back):
    """Return the kernel that carries a plane of slopes back to the predictions."""

    def kernel(lo, hi, grid, width, q_plane, r_plane, by_plane, slopes):
        _, inner, classes, stride, step, pitch = grid
        q, r, by_q, by_log_q = (
            rooms(classes, width),
            rooms(classes, width),
            rooms(classes, width),
            rooms(classes, width),
        )
        scale = room(width)
        spare = rooms(5, width)
        for k in range(width):
            scale[k] = 1.0
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            lift(n, classes, inner, image, start, q_plane, q)
            lift(n, classes, inner, image, start, r_plane, r)
            lift(n, classes, inner, image, start, by_plane, by_q)
            likeliest(n, classes, q, spare[0], spare[3])
            base = image * stride + start * step
            back(n, classes, q, r, by_q, by_log_q, None, scale, base, step, pitch, spare, slopes)

    return kernel


def logit_back(n, classes, q, r, by_z, by_log_q, by_log_r, scale, base, step, pitch, spare, slopes):
    """Write slopes that are by the logits themselves."""
    for c in range(classes):
        by_c = by_z[c]
        at = base + c * pitch
        for k in range(n):
            store(slopes, at + k * step, times(scale[k], by_c[k]))


def growth(left, before, hits, misses):
    """Return how much the Jaccard loss 1 - (T - hits so far) / (T + misses so far) grows by more hits and misses.

    `left` is T - hits so far, `before` T + misses so far. Nothing is subtracted, so nothing cancels; without any target
    the first miss makes the loss 1.
    """
    after = before + misses
    if before == 0.0:
        return 1.0
    return ratio(hits, after) + ratio(left * misses, before * after)


def falling(errors, hits, size, total):
    """Return Σ error · growth over pixels in order of falling error; equal errors share what they add together.

    errors: in rising order. hits: the target of each. total: T, the sum of all targets.
    """
    found, lost, seen, missed = 0.0, 0.0, 0.0, 0.0
    i = size - 1
    while i >= 0:
        error = fetch(errors, i)
        hit, miss = 0.0, 0.0
        while i >= 0 and fetch(errors, i) == error:
            hit += fetch(hits, i)
            miss += 1.0 - fetch(hits, i)
            i -= 1
        # Kahan's sum: there may be millions of parts.
        part = error * growth(total - seen, total + missed, hit, miss) - lost
        more = found + part
        lost = (more - found) - part
        found = more
        seen += hit
        missed += miss
    return found


def gains(errors, hits, size, total, out):
    """Fill `out` with the slope of that sum by each error: among equal ones the mean of being the first and the last.

    An error of 0 cannot fall: there it is the slope of being the first.
    """
    seen, missed = 0.0, 0.0
    i = size - 1
    while i >= 0:
        error = fetch(errors, i)
        end = i
        hit, miss = 0.0, 0.0
        while i >= 0 and fetch(errors, i) == error:
            hit += fetch(hits, i)
            miss += 1.0 - fetch(hits, i)
            i -= 1
        for k in range(i + 1, end + 1):
            y = fetch(hits, k)
            first = growth(total - seen, total + missed, y, 1.0 - y)
            last = growth(total - seen - (hit - y), total + missed + (miss - (1.0 - y)), y, 1.0 - y)
            store(out, k, first if error == 0.0 else 0.5 * (first + last))
        seen += hit
        missed += miss
