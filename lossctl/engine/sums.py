"""Sums that are the same bits for any number of threads, read size or machine.

Items are summed in blocks of fixed size at fixed offsets, inside a block as a tree of fixed shape (which is also what
a vector unit likes), and the sums of blocks exactly, by `math.fsum`. The tree of a block of items begins in pieces,
which are added up in columns of eight, so that no number goes through more than 18 additions; those of rows and
regions begin in halves of the block. Of regions, whose blocks are many, bunches of them are a tree first
(`run/bunches.py`).

Of float32 in single precision four are added as such, which costs no more digits than they have lost already, the rest
as doubles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

# Items of a block, and of a piece, of which so many numbers are left when it has been folded: few doubles, since many
# sums in the fastest cache slow down what is read. In single precision to fold further is what is slower.
BLOCK, PIECE, LEAVES = 16384, 256, 8
# A piece is first added up in so many columns, one to every so many items; in single precision in as many as are left.
COLUMNS, SINGLE = 32, 64
# What is left of a block at most, and the columns of a piece behind it.
ROOM = BLOCK // 4 + PIECE // 4
# Numbers that come from memory together: so many doubles, or twice as many float32.
LINE = 8
# Of rows of scores a block has so many numbers, and at most so many rows; of pixels of masks, so many.
TILE, WIDEST, MASK = 8192, 1024, 4096


def tile_width(classes: int) -> int:
    """Return how many rows of `classes` scores make one block: a power of two, so that tiles stay in the cache."""
    return max(16, min(WIDEST, 1 << ((TILE // classes).bit_length() - 1))) if classes < TILE else 16


def room(n):
    """Return room for n numbers; in compiled code, an array."""
    return [0.0] * n


def rooms(rows, n):
    """Return `rows` times room for n numbers; in compiled code, a two-dimensional array."""
    return [[0.0] * n for _ in range(rows)]


def fetch(values, i):
    """Return entry i as a float; in compiled code, without the check for negative i that would forbid vectorising."""
    return float(values[i])


def store(values, i, x):
    """Set entry i; in compiled code, without the check for negative i."""
    values[i] = x


def blank(values, i, n):
    """Set n entries from i on to 0; in compiled code, as the processor does it fastest."""
    for k in range(i, i + n):
        values[k] = 0.0


def expect(values, i):
    """Do nothing; in compiled code, tell the processor that entries from i on will be read soon."""


def lent(arrays):
    """Return a tuple of arrays that somebody else keeps alive; in compiled code, nobody counts who refers to them.

    Counting is an atomic operation, for each array of each call of a function that has loops of its own.
    """
    return arrays


def hold(arrays):
    """Keep arrays that were lent alive until here."""


def nothing():
    """Return a count of 0; in compiled code, of 32 bits: beside one of 64, float32 would be packed as doubles are."""
    return 0


def tally(count, holds):
    """Return a count, and 1 more where the condition holds."""
    return count + (1 if holds else 0)


def several(count, n):
    """Return a count, and n more."""
    return count + n


def lacking(condition):
    """Tell whether a condition does not hold."""
    return not condition


def called(function: Any) -> Any:
    """Mark a function with loops of its own, which gains nothing by being part of another.

    Where others are inlined, such would be compiled anew for each call.
    """
    function.called = True
    return function


def crowded(kernel: Any) -> Any:
    """Mark a kernel whose formulas fill the registers as they are: its loops are slower with more of them abreast."""
    kernel.crowded = True
    return kernel


def wide(x):
    """Return x as a double."""
    return x


def folds():
    """Return room for what is left of the pieces of a block, as doubles; in compiled code, an array."""
    return [0.0] * ROOM


def fold(numbers, folded, at):
    """Fold a piece, in columns of its own precision, and put what is left from `at` on."""
    first = BLOCK // 4 if LEAVES < COLUMNS else at
    for k in range(COLUMNS):
        column = 0.0
        for row in range(0, PIECE, COLUMNS):
            column += fetch(numbers, row + k)
        store(folded, first + k, wide(column))
    fold_columns(folded, at)


def fold_wide(numbers, folded, at):
    """Fold a piece as doubles, and put what is left from `at` on."""
    first = BLOCK // 4 if LEAVES < COLUMNS else at
    for k in range(COLUMNS):
        column = wide(0.0)
        for row in range(0, PIECE, COLUMNS):
            column += wide(fetch(numbers, row + k))
        store(folded, first + k, column)
    fold_columns(folded, at)


def fold_columns(folded, at):
    """Add four columns each, if they are more than what is to be left."""
    if LEAVES < COLUMNS:
        for k in range(BLOCK // 4, BLOCK // 4 + LEAVES):
            even = fetch(folded, k) + fetch(folded, k + 2 * LEAVES)
            odd = fetch(folded, k + LEAVES) + fetch(folded, k + 3 * LEAVES)
            store(folded, k - BLOCK // 4 + at, even + odd)


def left(n):
    """Return how many numbers are left of n that were folded."""
    return (n + PIECE - 1) // PIECE * LEAVES


def tree(buffer: Any, n: Any) -> Any:
    """Return the sum of the first n entries, which it overwrites."""
    return halved(buffer, n)


@called
def halved(buffer: Any, n: Any) -> Any:
    """Return the sum of the first n entries, which it overwrites: halves are added to each other until one is left."""
    if n == 0:
        return 0.0
    while n % 4 == 0:
        # Two halvings at once, whose middle is not stored.
        n = n // 4
        for i in range(n):
            even, odd = fetch(buffer, i) + fetch(buffer, 2 * n + i), fetch(buffer, n + i) + fetch(buffer, 3 * n + i)
            store(buffer, i, even + odd)
    while n > 1:
        half = (n + 1) // 2
        for i in range(n - half):
            store(buffer, i, fetch(buffer, i) + fetch(buffer, half + i))
        n = half
    return buffer[0]


def exact(parts: Iterable[float]) -> float:
    """Return the correctly rounded sum; infinity where a part is infinite."""
    try:
        return math.fsum(parts)
    except OverflowError:
        return math.inf
    except ValueError:  # +inf and -inf
        return math.nan


def expansion(parts: Iterable[float]) -> list[float]:
    """Return a few numbers whose exact sum is that of the parts, and which depend on nothing else.

    The first is the sum rounded, each of the others what the ones before it lack, rounded. Of parts that are not all
    finite: what they add up to.
    """
    parts = list(parts)
    found = [exact(parts)]
    if not math.isfinite(found[0]):
        return found
    while found[-1]:
        found.append(math.fsum([*parts, *(-x for x in found)]))
    return found[:-1] or [0.0]


def grow(found: list[float], x: float) -> None:
    """Add a number to an expansion, exactly."""
    kept = 0
    for y in found:
        big, small = (x, y) if abs(x) >= abs(y) else (y, x)
        high = big + small
        low = small - (high - big)
        if low:
            found[kept] = low
            kept += 1
        x = high
    found[kept:] = [x]
