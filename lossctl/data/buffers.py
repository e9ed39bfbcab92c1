"""Memory for blocks, lent out and lent again: the first touch of fresh memory costs more than filling it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

# Less is not worth keeping, and neither are more than a block that is read, one that is computed and one between.
WORTH, SPARE = 1 << 20, 3


class Buffers:
    """Arrays of bytes whose memory is used again once neither they nor any view of them are left."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._spare: list[Bytes] = []

    def take(self, size: int) -> Bytes:
        """Return that many bytes, with anything in them. Raises MemoryError."""
        import numpy as np

        if size < WORTH:
            return np.empty(size, np.uint8)
        memory = self._spare.pop() if self._spare else None
        if memory is None or len(memory) < size:
            memory = np.empty(size, np.uint8)
        # Not a view of the array, so views of it hold it and not the memory: it goes when the last of them goes.
        lent = np.frombuffer(memory.data, np.uint8, size)
        weakref.finalize(lent, self._give_back, memory).atexit = False
        return lent

    def _give_back(self, memory: Bytes) -> None:
        if len(self._spare) < SPARE:
            self._spare.append(memory)
