"""Results in each format that can be asked for. Every number is the shortest text that reads back to the same float."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lossctl.errors import LossctlError, UsageError
from lossctl.requests import summed
from lossctl.run.result import Group, Result, Total, strict

Cell = str | int | float | None


def render(results: Sequence[Result], form: str, width: int = 80, colour: bool = False) -> str:
    """Return results as text that ends in a newline. Raises UsageError for values that do not fit one table.

    People see the terms of a sum beside it; programs get the sum alone, or all in JSON.
    """
    if form != "json":
        results = listed(results, terms=form in ("table", "markdown"))
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


def listed(results: Sequence[Result], terms: bool) -> list[Result]:
    """Return the rows of a table: a recipe's terms before their total, and with `terms` those of every sum."""
    rows: list[Result] = []
    for result in results:
        if isinstance(result, Total):
            rows += result.terms
        elif terms and result.value is not None:
            rows += [replace(term, name=f"  {term.name}") for term in result.terms]
        rows.append(result)
    return rows


def text(cell: Cell) -> str:
    """Return a cell of a table as it is shown."""
    if cell is None:
        return ""
    return number(cell) if isinstance(cell, float) else str(cell)


def titles(results: Sequence[Result]) -> list[str]:
    """Return what tells the results apart: names, with their parameters where one name occurs twice."""
    unnamed = [result.loss for result in results if not result.name]
    unique = len(set(unnamed)) == len(unnamed)
    return [result.name or (result.loss if unique else _spelled(result)) for result in results]


def _spelled(result: Result) -> str:
    """Return a loss, or a sum, with its parameters."""
    if result.terms:
        return summed((term.weight or 0.0, _spelled(term)) for term in result.terms)
    return result.signature.partition("|")[0]


def signatures(results: Sequence[Result]) -> list[str]:
    """Return what stands below a table: each signature once; those of terms are part of their sum's."""
    return list(dict.fromkeys(result.signature for result in results if result.weight is None))


def columns(results: Sequence[Result]) -> dict[str, list[Cell]]:
    """Return the results as columns of a table: a row for each loss, or under `none` for each item.

    Raises UsageError where the losses have not the same items.
    """
    if any(result.groups for result in results):
        return _grouped(results)
    if results[0].value is not None:
        weighed = any(result.weight is not None for result in results)
        table: dict[str, list[Cell]] = {"term" if isinstance(results[-1], Total) else "loss": [*titles(results)]}
        table |= {"weight": [result.weight for result in results]} if weighed else {}
        table["value"] = [float(result) for result in results]
        table |= {"weighted": [result.weighted for result in results]} if weighed else {}
        table["count"] = [result.count for result in results]
        if matching := results[0].matching:
            table |= {kind: [count] * len(results) for kind, count in matching.counts().items()}
        for kind in ("ignored", "degenerate", "absent"):
            counts = [None if isinstance(result, Total) else getattr(result, kind) or 0 for result in results]
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


TOTAL = "total"


def _grouped(results: Sequence[Result]) -> dict[str, list[Cell]]:
    """Return a row for each group of each loss, and the loss's total below them."""
    table: dict[str, list[Cell]] = {"loss": [], "group": [], "value": [], "count": [], "ignored": [], "absent": []}
    for title, result in zip(titles(results), results, strict=True):
        total = Group(TOTAL, float(result), result.count, result.ignored, result.absent)
        for group in (*result.groups, total):
            value: Cell = "none" if group.value is None else group.value
            cells = (title, group.label, value, group.count, group.ignored, group.absent or 0)
            for column, cell in zip(table.values(), cells, strict=True):
                column.append(cell)
    return {name: column for name, column in table.items() if name not in ("ignored", "absent") or any(column)}


def rows(table: dict[str, list[Cell]]) -> list[list[str]]:
    """Return the rows of a table as they are shown."""
    return [list(map(text, row)) for row in zip(*table.values(), strict=True)]


def plain(results: Sequence[Result]) -> str:
    """One number alone; several losses or terms as `name<TAB>value`; under `none` a line per item."""
    table = columns(results)
    if results[0].value is None:
        for name in indices(results):
            del table[name]
        head = ["\t".join(table)] if len(results) > 1 else []
        return "".join(f"{line}\n" for line in [*head, *map("\t".join, rows(table))])
    if "group" in table:
        from_column = 1 if len(results) == 1 else 0
        return "".join("\t".join(row[from_column:3]) + "\n" for row in rows(table))
    if len(results) == 1:
        return number(float(results[0])) + "\n"
    return "".join(f"{name}\t{number(float(result))}\n" for name, result in zip(titles(results), results, strict=True))


def as_json(results: Sequence[Result]) -> str:
    """One object of schema lossctl.result/1, in ASCII: it has to survive any terminal and any locale."""
    first = results[0]
    document: dict[str, Any] = {"schema": "lossctl.result/1"}
    if isinstance(first, Total):
        document["results"] = [term.as_record() for term in first.terms]
        document |= {"total": strict(first.total), "signature": first.signature}
        document["inputs"] = [{"term": term.name} | vars(side) for term in first.terms for side in term.inputs]
    else:
        document["results"] = [result.as_record() for result in results]
        document["inputs"] = [vars(side) for side in first.inputs]
    document["warnings"] = list(dict.fromkeys(warning for result in results for warning in result.warnings))
    return json.dumps(document, allow_nan=False) + "\n"


def as_csv(results: Sequence[Result]) -> str:
    """A header and rows."""
    table = columns(results)
    if results[0].value is not None:
        table["signature"] = row_signatures(results, table)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([list(table), *rows(table)])
    return out.getvalue()


def row_signatures(results: Sequence[Result], table: dict[str, list[Cell]]) -> list[Cell]:
    """Return the signature of each row of a table whose first column is titles."""
    known = dict(zip(titles(results), (result.signature for result in results), strict=True))
    return [known[str(title)] for title in next(iter(table.values()))]


def markdown(results: Sequence[Result]) -> str:
    """A table for a page, with the signatures below it."""
    table = columns(results)
    lines = [list(table), ["---", *["---:"] * (len(table) - 1)], *rows(table)]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return text + "\n" + "".join(f"`{signature}`  \n" for signature in signatures(results))


def error_json(error: LossctlError) -> str:
    """An error as one object of schema lossctl.error/1."""
    told: dict[str, Any] = {field: getattr(error, field) for field in ("message", "hint", "path", "line")}
    return json.dumps({"schema": "lossctl.error/1", "error": told | {"exit": error.exit_code}}) + "\n"
