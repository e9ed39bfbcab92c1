"""Results in each format that can be asked for. Every number is the shortest text that reads back to the same float."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from lossctl.run.result import Result

FORMATS = ("table", "plain", "json", "csv", "markdown")


def render(results: Sequence[Result], form: str, width: int = 80, colour: bool = False) -> str:
    """Return results as text that ends in a newline."""
    if form == "table":
        from lossctl.show.table import table

        return table(results, width, colour)
    forms: dict[str, Callable[[Sequence[Result]], str]] = {
        "plain": plain, "json": as_json, "csv": as_csv, "markdown": markdown,
    }  # fmt: skip
    return forms[form](results)


def number(x: float) -> str:
    """Return the shortest text that reads back to the same float: `1` for 1.0, `inf` for infinity."""
    text = repr(float(x))
    return text.removesuffix(".0")


def titles(results: Sequence[Result]) -> list[str]:
    """Return what tells the results apart: names, with their parameters where one name occurs twice."""
    names = [result.loss for result in results]
    if len(set(names)) == len(names):
        return names
    return [result.signature.partition("|")[0] for result in results]


def plain(results: Sequence[Result]) -> str:
    """One number alone; several losses as `name<TAB>value`; under `none` a line per item."""
    if results[0].value is None:
        head = ["\t".join(titles(results))] if len(results) > 1 else []
        rows = zip(*(result.values for result in results), strict=True)
        return "\n".join([*head, *("\t".join(map(number, row)) for row in rows)]) + "\n"
    if len(results) == 1:
        return number(float(results[0])) + "\n"
    return "".join(f"{name}\t{number(float(r))}\n" for name, r in zip(titles(results), results, strict=True))


def as_json(results: Sequence[Result]) -> str:
    """One object of schema lossctl.result/1."""
    warnings = list(dict.fromkeys(warning for result in results for warning in result.warnings))
    inputs = [vars(side) for side in results[0].inputs]
    document = {
        "schema": "lossctl.result/1",
        "results": [result.as_record() for result in results],
        "inputs": inputs,
        "warnings": warnings,
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n"


def cells(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Return a header and rows: one row per loss, or under `none` one per item."""
    if results[0].value is None:
        rows = zip(*(result.values for result in results), strict=True)
        return ["item", *titles(results)], [[str(i), *map(number, row)] for i, row in enumerate(rows)]
    counts = [kind for kind in ("ignored", "degenerate", "absent") if any(getattr(result, kind) for result in results)]
    head = ["loss", "value", "count", *counts]
    return head, [
        [name, number(float(r)), str(r.count), *(str(getattr(r, kind) or 0) for kind in counts)]
        for name, r in zip(titles(results), results, strict=True)
    ]


def as_csv(results: Sequence[Result]) -> str:
    """A header and rows."""
    head, rows = cells(results)
    if results[0].value is not None:
        head, rows = [*head, "signature"], [[*row, r.signature] for row, r in zip(rows, results, strict=True)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()


def markdown(results: Sequence[Result]) -> str:
    """A table for a page, with the signatures below it."""
    head, rows = cells(results)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return table + "\n" + "".join(f"`{result.signature}`  \n" for result in results)


def error_json(error: Any) -> str:
    """An error as one object of schema lossctl.error/1."""
    fields = ("message", "hint", "path", "line")
    told = {field: getattr(error, field, None) for field in fields} | {"exit": error.exit_code}
    return json.dumps({"schema": "lossctl.error/1", "error": told}, ensure_ascii=False) + "\n"
