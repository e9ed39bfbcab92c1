"""Columns of a small table as text: of a CSV, of JSON lines, or of a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lossctl.data.csv import first_records
from lossctl.data.labels import below, rows_below
from lossctl.data.number import other_delimiter, shown
from lossctl.data.origin import Origin, locate
from lossctl.data.records import Record, Text
from lossctl.data.remote import is_url, told
from lossctl.data.sniff import refuse_others
from lossctl.data.strict import Layout
from lossctl.errors import DataError, UsageError

ENDINGS = (".csv", ".jsonl", ".parquet")
_HEAD = 1024


class Table(NamedTuple):
    """Rows of text, one for each column asked for (None where a column is not there), and the line of each row."""

    rows: list[tuple[str | None, ...]]
    lines: Sequence[int]


def read_table(path: str, required: Sequence[str], optional: Sequence[str], blank: Collection[str] = ()) -> Table:
    """Return the required columns and then the optional ones; fields of the `blank` ones may be empty.

    Raises UsageError for another ending, DataError for what is malformed or lacks a column.
    """
    ending = _ending(path)
    if is_url(path) and ending != ".csv":
        raise UsageError(f"{told(path)}: a manifest of a store is a .csv")
    origin, _ = locate(path)
    if ending == ".csv":
        table = _csv(origin, required, optional, blank)
    else:
        table = (_jsonl if ending == ".jsonl" else _parquet)(origin, path, required, optional)
    if not table.rows:
        raise DataError("no rows", path=origin.path)
    return table


def columns_of(path: str) -> list[str]:
    """Return the names of all columns. Raises as `read_table` does."""
    ending = _ending(path)
    origin, _ = locate(path)
    if ending == ".csv":
        return _header(origin)[0]
    if ending == ".parquet":
        return [str(name) for name in _schema(path, origin.path)]
    names: dict[str, None] = {}
    for _, record in _objects(path, origin.path):
        names |= dict.fromkeys(record)
    return [*names]


def _ending(path: str) -> str:
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{shown(path, 200)}: unknown ending, expected one of {', '.join(ENDINGS)}")
    return ending


def _lacking(names: Sequence[str], required: Sequence[str], path: str, line: int | None = None) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        told = f"no column {' and '.join(missing)}"
        delimiter = other_delimiter(names[0]) if len(names) == 1 else None
        hint = f"the delimiter looks like {delimiter}; only ',' is read" if delimiter else None
        hint = hint or f"there are {shown(', '.join(names[:20]), 400) or 'none'}"
        raise DataError(told, hint=hint, path=path, line=line)


def _header(origin: Origin) -> tuple[list[str], Record, Record | None, Text]:
    """Return the names of a CSV's columns, its first records and the text they are from."""
    stream = origin.open()
    try:
        refuse_others(stream.peek(_HEAD), origin.path)
        first, second, text = first_records(stream, origin.path)
    finally:
        stream.close()
    return [field.decode().strip() for field in first.fields], first, second, text


def _csv(origin: Origin, required: Sequence[str], optional: Sequence[str], blank: Collection[str]) -> Table:
    names, first, second, text = _header(origin)
    _lacking(names, required, origin.path, line=first.line)
    asked = (*required, *optional)
    twice = next((name for name in asked if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"duplicate column name '{shown(twice)}'", path=origin.path, line=first.line)
    if second is None:
        raise DataError("no rows, only a header", path=origin.path)
    chosen = [name for name in asked if name in names]
    layout = Layout(len(names), tuple(map(names.index, chosen)), tuple(names))
    read = rows_below(origin, layout, below(text, first.end), blank)
    if len(chosen) == len(asked):
        return Table([*read], range(first.line + 1, first.line + 1 + len(read)))
    places = [chosen.index(name) if name in chosen else None for name in asked]
    rows: list[tuple[str | None, ...]] = [tuple(None if p is None else row[p] for p in places) for row in read]
    return Table(rows, range(first.line + 1, first.line + 1 + len(rows)))


def _jsonl(origin: Origin, path: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    rows, lines = [], []
    for line, record in _objects(path, origin.path):
        _lacking([*record], required, origin.path, line)
        rows.append(tuple(_text(record.get(n), n, origin.path, line) for n in (*required, *optional)))
        lines.append(line)
    return Table(rows, lines)


def _objects(path: str, safe: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with Path(path).open("rb") as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                yield line, _object(text, safe, line)


def _object(text: bytes, path: str, line: int) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise DataError(f"no JSON: {reason}", path=path, line=line) from None
    if not isinstance(record, dict):
        raise DataError("expected a JSON object", path=path, line=line)
    return record


def _text(value: Any, name: str, path: str, line: int) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    raise DataError(f"{name} is no text", path=path, line=line)


def _schema(path: str, safe: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError):
        raise DataError("no Parquet file that can be read", path=safe) from None


def _parquet(origin: Origin, path: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = _schema(path, origin.path)
    _lacking(names, required, origin.path)
    chosen = [name for name in (*required, *optional) if name in names]
    try:
        columns = pq.read_table(path, columns=chosen).to_pydict()
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        # Text that is no UTF-8 is a ValueError, a date of no calendar as well.
        raise DataError("no Parquet file that can be read", path=origin.path) from None
    count = len(columns[required[0]])
    given = [columns.get(name, [None] * count) for name in (*required, *optional)]
    named = list(zip((*required, *optional), given, strict=True))
    rows = [tuple(_text(column[i], name, origin.path, i + 1) for name, column in named) for i in range(count)]
    return Table(rows, range(1, count + 1))
