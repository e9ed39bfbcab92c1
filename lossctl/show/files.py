"""Results to files, by the ending of their name."""

from __future__ import annotations

from collections.abc import Sequence

from lossctl.data.output import replacing
from lossctl.errors import UsageError
from lossctl.run.result import Result
from lossctl.show.results import as_csv, as_json, cells

ENDINGS = (".csv", ".json", ".npy", ".parquet")


def write(results: Sequence[Result], path: str) -> None:
    """Write results; the file appears whole or not at all. Raises OutputError when it cannot be written."""
    ending = path.lower().rpartition(".")[2]
    if ending == "npy":
        _npy(results, path)
        return
    with replacing(path) as file:
        if ending == "json":
            file.write(as_json(results).encode())
        elif ending == "parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            head, rows = cells(results)
            columns = [list(column) for column in zip(*rows, strict=True)]
            typed = [
                list(map(float, c)) if h not in ("loss", "item") else c for h, c in zip(head, columns, strict=True)
            ]
            pq.write_table(pa.table(dict(zip(head, typed, strict=True))), file)
        else:
            file.write(as_csv(results).encode())


def _npy(results: Sequence[Result], path: str) -> None:
    """Write values alone: one per item (and loss), or one per loss."""
    from lossctl.data.write import ArrayWriter

    if results[0].value is not None:
        flat = [float(result) for result in results]
        shape: tuple[int, ...] = (len(flat),)
    elif len(results) == 1:
        flat = results[0].values
        shape = (len(flat),)
    else:
        if len({len(result.values) for result in results}) > 1:
            raise UsageError("the losses have different numbers of items", hint="write one loss at a time")
        flat = [float(x) for row in zip(*(result.values for result in results), strict=True) for x in row]
        shape = (len(results[0].values), len(results))
    with ArrayWriter(path, shape) as writer:
        writer.append(flat)
