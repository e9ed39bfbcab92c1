"""Slopes on their way: weighted, and added to those of other terms.

Slopes of different terms come in different passes over the data (those of a mean that has to be known first come
last). So those of each term wait in a file of their own, in memory while they are few, until all are there; then they
are added number by number in the order of the terms. Memory stays bounded, and no order of passes shows in the bits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from lossctl.errors import OutputError
from lossctl.run.sides import Sink

# Bytes that wait in memory, for each term; more wait on disk.
WAITING = 1 << 26
# Numbers that are added at once.
PIECE = 1 << 17


class Weighted:
    """Passes on a weight's multiple of slopes; nothing but zeros for a weight of 0, even of infinite slopes."""

    def __init__(self, weight: float, sink: Sink) -> None:
        """Stand before a sink."""
        self._weight, self._sink = weight, sink

    def begin(self, shape: tuple[int, ...]) -> None:
        """Pass the shape on."""
        self._sink.begin(shape)

    def append(self, flat: Any) -> None:
        """Pass the next slopes on."""
        import numpy as np

        slopes = np.asarray(flat, np.float64)
        self._sink.append(self._weight * slopes if self._weight else np.zeros(len(slopes)))


class WeightedSum:
    """What takes the slopes of each term of a sum, and hands on the slopes of the sum."""

    def __init__(self, weights: Sequence[float], sink: Sink, stack: ExitStack) -> None:
        """Make one taker for each weight; their files are gone when the stack is closed."""
        self._sink = sink
        self._waiting = [_Waiting(stack) for _ in weights]
        self.takers = [Weighted(weight, waiting) for weight, waiting in zip(weights, self._waiting, strict=True)]

    def hand_on(self) -> None:
        """Add up what has come."""
        self._sink.begin(self._waiting[0].shape)
        for first, *others in zip(*(waiting.pieces() for waiting in self._waiting), strict=True):
            total = first
            for piece in others:
                total = total + piece
            self._sink.append(total)


class _Waiting:
    """Slopes that wait until they can be added to others."""

    def __init__(self, stack: ExitStack) -> None:
        """Take memory, and a file without a name once that is not enough."""
        self._file = tempfile.SpooledTemporaryFile(WAITING)  # noqa: SIM115 - the stack closes it
        stack.enter_context(self._file)

    def begin(self, shape: tuple[int, ...]) -> None:
        """Remember the shape."""
        self.shape = shape

    def append(self, slopes: Any) -> None:
        """Keep the next slopes. Raises OutputError where the temporary folder is full."""
        try:
            self._file.write(slopes.data)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = "the gradients of the terms wait there; TMPDIR names another folder"
            raise OutputError(f"could not be written: {reason}", hint=hint, path=tempfile.gettempdir()) from error

    def pieces(self) -> Iterator[Any]:
        """Yield all slopes, some at a time."""
        import numpy as np

        self._file.seek(0)
        while piece := self._file.read(8 * PIECE):
            yield np.frombuffer(piece, np.float64)
