"""The rows of a batch, one for each pair, to a file by the ending of its name; and what failed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import IO, Any

from lossctl.batch.plan import Plan
from lossctl.batch.totals import Failure
from lossctl.data.output import replacing
from lossctl.loss import Loss
from lossctl.requests import Joint, losses_of
from lossctl.run.result import strict
from lossctl.show.results import Cell, text

ENDINGS = (".csv", ".jsonl", ".parquet")
# Rows of a Parquet file that are written at once.
ROWS = 4096


def write_rows(records: Iterable[dict[str, Any]], plan: Plan, path: str) -> None:
    """Write a row for each pair that has results, in order. Raises OutputError; nothing is half written."""
    writers: dict[str, Callable[[Iterator[list[Cell]], Sequence[str], Plan, IO[bytes]], None]] = {
        "csv": _csv, "jsonl": _jsonl, "parquet": _parquet,
    }  # fmt: skip
    rows = (_row(record, plan) for record in records if "error" not in record)
    with replacing(path) as file:
        writers[path.lower().rpartition(".")[2]](rows, columns(plan), plan, file)


def columns(plan: Plan) -> list[str]:
    """Return the names of the columns: losses that count different things have counts of their own."""
    counts = (
        ["count", "ignored"] if _counts_once(plan) else [f"{k}_{n}" for n in plan.names for k in ("count", "ignored")]
    )
    given = ["group"] * plan.pairing.grouped + ["weight"] * plan.pairing.weighted
    return ["id", *given, *counts, *plan.names]


def _counts_once(plan: Plan) -> bool:
    kinds = {_counted(loss) for loss in losses_of(plan.asked)}
    return len(kinds) == 1 and not (len(plan.asked) > 1 and any(isinstance(each, Joint) for each in plan.asked))


def _counted(loss: Loss) -> str:
    """Return what the items of a loss are."""
    return f"pooled {loss.name}" if loss.pooled else loss.shape


def _row(record: dict[str, Any], plan: Plan) -> list[Cell]:
    results = record["results"]
    counts = [result[kind] for result in results for kind in ("count", "ignored")]
    given = [record["group"]] if plan.pairing.grouped else []
    given += [record["weight"]] if plan.pairing.weighted else []
    values = [float(result["value"]) for result in results]
    return [record["id"], *given, *(counts[:2] if _counts_once(plan) else counts), *values]


def _csv(rows: Iterator[list[Cell]], names: Sequence[str], plan: Plan, file: IO[bytes]) -> None:
    table: Iterator[Sequence[Cell]] = chain([names], rows)
    while batch := list(islice(table, ROWS)):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(map(text, row) for row in batch)
        file.write(out.getvalue().encode())


def _jsonl(rows: Iterator[list[Cell]], names: Sequence[str], plan: Plan, file: IO[bytes]) -> None:
    for row in rows:
        cells = [strict(cell) if isinstance(cell, float) else cell for cell in row]
        line = json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False, allow_nan=False)
        file.write(line.encode() + b"\n")


def _parquet(rows: Iterator[list[Cell]], names: Sequence[str], plan: Plan, file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"id": pa.string(), "group": pa.string()}
    kinds |= {name: pa.int64() for name in names if name.startswith(("count", "ignored"))}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in names])
    with pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, ROWS)):
            cells = [list(column) for column in zip(*batch, strict=True)]
            writer.write_table(pa.table(dict(zip(names, cells, strict=True)), schema=schema))


def write_errors(failures: Sequence[Failure], path: str) -> None:
    """Write a row for each pair that failed. Raises OutputError."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Failure._fields)
    writer.writerows(failures)
    with replacing(path) as file:
        file.write(out.getvalue().encode())
