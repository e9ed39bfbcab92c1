"""Results in each format that can be asked for. Every number is the shortest text that reads back to the same float."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from lossctl.errors import LossctlError, UsageError
from lossctl.run.result import Result

Cell = str | int | float


def render(results: Sequence[Result], form: str, width: int = 80, colour: bool = False) -> str:
    """Return results as text that ends in a newline. Raises UsageError for values that do not fit one table."""
    if form == "table":
        from lossctl.show.table import table

        return table(results, width, colour)
    forms: dict[str, Callable[[Sequence[Result]], str]] = {
        "plain": plain, "json": as_json, "csv": as_csv, "markdown": markdown,
    }  # fmt: skip
    return forms[form](results)


def number(x: float) -> str:
    """Return the shortest text that reads back to the same float: `1` for 1.0, `inf` for infinity."""
    return repr(float(x)).removesuffix(".0")


def text(cell: Cell) -> str:
    """Return a cell of a table as it is shown."""
    return number(cell) if isinstance(cell, float) else str(cell)


def titles(results: Sequence[Result]) -> list[str]:
    """Return what tells the results apart: names, with their parameters where one name occurs twice."""
    names = [result.loss for result in results]
    if len(set(names)) == len(names):
        return names
    return [result.signature.partition("|")[0] for result in results]


def columns(results: Sequence[Result]) -> dict[str, list[Cell]]:
    """Return the results as columns of a table: a row for each loss, or under `none` for each item.

    Raises UsageError where the losses have not the same items.
    """
    if results[0].value is not None:
        table: dict[str, list[Cell]] = {"loss": [*titles(results)], "value": [float(result) for result in results]}
        table["count"] = [result.count for result in results]
        if matching := results[0].matching:
            table |= {kind: [count] * len(results) for kind, count in matching.counts().items()}
        for kind in ("ignored", "degenerate", "absent"):
            counts = [getattr(result, kind) or 0 for result in results]
            if any(counts):
                table[kind] = [*counts]
        return table
    sizes = [len(result.values) for result in results]
    if len(set(sizes)) > 1:
        counted = ", ".join(f"{name} {size}" for name, size in zip(titles(results), sizes, strict=True))
        hint = "ask for one loss at a time, or for --format json"
        raise UsageError(f"the losses have different numbers of values: {counted}", hint=hint)
    values: dict[str, list[Cell]] = {
        name: [*map(float, result.values)] for name, result in zip(titles(results), results, strict=True)
    }
    return indices(results) | values


def indices(results: Sequence[Result]) -> dict[str, list[Cell]]:
    """Return the columns that say which item a row under `none` is: its number, or what was matched."""
    matching = results[0].matching
    if matching is None:
        return {"item": [*range(len(results[0].values))]}
    return {"pred": matching.pred.tolist(), "target": matching.target.tolist()}


def rows(table: dict[str, list[Cell]]) -> list[list[str]]:
    """Return the rows of a table as they are shown."""
    return [list(map(text, row)) for row in zip(*table.values(), strict=True)]


def plain(results: Sequence[Result]) -> str:
    """One number alone; several losses as `name<TAB>value`; under `none` a line per item."""
    table = columns(results)
    if results[0].value is None:
        for name in indices(results):
            del table[name]
        head = ["\t".join(table)] if len(results) > 1 else []
        return "".join(f"{line}\n" for line in [*head, *map("\t".join, rows(table))])
    if len(results) == 1:
        return number(float(results[0])) + "\n"
    return "".join(f"{name}\t{value}\n" for name, value, *_ in rows(table))


def as_json(results: Sequence[Result]) -> str:
    """One object of schema lossctl.result/1, in ASCII: it has to survive any terminal and any locale."""
    warnings = list(dict.fromkeys(warning for result in results for warning in result.warnings))
    document = {
        "schema": "lossctl.result/1",
        "results": [result.as_record() for result in results],
        "inputs": [vars(side) for side in results[0].inputs],
        "warnings": warnings,
    }
    return json.dumps(document, allow_nan=False) + "\n"


def as_csv(results: Sequence[Result]) -> str:
    """A header and rows."""
    table = columns(results)
    if results[0].value is not None:
        table["signature"] = [result.signature for result in results]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([list(table), *rows(table)])
    return out.getvalue()


def markdown(results: Sequence[Result]) -> str:
    """A table for a page, with the signatures below it."""
    table = columns(results)
    lines = [list(table), ["---", *["---:"] * (len(table) - 1)], *rows(table)]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return text + "\n" + "".join(f"`{result.signature}`  \n" for result in results)


def error_json(error: LossctlError) -> str:
    """An error as one object of schema lossctl.error/1."""
    told: dict[str, Any] = {field: getattr(error, field) for field in ("message", "hint", "path", "line")}
    return json.dumps({"schema": "lossctl.error/1", "error": told | {"exit": error.exit_code}}) + "\n"
