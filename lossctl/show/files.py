"""Results to files, by the ending of their name."""

from __future__ import annotations

from collections.abc import Sequence

from lossctl.data.output import replacing
from lossctl.run.result import Result
from lossctl.show.results import as_csv, as_json, columns, indices, listed, row_signatures

ENDINGS = (".csv", ".json", ".npy", ".parquet")


def write(results: Sequence[Result], path: str) -> None:
    """Write results; the file appears whole or not at all. Raises OutputError when it cannot be written."""
    ending = path.lower().rpartition(".")[2]
    results = results if ending == "json" else listed(results, terms=False)
    if ending == "npy":
        _npy(results, path)
        return
    content = b"" if ending == "parquet" else (as_json if ending == "json" else as_csv)(results).encode()
    with replacing(path) as file:
        if ending == "parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            table = columns(results)
            if results[0].value is not None:
                table["signature"] = row_signatures(results, table)
            pq.write_table(pa.table(table), file)
        else:
            file.write(content)


def _npy(results: Sequence[Result], path: str) -> None:
    """Write values alone: one per item (and loss), or one per loss."""
    from lossctl.data.write import ArrayWriter

    if results[0].value is not None:
        flat = [float(str(value).replace("none", "nan")) for value in columns(results)["value"]]
        shape: tuple[int, ...] = (len(flat),)
    elif len(results) == 1:
        flat = results[0].values
        shape = (len(flat),)
    else:
        values = [*columns(results).values()][len(indices(results)) :]
        flat = [float(x) for row in zip(*values, strict=True) for x in row]
        shape = (len(values[0]), len(results))
    with ArrayWriter(path, shape) as writer:
        writer.append(flat)
