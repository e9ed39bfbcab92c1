"""Large pieces of CSV text, cut where a record ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lossctl.data.records import MAX_RECORD, Text, blank_line, next_record, too_long
from lossctl.data.stream import Stream

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BLANK = b" \t\r\n"


def chunks(stream: Stream, size: int, first: Text) -> Iterator[Text]:
    """Yield the rest of a stream as texts of whole records, of about `size` bytes.

    Blank lines at the end of the file are left out. `first` holds no data, but the line and the offset at
    which the stream stands. At most MAX_RECORD bytes are held. Raise LimitError for a longer record,
    DataError for blank lines before other rows.
    """
    rest, line, offset = b"", first.line, first.offset
    blank: int | None = None
    ended = False
    while not ended:
        # One byte over the limit is enough to know, and a record that fits is never cut off by it.
        wanted = min(size, MAX_RECORD + 1 - len(rest))
        more = stream.read(wanted)
        ended = len(more) < wanted
        data = rest + more
        end = len(data) if ended else _last_end(data)
        text = Text(data, line, offset, first.path)
        if not end and len(data) > MAX_RECORD:
            next_record(text, 0, line, ended=False)
            raise too_long(first.path, line)
        rest = data[end:]
        whole = text._replace(data=data[:end] if end < len(data) else data)
        filled = _filled(whole.data)
        if filled:
            if blank is not None:
                raise blank_line(first.path, blank)
            newline = whole.data.find(b"\n", filled)
            if 0 <= newline < end - 1:
                whole = whole._replace(data=whole.data[: newline + 1])
                blank = line + whole.data.count(b"\n")
            yield whole
        elif end and blank is None:
            blank = line
        line += data.count(b"\n", 0, end)
        offset += end


def split(text: Text, size: int) -> Iterator[Text]:
    """Yield a text again as texts of whole records, of about `size` bytes or one record."""
    start, line = 0, text.line
    while start < len(text.data):
        wanted, end = size, 0
        while not end:
            piece = text.data[start : start + wanted]
            end = _last_end(piece) if start + wanted < len(text.data) else len(piece)
            wanted *= 2
        piece = piece[:end]
        yield Text(piece, line, text.offset + start, text.path)
        line += piece.count(b"\n")
        start += end


def _filled(data: bytes) -> int:
    """Return the length of the data without blanks at the end."""
    tail = data[-64:].rstrip(_BLANK)
    return max(len(data) - 64, 0) + len(tail) if tail else len(data.rstrip(_BLANK))


def _last_end(data: bytes) -> int:
    """Return the byte after the last newline outside quotes, 0 if there is none."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    import numpy as np

    codes = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(codes == ord('"'))
    if len(quotes) % 2 == 0 and (end := data.rfind(b"\n", int(quotes[-1]))) >= 0:
        return end + 1
    newlines = np.flatnonzero(codes == ord("\n"))
    outside = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def quotes_enclose_fields(codes: npt.NDArray[np.uint8]) -> bool:
    """Tell whether every quote in whole records opens a field, closes one or is half of a doubled one.

    If so, counting quotes tells what is inside, and every reader agrees on what the fields are.
    """
    import numpy as np

    quotes = np.flatnonzero(codes == ord('"'))
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    doubled = opening[1:] == closing[:-1] + 1
    before = codes[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == ord(",")) | (before == ord("\n"))
    opens[1:] |= doubled
    after = codes[np.minimum(closing + 1, len(codes) - 1)]
    closes = (closing == len(codes) - 1) | (after == ord(",")) | (after == ord("\n")) | (after == ord("\r"))
    closes[:-1] |= doubled
    return bool(opens.all() and closes.all())
