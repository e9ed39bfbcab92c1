"""The strict way through CSV text: every record and every number in plain Python, every error located."""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf
from typing import NamedTuple

from lossctl.data import number
from lossctl.data.records import MAX_RECORD, Record, Text, next_record
from lossctl.errors import DataError

_PLAIN_FIELDS = 64


class Layout(NamedTuple):
    """Which of `fields` fields are read, in which order, what the columns are called, and whether nan is a number."""

    fields: int
    chosen: tuple[int, ...]
    names: tuple[str, ...] | None
    nonfinite: bool = False

    def label(self, place: int) -> str:
        """Return what messages call the column at a place from 0."""
        return f"column {number.shown(self.names[place])}" if self.names else f"column {place}"


def parse_strict(text: Text, layout: Layout) -> list[float]:
    """Return the chosen numbers of all records, row after row.

    Raise DataError or LimitError, with its line, at the first thing that is wrong.
    """
    flat: list[float] = []
    plain = _plain_row(layout)
    start, line = 0, text.line
    while start < len(text.data):
        row = plain.match(text.data, start) if plain else None
        if row is not None and row.end() - start <= MAX_RECORD:
            values = list(map(float, row.groups()))
            if inf not in values and -inf not in values:
                flat += values
                start, line = row.end(), line + 1
                continue
        record = next_record(text, start, line)
        assert record is not None
        flat += _numbers(record, layout, text.path)
        line += text.data.count(b"\n", start, record.end)
        start = record.end
    return flat


@lru_cache(maxsize=8)
def _plain_row(layout: Layout) -> re.Pattern[bytes] | None:
    """Return a pattern of rows with nothing to object to: unquoted, ASCII, numbers where they are chosen.

    Most rows are such, and one match is cheaper than a look at every field.
    """
    if layout.fields > _PLAIN_FIELDS or list(layout.chosen) != sorted(set(layout.chosen)):
        return None
    text = rb'[^",\r\n\x00\x80-\xff]*+'
    fields = [b"(" + number.PATTERN + b")" if place in layout.chosen else text for place in range(layout.fields)]
    return re.compile(b",".join(fields) + rb"(?:\r?\n|\Z)")


def _numbers(record: Record, layout: Layout, path: str) -> list[float]:
    if len(record.fields) != layout.fields:
        raise ragged(record, layout, path)
    values = []
    for place in layout.chosen:
        value = number.parse(record.fields[place], layout.nonfinite)
        if value is None:
            message, hint = number.complaint(record.fields[place])
            message = f"{layout.label(place)}: {message}"
            raise DataError(message, hint=hint, path=path, line=record.line)
        values.append(value)
    return values


def ragged(record: Record, layout: Layout, path: str) -> DataError:
    """Return the error for a record with too few or too many fields."""
    count = len(record.fields)
    whole = b",".join(record.fields).decode("utf-8", "backslashreplace")
    hint = "a row lost a column, or the delimiter is not ','"
    if count > layout.fields:
        hint = "a row has a comma too many, perhaps a decimal comma"
    if delimiter := number.other_delimiter(whole):
        hint = f"the delimiter looks like {delimiter}; only ',' is read"
    fields = "field" if count == 1 else "fields"
    return DataError(f"{count} {fields}, expected {layout.fields}", hint=hint, path=path, line=record.line)
