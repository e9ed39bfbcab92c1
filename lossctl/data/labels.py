"""Columns of text: what tells groups of rows apart, such as the image a box is in or its class.

The file is a CSV under the same strict grammar as any other; a label is the text of a field, spaces around it left out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

from lossctl.data import number
from lossctl.data.chunks import chunks
from lossctl.data.columns import places
from lossctl.data.csv import first_records
from lossctl.data.npy_header import MAGIC
from lossctl.data.origin import Origin, locate
from lossctl.data.records import Record, Text, records
from lossctl.data.sniff import refuse_others
from lossctl.data.strict import Layout, ragged
from lossctl.errors import DataError, UsageError

_HEAD = 1024
_CHUNK = 8 << 20


def read_labels(text: str, stdin: BinaryIO | None = None) -> list[str]:
    """Return one label for each row of `path::column`, where `path` may be `-`.

    A column chosen by its name has a header; above one chosen by its position a first row is a header if some column
    has a word in it and a number below. Raise UsageError where no column or several are chosen, DataError for a file
    that is malformed, has no such column or no text in a row.
    """
    rows = read_rows(text, stdin)
    if len(rows[0]) != 1:
        raise UsageError(f"'{number.shown(text, 200)}': {len(rows[0])} columns of labels", hint="choose one column")
    return [row[0] for row in rows]


def read_rows(text: str, stdin: BinaryIO | None = None) -> list[tuple[str, ...]]:
    """Return, for each row of `path::column,column`, its labels. Raise as `read_labels` does."""
    origin, selector = locate(text, stdin)
    if selector is None:
        raise UsageError(f"'{number.shown(text, 200)}': labels of which column?", hint="choose: path::column")
    layout, begin = _layout(origin, selector)
    return rows_below(origin, layout, begin)


def rows_below(origin: Origin, layout: Layout, begin: Text, blank: Collection[str] = ()) -> list[tuple[str, ...]]:
    """Return the labels of the chosen columns, row for row from `begin` on; of the `blank` columns they may be empty.

    Raise DataError for a file that is malformed, or has no text where there has to be some.
    """
    full, lenient = _Labels(), _Labels({b"": ""})
    known = [lenient if layout.names and layout.names[place] in blank else full for place in layout.chosen]
    rows: list[tuple[str, ...]] = []
    stream = origin.open()
    try:
        stream.read(begin.offset)
        for piece in chunks(stream, _CHUNK, begin):
            rows += _plain(piece, layout, known) or _strict(piece, layout, known)
    finally:
        stream.close()
    origin.check_unchanged()
    return rows


def _layout(origin: Origin, selector: str) -> tuple[Layout, Text]:
    """Return which columns are read, and where the rows begin."""
    stream = origin.open()
    try:
        head = stream.peek(_HEAD)
        if head.startswith(MAGIC):
            raise DataError("an NPY file has no columns of labels", hint="labels are read from CSV", path=origin.path)
        refuse_others(head, origin.path)
        first, second, text = first_records(stream, origin.path)
        names = [field.decode().strip() for field in first.fields]
        chosen, header = _select(selector, first, second, names, origin.path)
        if header and second is None:
            raise DataError("no rows, only a header", path=origin.path)
    except BaseException:
        stream.close()
        raise
    origin.give_back(stream)
    layout = Layout(len(names), chosen, tuple(names) if header else None)
    return layout, below(text, first.end if header else 0)


def below(text: Text, start: int) -> Text:
    """Return where the rows begin, of a file whose first bytes are `text`."""
    return Text(b"", 1 + text.data.count(b"\n", 0, start), text.offset + start, text.path)


def _select(
    selector: str, first: Record, second: Record | None, names: list[str], path: str
) -> tuple[tuple[int, ...], bool]:
    """Return the chosen places, and whether the first record is a header."""
    parts = [end.strip() for part in selector.split(",") for end in part.split("..")]
    named = not all(map(number.is_number, first.fields))
    if not named or all(_is_place(part) and part not in names for part in parts):
        below = second.fields if second is not None else []
        pairs = zip(first.fields, below, strict=False)
        header = any(number.is_number(low) and not number.resembles_number(high) for high, low in pairs)
        return places(selector, None, len(names), path), header
    for part in parts:
        if _is_place(part) and part in names:
            hint = "count positions from the end, as in -1, to choose them whatever the first row is"
            raise DataError(f"'{part}' is a position, and is in the first row", hint=hint, path=path, line=first.line)
    return places(selector, names, len(names), path), True


def _is_place(part: str) -> bool:
    return part.removeprefix("-").isdecimal() and part.isascii()


class _Labels(dict[bytes, str]):
    """The label of every field that was seen, the same object each time."""

    def __missing__(self, field: bytes) -> str:
        """Return the label of another field. Raise ValueError for none, unless there is one for the empty field."""
        label = field.decode().strip(" \t") or self.get(b"")
        if label is None:
            raise ValueError
        self[field] = label
        return label


def _plain(piece: Text, layout: Layout, known: list[_Labels]) -> list[tuple[str, ...]] | None:
    """Return the rows of text in which there is nothing to look at twice; None for any other, which may be wrong."""
    data = piece.data.replace(b"\r\n", b"\n").removesuffix(b"\n")
    if any(odd in data for odd in (b'"', b"\r", b"\0")):
        return None
    rows = []
    chosen = list(zip(layout.chosen, known, strict=True))
    try:
        data.decode()
        for line in data.split(b"\n"):
            fields = line.split(b",")
            if len(fields) != layout.fields:
                return None
            rows.append(tuple([labels[fields[place]] for place, labels in chosen]))
    except ValueError:
        return None
    return rows


def _strict(piece: Text, layout: Layout, known: list[_Labels]) -> list[tuple[str, ...]]:
    """Return the rows of any text; raise DataError or LimitError, with its line, at the first thing that is wrong."""
    rows = []
    for record in records(piece):
        if len(record.fields) != layout.fields:
            raise ragged(record, layout, piece.path)
        chosen = zip(layout.chosen, known, strict=True)
        rows.append(tuple(_label(record, place, layout, labels, piece.path) for place, labels in chosen))
    return rows


def _label(record: Record, place: int, layout: Layout, known: _Labels, path: str) -> str:
    try:
        return known[record.fields[place]]
    except ValueError:
        message = f"{layout.label(place)}: no label"
        raise DataError(message, hint="the field is empty", path=path, line=record.line) from None
