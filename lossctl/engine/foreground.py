"""Weights that follow from the prediction itself: how sure it is of the foreground, and of the background."""

from lossctl.engine.spread import ERROR, load, placed
from lossctl.engine.sums import room, rooms, store
from lossctl.maths import power, select


def foreground(spread):
    """Return the kernel that gives each row of scores (1 - q_fg)^exponent · q_bg.

    q_bg is the probability of class 0 and q_fg the largest of the others; of a single score q, 1 - q and q.
    """

    def kernel(lo, hi, grid, width, pred, temperature, exponent, out):
        _, inner, classes, _, _, _ = grid
        q, r, log_q = rooms(classes, width), rooms(classes, width), rooms(classes, width)
        keep, likeliest, rest = room(width), room(width), room(width)
        spare = rooms(5, width)
        for block in range(lo, hi):
            image, start, n = placed(block, inner, width)
            load(n, grid, image, start, pred, q)
            spread(n, classes, ERROR, temperature, 0.0, False, q, r, log_q, None, keep, spare)
            last = classes - 1
            for k in range(n):
                likeliest[k] = q[last][k]
                rest[k] = r[last][k]
            for c in range(1, classes):
                q_c, r_c = q[c], r[c]
                for k in range(n):
                    over = q_c[k] > likeliest[k]
                    rest[k] = select(over, r_c[k], rest[k])
                    likeliest[k] = select(over, q_c[k], likeliest[k])
            background = r[0] if classes == 1 else q[0]
            for k in range(n):
                store(out, image * inner + start + k, power(rest[k], exponent) * background[k])

    return kernel
