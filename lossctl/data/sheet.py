"""A table of text and numbers, a million rows in about a second: pyarrow, where it is sure to agree with `table`.

Whatever pyarrow refuses is read again row by row, which says what is wrong with which line.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lossctl.data import number
from lossctl.data.fast import same_for_all
from lossctl.data.origin import locate
from lossctl.data.table import read_table
from lossctl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PIECE = 16 << 20


class Sheet(NamedTuple):
    """Columns of text and of numbers, by their names, and the line of each row. A number may be infinite or NaN."""

    texts: dict[str, list[str]]
    numbers: dict[str, npt.NDArray[np.float64]]
    lines: Sequence[int]


def read_sheet(path: str, texts: Sequence[str], numbers: Sequence[str], blank: Sequence[str] = ()) -> Sheet:
    """Return the columns; fields of the `blank` ones may be empty.

    Raises UsageError for another ending, DataError for what is malformed, lacks a column or has no number in a row.
    """
    return _fast(path, texts, numbers, blank) or _strict(path, texts, numbers, blank)


def _fast(path: str, texts: Sequence[str], numbers: Sequence[str], blank: Sequence[str]) -> Sheet | None:
    ending = Path(path).suffix.lower()
    if ending not in (".csv", ".parquet"):
        return None
    import pyarrow as pa

    try:
        table = _csv(_whole(path), texts, numbers) if ending == ".csv" else _parquet(path, texts, numbers)
        if table is None or not table.num_rows:
            return None
        found = {name: _labels(table.column(name)) for name in texts}
    except (pa.ArrowException, OSError, UnicodeError):
        return None
    if any("" in found[name] for name in texts if name not in blank):
        return None
    first = 2 if ending == ".csv" else 1
    given = {name: table.column(name).to_numpy() for name in numbers}
    return Sheet(found, given, range(first, first + table.num_rows))


def _labels(column: Any) -> list[str]:
    """Return the texts of a column, those that are the same as one object."""
    known: dict[str, str] = {}
    texts = (text.strip(" \t") for chunk in column.chunks for text in chunk.to_pylist())
    return [known.setdefault(text, text) for text in texts]


def _whole(path: str) -> bytes:
    """Return all bytes of a file, unpacked."""
    origin, _ = locate(path)
    stream = origin.open()
    pieces = []
    try:
        while piece := stream.read(_PIECE):
            pieces.append(piece)
    finally:
        stream.close()
    origin.check_unchanged()
    return b"".join(pieces)


def _csv(data: bytes, texts: Sequence[str], numbers: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    if not same_for_all(data):
        return None
    kinds = dict.fromkeys(texts, pa.string()) | dict.fromkeys(numbers, pa.float64())
    table = csv.read_csv(
        pa.py_buffer(data),
        parse_options=csv.ParseOptions(newlines_in_values=b'"' in data, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=kinds, include_columns=list(kinds), null_values=[], strings_can_be_null=False
        ),
    )
    # An infinity may be a number that overflows.
    sums = (pc.sum(table.column(name)).as_py() for name in numbers)
    return table if all(x is not None and isfinite(x) for x in sums) else None


def _parquet(path: str, texts: Sequence[str], numbers: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=[*texts, *numbers])
    kinds = dict.fromkeys(texts, pa.string()) | dict.fromkeys(numbers, pa.float64())
    table = table.select(list(kinds)).cast(pa.schema(list(kinds.items())))
    return None if any(column.null_count for column in table.columns) else table


def _strict(path: str, texts: Sequence[str], numbers: Sequence[str], blank: Sequence[str]) -> Sheet:
    import numpy as np

    table = read_table(path, [*texts, *numbers], [], blank)
    columns = list(zip(*table.rows, strict=True))
    safe = number.shown(path, 4096)
    found = {}
    for name, column in zip(texts, columns, strict=False):
        for line, text in zip(table.lines, column, strict=True):
            if not text and name not in blank:
                raise DataError(f"column {number.shown(name)}: no label", path=safe, line=line)
        found[name] = [text or "" for text in column]
    given = {}
    for name, column in zip(numbers, columns[len(texts) :], strict=True):
        values = np.empty(len(column))
        for place, (line, text) in enumerate(zip(table.lines, column, strict=True)):
            field = (text or "").encode()
            value = number.parse(field, nonfinite=True)
            if value is None:
                message, hint = number.complaint(field)
                raise DataError(f"column {number.shown(name)}: {message}", hint=hint, path=safe, line=line)
            values[place] = value
        given[name] = values
    return Sheet(found, given, table.lines)
