"""CSV files, gzipped or not, as float64 rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lossctl.data.chunks import chunks
from lossctl.data.columns import Wanted, choose
from lossctl.data.fast import parse_fast
from lossctl.data.origin import Origin
from lossctl.data.records import MAX_RECORD, Record, Text, next_record, records, too_long
from lossctl.data.source import Block, Source
from lossctl.data.stream import Stream
from lossctl.data.strict import parse_strict
from lossctl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BOM = b"\xef\xbb\xbf"
_CHUNK = 8 << 20
_FAST_FROM = 256 << 10


class CsvSource(Source):
    """Chosen columns of a CSV, shape (None, columns).

    Small files are read in plain Python, others with pyarrow, with the same values and errors: see
    `records` and `fast`. `chunk_bytes` and `fast_from` (bytes) decide who reads what.
    """

    dtype = "float64"
    is_text = True

    def __init__(
        self,
        origin: Origin,
        stream: Stream,
        selector: str | None,
        names: Sequence[Sequence[str]],
        width: int | None,
    ) -> None:
        """Read the header and the first row; raise DataError when there are none or no columns fit."""
        self.path = origin.path
        self.rereadable = origin.rereadable
        self.chunk_bytes = _CHUNK
        self.fast_from = _FAST_FROM
        self._origin = origin
        self.bulky = origin.size is None or origin.size > _FAST_FROM
        first, second, text = first_records(stream, origin.path)
        self._layout, header = choose(first, second, Wanted(selector, names, width), origin.path)
        if header and second is None:
            raise DataError("no rows, only a header", path=origin.path)
        begin = first.end if header else 0
        self._begin = Text(b"", 1 + text.data.count(b"\n", 0, begin), text.offset + begin, origin.path)
        self._lines_are_rows = True
        self.shape = (None, len(self._layout.chosen))
        if self._layout.names:
            self.columns = tuple(self._layout.names[place] for place in self._layout.chosen)
        origin.give_back(stream)

    def admit_nonfinite(self) -> None:
        """Read the words nan and inf as numbers; a first row that holds one still needs a header above it."""
        self._layout = self._layout._replace(nonfinite=True)

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield blocks of rows; memory holds a chunk of the text and a block."""
        start = 0
        for flat in rebatch(self._parsed(), rows * len(self._layout.chosen)):
            count = len(flat) // len(self._layout.chosen)
            yield Block(start, (count, len(self._layout.chosen)), flat)
            start += count

    def line(self, row: int) -> int | None:
        """Return the line on which a row begins; None in a pipe that has quoted newlines."""
        if not self.rereadable:
            return self._begin.line + row if self._lines_are_rows else None
        for text in self._chunks():
            if b'"' in text.data:
                for record in records(text):
                    if row == 0:
                        return record.line
                    row -= 1
                continue
            lines = text.data.count(b"\n") + (not text.data.endswith(b"\n"))
            if row < lines:
                return text.line + row
            row -= lines
        return None

    def _chunks(self) -> Iterator[Text]:
        stream = self._origin.open()
        try:
            stream.read(self._begin.offset)
            yield from chunks(stream, self.chunk_bytes, self._begin)
        finally:
            stream.close()
        self._origin.check_unchanged()

    def _parsed(self) -> Iterator[npt.NDArray[np.float64]]:
        import numpy as np

        fast = False
        for text in self._chunks():
            fast = fast or len(text.data) >= self.fast_from
            flat = parse_fast(text, self._layout) if fast else np.array(parse_strict(text, self._layout), np.float64)
            if b'"' in text.data:
                lines = text.data.count(b"\n") + (not text.data.endswith(b"\n"))
                self._lines_are_rows &= lines == len(flat) // len(self._layout.chosen)
            yield flat


def first_records(stream: Stream, path: str) -> tuple[Record, Record | None, Text]:
    """Return the first record and the next one if there is one, and text that holds both; the stream stays where it is.

    Raise DataError for an empty file, LimitError for a record that is too long.
    """
    size = 64 << 10
    while True:
        data = stream.peek(size)
        ended = len(data) < size
        skipped = len(_BOM) if data.startswith(_BOM) else 0
        text = Text(data[skipped:], 1, skipped, path)
        if ended and not text.data.strip():
            raise DataError("empty file", path=path)
        first = next_record(text, 0, 1, ended=ended)
        if first is not None:
            rest = text.data[first.end :]
            if ended and not rest.strip():
                return first, None, text
            line = 1 + text.data.count(b"\n", 0, first.end)
            second = next_record(text, first.end, line, ended=ended)
            if second is not None:
                return first, second, text
        if size > 2 * MAX_RECORD:
            raise too_long(path, 1 if first is None else 2)
        size *= 4


def rebatch(pieces: Iterator[npt.NDArray[np.float64]], size: int) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the items of flat arrays again as flat arrays of `size` items, but for the last."""
    import numpy as np

    held: list[npt.NDArray[np.float64]] = []
    count = 0
    for piece in pieces:
        at = 0
        while count + len(piece) - at >= size:
            take = size - count
            held.append(piece[at : at + take])
            yield held[0] if len(held) == 1 else np.concatenate(held)
            held, count, at = [], 0, at + take
        if at < len(piece):
            held.append(piece[at:])
            count += len(piece) - at
    if held:
        yield held[0] if len(held) == 1 else np.concatenate(held)
