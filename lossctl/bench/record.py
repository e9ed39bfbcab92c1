"""What was measured: a row for each cell, and the document that holds them with the machine they were taken on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lossctl.errors import DataError

SCHEMA = "lossctl.bench/1"
# What tells one cell from another: the same in two documents, their times can be compared.
AXES = (
    "loss", "data", "items", "dtype", "threads", "layout", "result", "stage", "rival", "arithmetic", "input",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One cell, measured. Times are in seconds of one call; what was not measured is None.

    `arithmetic` is what lossctl computed in: only native arithmetic of float32 data is what rivals do with them.
    `seconds`, `low` and `high` are the median of our times and its 95 % interval, `mad` and `outliers` how they
    spread, `first` the time of the first call (which compiled the kernel, if `compiled`). `ratio` is the rival's
    time over ours, the median of the rounds'. `bandwidth_share` relates the bytes read to what the same machine
    reads when it adds up a large array. `problem` says why there is no ratio.
    """

    loss: str
    data: str
    items: int
    dtype: str
    threads: int
    layout: str
    result: str
    stage: str
    rival: str
    arithmetic: str = "float64"
    input: str = ""
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    mad: float | None = None
    outliers: int | None = None
    first: float | None = None
    compiled: bool | None = None
    items_per_second: float | None = None
    gigabytes_per_second: float | None = None
    bandwidth_share: float | None = None
    rival_seconds: float | None = None
    rival_low: float | None = None
    rival_high: float | None = None
    rival_mad: float | None = None
    rival_outliers: int | None = None
    rival_first: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    rounds: int = 0
    repeats: int = 0
    peak_bytes: int | None = None
    problem: str = ""
    times: tuple[float, ...] = ()
    rival_times: tuple[float, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What tells the cell from others."""
        return tuple(getattr(self, name) for name in AXES)

    def __str__(self) -> str:
        """Name the cell in a few words."""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        told = [self.dtype, *["native"] * (self.arithmetic == "native")]
        parts = [self.loss, self.layout, *["probs"] * (self.input == "probs"), f"{self.items} items", *told, threads]
        parts += [self.result, f"vs {self.rival}"]
        return ", ".join(part for part in parts if part)


@dataclass
class Document:
    """All rows of a run, and the circumstances. `bandwidth` is in bytes a second, by number of threads."""

    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, Any]
    bandwidth: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def as_json(self) -> str:
        """Return one object of schema lossctl.bench/1, in ASCII."""
        return json.dumps({"schema": SCHEMA} | asdict(self), allow_nan=False) + "\n"


def records(document: Document) -> Iterator[dict[str, Any]]:
    """Yield the rows as flat records, without the single times."""
    for row in document.rows:
        yield {name: x for name, x in asdict(row).items() if not isinstance(x, tuple)}


def read(path: str) -> Document:
    """Read a document. Raises DataError for a file that is none, or of another schema."""
    try:
        found = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise DataError("no such file", path=path) from None
    except OSError as error:
        raise DataError((error.strerror or str(error)).lower(), path=path) from None
    except ValueError:
        raise DataError(
            "no JSON", hint="what `lossctl bench --save` or `--export FILE.json` wrote", path=path
        ) from None
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        told = f"its schema is {schema}" if schema else "it has no schema"
        raise DataError(f"{told}, expected {SCHEMA}", hint="measure anew, and save that", path=path)
    del found["schema"]
    try:
        rows = [Row(**_known(row)) for row in found.pop("rows")]
        return Document(rows=rows, **found)
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(f"not whole: {error}", hint="measure anew, and save that", path=path) from None


def _known(row: dict[str, Any]) -> dict[str, Any]:
    lists = {name: tuple(row[name]) for name in ("times", "rival_times")}
    # An axis that is younger than the file has the only level that there was.
    return {each.name: row[each.name] for each in fields(Row) if each.name in row} | lists
