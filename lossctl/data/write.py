"""Arrays of float64 to NPY and CSV files, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from lossctl.data.output import ENDINGS, check_writable, replacing

if TYPE_CHECKING:
    from lossctl.data.source import Flat

__all__ = ["ENDINGS", "ArrayWriter", "check_writable", "replacing"]

_ARRAY_ENDINGS = (".csv", ".npy")


def npy_header(shape: Sequence[int]) -> bytes:
    """Return the header of an NPY 1.0 file of float64 in C order, padded to a multiple of 64 bytes."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("ascii")


class ArrayWriter:
    """A context that writes float64 items in C order to `path`, which appears when it ends well.

    `.npy` holds the array in `shape`; `.csv` (and pipes) one line for each index along axis 0, in the
    shortest text that reads back to the same float, under a line of `columns` if given.
    Raise OutputError where writing fails, UsageError for another ending, ValueError for a wrong number
    of items.
    """

    def __init__(self, path: str, shape: Sequence[int], columns: Sequence[str] | None = None) -> None:
        """Check that `path` can be written; nothing is created before the context is entered."""
        check_writable(path, _ARRAY_ENDINGS)
        self._path = path
        self._shape = tuple(shape)
        self._columns = columns
        self._binary = path.lower().endswith(".npy")
        self._width = 1
        for size in self._shape[1:]:
            self._width *= size
        self._missing = self._width * (self._shape[0] if self._shape else 1)
        self._line: list[str] = []
        self._context: AbstractContextManager[IO[bytes]] | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin the file with its header."""
        self._context = replacing(self._path)
        self._file = self._context.__enter__()
        try:
            if self._binary:
                self._file.write(npy_header(self._shape))
            elif self._columns is not None:
                self._file.write((",".join(map(_quoted, self._columns)) + "\n").encode())
        except BaseException as error:
            self._context.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def append(self, flat: Flat) -> None:
        """Write the next items, any number of them: a list of floats or a flat array."""
        assert self._file is not None
        self._missing -= len(flat)
        if self._missing < 0:
            raise ValueError(f"{-self._missing} items more than shape {self._shape} holds")
        if self._binary:
            import numpy as np

            self._file.write(np.ascontiguousarray(flat, "<f8").data)
            return
        numbers = flat if isinstance(flat, list) else flat.astype("<f8", copy=False).tolist()
        texts = [*self._line, *map(repr, map(float, numbers))]
        whole = len(texts) - len(texts) % self._width if self._width else 0
        lines = [",".join(texts[start : start + self._width]) for start in range(0, whole, self._width or 1)]
        self._line = texts[whole:]
        if lines:
            self._file.write(("\n".join(lines) + "\n").encode("ascii"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the file in its place, or remove it if the block failed or items are missing."""
        assert self._context is not None
        if error is None and self._missing:
            error = ValueError(f"{self._missing} items fewer than shape {self._shape} holds")
            self._context.__exit__(ValueError, error, None)
            raise error
        self._context.__exit__(kind, error, traceback)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(c in name for c in ',"\r\n') else name
