"""Columns of a small table as text: of a CSV, of JSON lines, or of a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lossctl.data.csv import first_records
from lossctl.data.number import shown
from lossctl.data.origin import Origin, locate
from lossctl.data.remote import is_url, told
from lossctl.errors import DataError, UsageError

ENDINGS = (".csv", ".jsonl", ".parquet")


class Table(NamedTuple):
    """Rows of text, one for each column asked for (None where a column is not there), and the line of each row."""

    rows: list[tuple[str | None, ...]]
    lines: Sequence[int]


def read_table(path: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    """Return the required columns and then the optional ones.

    Raises UsageError for another ending, DataError for what is malformed or lacks a column.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{shown(path, 200)}: unknown ending, expected one of {', '.join(ENDINGS)}")
    if is_url(path) and ending != ".csv":
        raise UsageError(f"{told(path)}: a manifest of a store is a .csv")
    origin, _ = locate(path)
    read = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[ending]
    table = read(origin, path, required, optional)
    if not table.rows:
        raise DataError("no rows", path=origin.path)
    return table


def _lacking(names: Sequence[str], required: Sequence[str], path: str, line: int | None = None) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        told = f"no column {' and '.join(missing)}"
        raise DataError(told, hint=f"there are {', '.join(names[:20]) or 'none'}", path=path, line=line)


def _csv(origin: Origin, path: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    from lossctl.data.labels import read_rows

    stream = origin.open()
    try:
        first, second, _ = first_records(stream, origin.path)
    finally:
        stream.close()
    names = [field.decode().strip() for field in first.fields]
    _lacking(names, required, origin.path, line=first.line)
    if second is None:
        raise DataError("no rows, only a header", path=origin.path)
    chosen = [name for name in (*required, *optional) if name in names]
    read = read_rows(f"{path}::{','.join(chosen)}")
    places = [chosen.index(name) if name in chosen else None for name in (*required, *optional)]
    rows: list[tuple[str | None, ...]] = [tuple(None if p is None else row[p] for p in places) for row in read]
    return Table(rows, range(first.line + 1, first.line + 1 + len(rows)))


def _jsonl(origin: Origin, path: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    rows, lines = [], []
    with Path(path).open("rb") as file:
        for line, text in enumerate(file, 1):
            if text.strip():
                record = _object(text, origin.path, line)
                _lacking([*record], required, origin.path, line)
                rows.append(tuple(_text(record.get(n), n, origin.path, line) for n in (*required, *optional)))
                lines.append(line)
    return Table(rows, lines)


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
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise DataError(f"{name} is no text", path=path, line=line)


def _parquet(origin: Origin, path: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        _lacking(names, required, origin.path)
        chosen = [name for name in (*required, *optional) if name in names]
        columns = pq.read_table(path, columns=chosen).to_pydict()
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError("no Parquet file that can be read", path=origin.path) from None
    count = len(columns[required[0]])
    given = [columns.get(name, [None] * count) for name in (*required, *optional)]
    named = list(zip((*required, *optional), given, strict=True))
    rows = [tuple(_text(column[i], name, origin.path, i + 1) for name, column in named) for i in range(count)]
    return Table(rows, range(1, count + 1))
