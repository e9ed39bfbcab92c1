"""The rows of a batch, one for each pair, to a file by the ending of its name; and what failed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from lossctl.batch.plan import Plan
from lossctl.batch.totals import Failure
from lossctl.data.output import replacing
from lossctl.loss import Loss
from lossctl.requests import Joint, losses_of
from lossctl.show.results import Cell
from lossctl.show.sheet import write_sheet


def write_rows(records: Iterable[dict[str, Any]], plan: Plan, path: str) -> None:
    """Write a row for each pair that has results, in order. Raises OutputError; nothing is half written."""
    write_sheet((_row(record, plan) for record in records if "error" not in record), columns(plan), path)


def columns(plan: Plan) -> dict[str, type]:
    """Return the columns and what is in them: losses that count different things have counts of their own."""
    counts = (
        ["count", "ignored"] if _counts_once(plan) else [f"{k}_{n}" for n in plan.names for k in ("count", "ignored")]
    )
    found: dict[str, type] = {"id": str}
    found |= ({"group": str} if plan.pairing.grouped else {}) | ({"weight": float} if plan.pairing.weighted else {})
    return found | dict.fromkeys(counts, int) | dict.fromkeys(plan.names, float) | {"signature": str}


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
    given += [float(record["weight"])] if plan.pairing.weighted else []
    values = [float(result["value"]) for result in results]
    signature = plan.signature_of(tuple(record.get("options", {}).items()))
    return [record["id"], *given, *(counts[:2] if _counts_once(plan) else counts), *values, signature]


def write_errors(failures: Sequence[Failure], path: str) -> None:
    """Write a row for each pair that failed. Raises OutputError."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Failure._fields)
    writer.writerows(failures)
    with replacing(path) as file:
        file.write(out.getvalue().encode())
