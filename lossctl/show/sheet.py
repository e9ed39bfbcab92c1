"""Rows under named columns, to a .csv, .jsonl or .parquet by the ending of the file's name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import IO

from lossctl.data.output import replacing
from lossctl.run.result import strict
from lossctl.show.results import Cell, text

# Rows of a Parquet file that are written at once.
ROWS = 4096

Row = list[Cell]
Columns = Mapping[str, type]


def write_sheet(rows: Iterable[Row], columns: Columns, path: str) -> None:
    """Write rows of text, whole numbers or floats, as each column says. Raises OutputError; nothing is half written."""
    writers: dict[str, Callable[[Iterator[Row], Columns, IO[bytes]], None]] = {
        "csv": _csv, "jsonl": _jsonl, "parquet": _parquet,
    }  # fmt: skip
    with replacing(path) as file:
        writers[path.lower().rpartition(".")[2]](iter(rows), columns, file)


def _csv(rows: Iterator[Row], columns: Columns, file: IO[bytes]) -> None:
    table: Iterator[Row] = chain([[*columns]], rows)
    while batch := list(islice(table, ROWS)):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(map(text, row) for row in batch)
        file.write(out.getvalue().encode())


def _jsonl(rows: Iterator[Row], columns: Columns, file: IO[bytes]) -> None:
    for row in rows:
        cells = [strict(cell) if isinstance(cell, float) else cell for cell in row]
        line = json.dumps(dict(zip(columns, cells, strict=True)), ensure_ascii=False, allow_nan=False)
        file.write(line.encode() + b"\n")


def _parquet(rows: Iterator[Row], columns: Columns, file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, ROWS)):
            cells = [list(column) for column in zip(*batch, strict=True)]
            writer.write_table(pa.table(dict(zip(columns, cells, strict=True)), schema=schema))
