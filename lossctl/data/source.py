"""What a source of numbers is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Flat = list[float] | npt.NDArray[np.generic]


class Block(NamedTuple):
    """Consecutive rows of a source.

    `start` is the index of the first row along axis 0 and `shape[0]` the number of rows. `flat` holds the
    items in C order: 1-D, contiguous, native byte order, in the file's own dtype (CSV is float64, inline
    numbers are a list of floats). A block is never written to again, so it may be kept or handed to a thread.
    """

    start: int
    shape: tuple[int, ...]
    flat: Flat


class Source(ABC):
    """Rows of numbers that are read in blocks.

    `path` is what errors show. `shape` is known before reading, but for a first entry of None where only
    reading tells. `columns` are the names of the chosen columns of a CSV with a header. `rereadable` says
    whether `blocks` may be called again. `max_memory` is how many bytes may be held where a block does not do; None for
    a share of what is free. `bulky`: reading takes so long that two of them are better read side by side.
    """

    path: str
    shape: tuple[int | None, ...]
    dtype: str
    columns: tuple[str, ...] | None = None
    is_text: bool = False
    rereadable: bool = True
    max_memory: int | None = None
    bulky: bool = False

    @abstractmethod
    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield blocks of exactly `rows` rows, but for the last; each call reads the file again.

        Raise DataError for malformed, truncated or changed data, LimitError where a part is too large.
        """

    def pieces(self, size: int) -> Iterator[Flat]:
        """Yield all items flat and in order, about `size` at a time: of long rows fewer than a row, if that can be."""
        row = math.prod(n for n in self.shape[1:] if n is not None)
        for block in self.blocks(max(1, size // max(1, row))):
            yield block.flat

    def admit_nonfinite(self) -> None:  # noqa: B027 - only text has something to do
        """Read the words nan and inf as numbers from now on, where numbers are text."""

    def line(self, row: int) -> int | None:
        """Return the physical line (from 1) on which `row` begins, or None where there are no lines."""
        del row
        return None
