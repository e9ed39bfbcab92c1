"""Sums that are the same bits for any number of threads, read size or machine.

Items are summed in blocks of fixed size at fixed offsets, inside a block as a tree of fixed shape (which is also what
a vector unit likes, and loses at most log2 of the block size in ulp), and the sums of blocks exactly, by `math.fsum`.
The tree of a block of items begins in pieces, those of rows and regions in halves of the block. Of regions, whose
blocks are many, bunches of them are a tree first (`run/bunches.py`).

Of float32 in single precision four are added as such, which costs no more digits than they have lost already, the rest
as doubles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

# Items of a block, and of a piece.
BLOCK, PIECE = 16384, 256
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


def called(function: Any) -> Any:
    """Mark a function with loops of its own, which gains nothing by being part of another.

    Where others are inlined, such would be compiled anew for each call.
    """
    function.called = True
    return function


def wide(x):
    """Return x as a double."""
    return x


def folds(n):
    """Return room for n doubles; in compiled code, an array."""
    return [0.0] * n


@called
def fold(numbers: Any, folded: Any, at: Any) -> None:
    """Add up the quarters of a piece, in their own precision, and put what is left from `at` on."""
    for k in range(PIECE // 4):
        even = fetch(numbers, k) + fetch(numbers, PIECE // 2 + k)
        odd = fetch(numbers, PIECE // 4 + k) + fetch(numbers, 3 * PIECE // 4 + k)
        store(numbers, k, even + odd)
    for k in range(PIECE // 4):
        store(folded, at + k, wide(fetch(numbers, k)))


@called
def fold_half(numbers: Any, folded: Any, at: Any) -> None:
    """Go on with a piece whose halves have been added up."""
    for k in range(PIECE // 4):
        store(numbers, k, fetch(numbers, k) + fetch(numbers, PIECE // 4 + k))
    for k in range(PIECE // 4):
        store(folded, at + k, wide(fetch(numbers, k)))


@called
def fold_wide(numbers: Any, folded: Any, at: Any) -> None:
    """Add up the quarters of a piece as `fold` does, but as doubles."""
    for k in range(PIECE // 4):
        even = wide(fetch(numbers, k)) + wide(fetch(numbers, PIECE // 2 + k))
        odd = wide(fetch(numbers, PIECE // 4 + k)) + wide(fetch(numbers, 3 * PIECE // 4 + k))
        store(folded, at + k, even + odd)


def quarter(n):
    """Return how many numbers are left of n that were folded."""
    return (n + PIECE - 1) // PIECE * (PIECE // 4)


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
    parts = list(parts)
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
