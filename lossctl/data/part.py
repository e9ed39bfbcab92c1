"""A stretch of the numbers of an array, read as if it were all there is."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lossctl.data.npy import NpySource
from lossctl.data.source import Block, Source


class PartSource(Source):
    """The numbers lo to hi of an array, which keeps its shape: how it is to be read does not depend on the part."""

    def __init__(self, whole: NpySource, lo: int, hi: int) -> None:
        """Take a stretch of an array that is divisible; nothing is read."""
        assert whole.divisible
        self.path, self.shape, self.dtype = whole.path, whole.shape, whole.dtype
        self._whole, self._lo, self._hi = whole, lo, hi
        self._row = math.prod(n for n in whole.shape[1:] if n is not None)

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield pieces as long as that many rows, wherever the stretch begins."""
        start = self._lo
        for flat in self._whole.stretch(self._lo, self._hi, max(1, rows * self._row)):
            yield Block(start, (len(flat),), flat)
            start += len(flat)
