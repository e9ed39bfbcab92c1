"""The sides of a comparison, prediction, target and weights, as flat streams that can be cut anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lossctl.data.memory import claim
from lossctl.data.source import Block, Source
from lossctl.errors import DataError
from lossctl.loss import BOX_WIDTHS
from lossctl.run.result import Input

if TYPE_CHECKING:
    import numpy.typing as npt

    Flat = list[float] | npt.NDArray[Any]

# Numbers that are read at once of what is kept.
PIECE = 1 << 20


class ArraySource(Source):
    """An array in memory, read like a file."""

    def __init__(self, array: Any, role: str) -> None:
        """Take anything numpy can make an array of; raise DataError for what is not numbers."""
        import numpy as np

        try:
            self._array = np.asarray(array)
        except (ValueError, TypeError) as error:
            raise DataError(f"{role} is no array: {error}") from None
        if self._array.dtype.kind not in "fiub":
            raise DataError(f"{role} has dtype {self._array.dtype}", hint="numbers are expected")
        self.path = role
        self._array = self._array.reshape(self._array.shape or (1,))
        self.shape = self._array.shape
        self.dtype = str(self._array.dtype)

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield views of the array (copies where it is not contiguous)."""
        import numpy as np

        for start in range(0, len(self._array), rows):
            part = np.ascontiguousarray(self._array[start : start + rows])
            yield Block(start, part.shape, part.reshape(-1))

    def pieces(self, size: int) -> Iterator[Flat]:
        """Yield views of the array, wherever rows end, if it is contiguous."""
        if not self._array.flags.c_contiguous:
            yield from super().pieces(size)
            return
        flat = self._array.reshape(-1)
        for start in range(0, len(flat), size):
            yield flat[start : start + size]


class Whole(Source):
    """A stream that can be read once, kept in memory because it is needed twice."""

    def __init__(self, source: Source) -> None:
        """Read everything. Raises LimitError where that is too much."""
        self.path, self.dtype, self.columns, self.is_text = (
            source.path,
            source.dtype,
            source.columns,
            source.is_text,
        )
        told, hint = "what can be read only once, but is needed twice,", "a file can be read again"
        self._pieces: list[Flat] = []
        known = 0 if None in source.shape else math.prod(n for n in source.shape if n is not None)
        count = 0
        for piece in source.pieces(PIECE):
            count += len(piece)
            claim(max(count, known) * _width(source), source.max_memory, told, hint, source.path)
            self._pieces.append(piece)
        self._row = math.prod(n for n in source.shape[1:] if n is not None)
        self.shape = (count // max(1, self._row), *source.shape[1:])

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield everything at once."""
        if self._pieces:
            yield Block(0, tuple(map(int, filter(None, self.shape))), joined(self._pieces))

    def pieces(self, size: int) -> Iterator[Flat]:
        """Yield what was read, in the pieces it was read in."""
        yield from self._pieces


def _width(source: Source) -> int:
    """Return the bytes of a number as it is read; of text those of a float."""
    bits = source.dtype.lstrip("bolfatuin")
    return int(bits) // 8 if bits.isdecimal() else 1


class Side:
    """A source, the role it plays and its shape: a single column or a single row of text is a plain row of numbers."""

    def __init__(self, source: Source, role: str) -> None:
        """Look at the shape; nothing is read."""
        self.source = source
        self.role = role
        self.per_row = math.prod(n for n in source.shape[1:] if n is not None)
        self.rows = 0

    def shape(self, loss_shape: str) -> tuple[int | None, ...]:
        """Return the shape as a loss of that shape sees it."""
        shape = self.source.shape
        is_text = self.source.is_text
        wants_rows = loss_shape in BOX_WIDTHS or (loss_shape == "classes" and self.role == "pred")
        wants_rows |= loss_shape == "embeddings" and self.role != "y"
        if wants_rows:
            return (1, *shape) if len(shape) == 1 else shape
        if is_text and len(shape) == 2 and shape[1] == 1:
            return shape[:1]
        # Beside class scores a row is read as it stands: labels, or the distribution of one row of scores.
        if is_text and len(shape) == 2 and shape[0] == 1 and loss_shape not in ("regions", "classes"):
            return shape[1:]
        return shape

    def flat(self, size: int) -> Iterator[Flat]:
        """Yield the numbers in flat pieces of exactly `size`, but for the last; counts the rows on the way."""
        self.rows = 0
        held: list[Flat] = []
        count = seen = 0
        for piece in self.source.pieces(size):
            seen += len(piece)
            self.rows = seen // max(1, self.per_row)
            rest = canonical(piece, self.role)
            while count + len(rest) >= size:
                cut = size - count
                yield joined([*held, rest[:cut]])
                held, count, rest = [], 0, rest[cut:]
            if len(rest):
                held.append(rest)
                count += len(rest)
                if count > PIECE:
                    # Here the whole is asked for, whose size only its end tells.
                    hint = "a file of arrays (NPY) tells its size"
                    claim(16 * count, self.source.max_memory, f"so far the {self.role}", hint, self.source.path)
        if count:
            yield joined(held)

    def described(self) -> Input:
        """Return what was read, once it has been."""
        shape = self.source.shape
        return Input(
            self.role,
            self.source.path,
            tuple(self.rows if n is None else n for n in shape),
            self.source.dtype,
        )

    def fault(self, message: str, hint: str | None, row: int | None = None, joint: str = ": ") -> DataError:
        """Return an error about this side: under its path, and its line if text, or else under its role."""
        path = self.source.path
        if path == self.role:
            return DataError(f"{path}{joint}{message}", hint=hint)
        return DataError(message, hint=hint, path=path, line=None if row is None else self.source.line(row))


class Sink(Protocol):
    """What takes a gradient: first its shape, then its numbers, flat and in order."""

    def begin(self, shape: tuple[int, ...]) -> None:
        """Get ready for that many numbers."""

    def append(self, flat: Any) -> None:
        """Take the next numbers: a list of floats or a float64 array."""


class Sides(NamedTuple):
    """What is read: prediction, target, weights, and the other predictions of a loss of several sides."""

    pred: Side
    target: Side | None
    weights: Side | None
    more: tuple[Side, ...] = ()

    def __iter__(self) -> Iterator[Side]:
        """Yield the sides there are."""
        return (side for side in (*self.preds, self.target, self.weights) if side is not None)

    @property
    def preds(self) -> tuple[Side, ...]:
        """All predictions."""
        return (self.pred, *self.more)

    @property
    def compared(self) -> tuple[Side, ...]:
        """All that the loss compares."""
        return self.preds if self.target is None else (*self.preds, self.target)

    def gradient_shape(self) -> Any:
        """Return the shape of the prediction, of several a tuple of shapes; known once they have been read."""
        shapes = tuple(side.described().shape for side in self.preds)
        return shapes if self.more else shapes[0]


def canonical(flat: Flat, role: str) -> Flat:
    """Return numbers in one of the few types that kernels are compiled for; every conversion is exact."""
    if isinstance(flat, list):
        return flat
    if not flat.dtype.isnative:
        flat = flat.astype(flat.dtype.newbyteorder("="))
    if flat.dtype.char in "fd":
        return flat
    import numpy as np

    if role == "target" and flat.dtype.kind in "bui":
        return flat.view(np.uint8) if flat.dtype.itemsize == 1 and flat.dtype.kind != "i" else flat.astype(np.int64)
    return flat.astype(np.float32 if flat.dtype == np.float16 else np.float64)


def joined(parts: Sequence[Flat]) -> Flat:
    """Return pieces as one."""
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, list) for part in parts):
        return [x for part in parts for x in part]
    import numpy as np

    return np.concatenate([np.asarray(part) for part in parts])
