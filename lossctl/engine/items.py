"""The block loop of numbers, binary scores, boxes and scores to be ranked (see `loops` for what a kernel writes).

A block is worked on in pieces, which the fastest cache holds; each is folded to a few numbers.
"""

from lossctl.engine.loops import INFINITY, NAN, UNCOUNTED, more
from lossctl.engine.sums import (
    BLOCK,
    LEAVES,
    LINE,
    PIECE,
    fetch,
    fold,
    fold_wide,
    folds,
    halved,
    hold,
    left,
    lent,
    nothing,
    room,
    several,
    store,
    tally,
)
from lossctl.maths import select, times

# Numbers that lie so far ahead are told to come.
AHEAD = 1024


def items(item, item_slope, share, suspect, invalid, degenerate, kept, coming, piece):
    """Return the kernel of losses that compare item i of one side with item i of the other.

    What is counted is rare: at first it is only looked for, by the cheapest test, of infinite losses by their sum; a
    block where it is found is done once more. `coming` asks for the numbers of an item to be read ahead; None for boxes
    and in double precision, which are slower so. `piece` adds up a whole piece of which all items count (see
    `packed`); None where some may not, or the formula is more than arithmetic.
    """

    def kernel(lo, hi, size, pred, target, ignore, weights, params, factor, sums, masses, values, portions, slopes):
        rooms = room(PIECE), room(PIECE), folds(), folds()
        losses, shares, folded, shared = lent(rooms)
        counts = UNCOUNTED
        for block in range(lo, hi):
            start = block * BLOCK
            stop = min(start + BLOCK, size)
            careful, again = False, True
            while again:
                used, endless, weightless, strange = nothing(), nothing(), nothing(), False
                for first in range(start, stop, PIECE):
                    n, at = min(PIECE, stop - first), (first - start) // PIECE * LEAVES
                    alone = (weights is None) and (values is None) and (portions is None) and (slopes is None)
                    plain = (share is None) and alone and n == PIECE and not careful
                    if (piece is not None) and plain:
                        (odd,) = piece(pred, target, first, params, (folded,), at)
                        strange = strange | odd
                        used = several(used, n)
                    else:
                        if coming is not None:
                            for i in range(first, first + n, LINE):
                                coming(pred, target, i + AHEAD)
                        for k in range(n):
                            i = first + k
                            keep = kept(pred, target, i, ignore)
                            loss = select(keep, item(pred, target, i, params), 0.0)
                            used = tally(used, keep)
                            strange = strange | (keep & suspect(pred, target, i, params))
                            if slopes is not None:
                                scale = factor if weights is None else factor * fetch(weights, i)
                                item_slope(pred, target, i, params, select(keep, scale, 0.0), slopes)
                            # Last: whatever is read after a store is read from memory again.
                            store(losses, k, loss)
                        if values is not None:
                            for k in range(n):
                                keep = kept(pred, target, first + k, ignore)
                                store(values, first + k, select(keep, fetch(losses, k), NAN))
                        if (share is not None) or (weights is not None) or (portions is not None):
                            for k in range(n):
                                keep, own = kept(pred, target, first + k, ignore), 1.0
                                if share is not None:
                                    own = share(pred, target, first + k, params)
                                    weightless = tally(weightless, keep & (own == 0.0))
                                store(shares, k, select(keep, own, 0.0))
                            if portions is not None:
                                for k in range(n):
                                    store(portions, first + k, fetch(shares, k))
                            weigh(n, first, weights, shares)
                            fold_wide(shares, shared, at)
                        if (weights is not None) or careful:
                            for k in range(n):
                                endless = tally(endless, fetch(losses, k) == INFINITY)
                        weigh(n, first, weights, losses)
                        if (coming is None) or (share is not None) or (weights is not None) or careful:
                            fold_wide(losses, folded, at)
                        else:
                            fold(losses, folded, at)
                total = halved(folded, left(stop - start))
                # Some are infinite and to be counted, or four float32 have an infinite sum without being so themselves.
                again = total - total != 0.0 and not careful
                careful = again
            sums[block] = total
            if masses is not None:
                masses[block] = halved(shared, left(stop - start))
            flat, bad = nothing(), nothing()
            if strange:
                for i in range(start, stop):
                    keep = kept(pred, target, i, ignore)
                    flat = tally(flat, keep & degenerate(pred, target, i))
                    bad = tally(bad, keep & invalid(pred, target, i, params))
            counts = more(counts, used, flat, endless, bad, weightless)
        hold(rooms)
        return counts

    return kernel


def weigh(n, first, weights, numbers):
    """Multiply the numbers of a piece with their weights, and fill it up with zeros."""
    if weights is not None:
        for k in range(n):
            store(numbers, k, times(fetch(weights, first + k), fetch(numbers, k)))
    for k in range(n, PIECE):
        store(numbers, k, 0.0)
