"""NPY files, gzipped or not, of plain numbers: read in order, never mapped, never unpickled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossctl.data.buffers import Buffers
from lossctl.data.memory import claim
from lossctl.data.npy_header import MAX_HEADER, Header, parse_header
from lossctl.data.origin import Origin
from lossctl.data.source import Block, Source
from lossctl.data.stream import Stream
from lossctl.errors import DataError, LimitError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

_PART = 64 << 20
_SHORT_STRIP = 4096


class NpySource(Source):
    """The array of an NPY file; one number alone has shape (1,).

    C order is read block by block. Fortran order with more than one dimension is read in strips, one for
    each column and about 64 MiB of rows; from a pipe, from gzip, or when strips would be short, the array is
    read whole.
    """

    def __init__(self, origin: Origin, stream: Stream) -> None:
        """Read the header; raise DataError if it is not sound or the file has not the bytes it declares."""
        self.path = origin.path
        self.rereadable = origin.rereadable
        self._origin = origin
        self.bulky = origin.size is None
        self._buffers = Buffers()
        header = parse_header(stream.peek(MAX_HEADER + 12), origin.path)
        self._header = header
        self.shape = self._shape = header.shape or (1,)
        self.dtype = _dtype_name(header)
        self._row = header.width
        for size in self._shape[1:]:
            self._row *= size
        self._bytes = header.items * header.width
        if origin.size is not None and origin.size != header.length + self._bytes:
            raise self._wrong_size(origin.size - header.length)
        origin.give_back(stream)

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield blocks as arrays of their own in native byte order; an array without items has no blocks."""
        if self._header.items and not self._in_columns:
            for place, flat in enumerate(self.pieces(rows * (self._row // self._header.width))):
                count = len(flat) * self._header.width // self._row
                yield Block(place * rows, (count, *self._shape[1:]), flat)
            return
        with self._opened() as stream:
            if self._header.items:
                yield from self._fortran_blocks(stream, rows)

    def pieces(self, size: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the items in C order, `size` at a time wherever rows end."""
        if self._in_columns:
            yield from (flat for flat in super().pieces(size) if not isinstance(flat, list))
            return
        step = size * self._header.width
        with self._opened() as stream:
            for start in range(0, self._bytes, step):
                yield self._items(self._take(stream, min(step, self._bytes - start), start))

    @property
    def _in_columns(self) -> bool:
        """Whether the items are not in the order in which they are asked for."""
        return self._header.fortran and len(self._shape) > 1

    @contextmanager
    def _opened(self) -> Iterator[Stream]:
        """Open the file at its items, and see to it that it ends with them."""
        stream = self._origin.open()
        try:
            stream.read(self._header.length)
            yield stream
            if self._origin.size is None and stream.read(1):
                raise DataError(f"bytes follow the {self._bytes} that its header declares", path=self.path)
        finally:
            stream.close()
        self._origin.check_unchanged()

    @property
    def width(self) -> int:
        """How many bytes a number has."""
        return self._header.width

    @property
    def divisible(self) -> bool:
        """Whether any stretch of the numbers can be read without those before it."""
        return self._origin.size is not None and not (self._header.fortran and len(self._shape) > 1)

    def stretch(self, lo: int, hi: int, size: int) -> Iterator[npt.NDArray[np.generic]]:
        """Yield the numbers lo to hi of a divisible array, in C order, `size` at a time."""
        width = self._header.width
        stream = self._origin.open()
        try:
            stream.seek(self._header.length + lo * width)
            for start in range(lo, hi, size):
                yield self._items(self._take(stream, (min(hi, start + size) - start) * width, start * width))
        finally:
            stream.close()
        self._origin.check_unchanged()

    def _fortran_blocks(self, stream: Stream, rows: int) -> Iterator[Block]:
        import numpy as np

        count, width = self._shape[0], self._header.width
        columns = self._row // width
        group = count
        if self._origin.size is not None:
            group = min(count, max(_PART // self._row // rows, 1) * rows)
            if group * width < _SHORT_STRIP:
                group = count
        copies = 2 if group < count or self._origin.size is not None else 3
        told = "an array in Fortran order"
        claim(copies * group * self._row, self.max_memory, told, "C order is read in pieces", self.path)
        for first in range(0, count, group):
            height = min(group, count - first)
            if height == count:
                raw = self._take(stream, self._bytes, 0)
            else:
                raw = np.empty(height * self._row, np.uint8)
                for column, strip in enumerate(raw.reshape(columns, -1)):
                    stream.seek(self._header.length + (column * count + first) * width)
                    self._fill(stream, strip)
            # The columns run backwards: the first of the trailing dimensions varies fastest.
            turned = self._items(raw).reshape(*self._shape[:0:-1], height).T
            for start in range(0, height, rows):
                part = turned[start : start + rows]
                flat = part.flatten()
                yield Block(first + start, part.shape, flat)

    def _take(self, stream: Stream, size: int, before: int) -> Bytes:
        """Return the next `size` bytes; of a pipe or gzip never more memory than twice what came in."""
        import numpy as np

        try:
            if self._origin.size is not None or size <= _PART:
                raw = self._buffers.take(size)
                self._fill(stream, raw, before)
                return raw
            parts = []
            for start in range(0, size, _PART):
                part = np.empty(min(_PART, size - start), np.uint8)
                self._fill(stream, part, before + start)
                parts.append(part)
            return np.concatenate(parts)
        except MemoryError as error:
            raise LimitError(f"not enough memory for a block of {size} bytes", path=self.path) from error

    def _fill(self, stream: Stream, raw: Bytes, before: int = 0) -> None:
        filled = stream.readinto(raw.data)
        if filled < len(raw):
            self._origin.check_unchanged()
            raise self._wrong_size(before + filled)

    def _items(self, raw: Bytes) -> npt.NDArray[np.generic]:
        import numpy as np

        if self._header.dtype.endswith("b1") and int(raw.max()) > 1:
            at = int(np.flatnonzero(raw > 1)[0])
            raise DataError(f"a bool item is {int(raw[at])}, expected 0 or 1", path=self.path)
        items = raw.view(np.dtype(self._header.dtype))
        if not items.dtype.isnative:
            items = items.byteswap(inplace=True).view(items.dtype.newbyteorder("="))
        return items

    def _wrong_size(self, have: int) -> DataError:
        message = f"expected {self._bytes} bytes of data (shape {_written(self._header.shape)}, {self.dtype})"
        hint = "the file is truncated" if have < self._bytes else "bytes follow the array"
        return DataError(f"{message}, the file has {have}", hint=hint, path=self.path)


def _dtype_name(header: Header) -> str:
    kind = {"b": "bool", "i": "int", "u": "uint", "f": "float"}[header.dtype[1]]
    return kind if kind == "bool" else f"{kind}{8 * header.width}"


def _written(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "()"
