"""Rows and comparisons as text: columns for people, flat records for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from lossctl.bench.compare import Comparison, record
from lossctl.bench.record import AXES, Document, Row, records

SCHEMA = "lossctl.bench-comparison/1"
PLAIN = ("seconds", "rival_seconds", "ratio", "ratio_low", "ratio_high", "problem")

Columns = dict[str, list[str]]


def seconds(x: float | None) -> str:
    """Write a time in the unit that suits it, with three digits."""
    if x is None:
        return ""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if x * factor >= 1:
            return f"{_three(x * factor)} {unit}"
    return f"{_three(x * 1e9)} ns"


def _three(x: float | None) -> str:
    """Write three digits: 0.00366, 4.31, 59.2, 1024."""
    if not x:
        return "" if x is None else "0"
    return f"{x:.{max(0, 2 - math.floor(math.log10(abs(x))))}f}"


def grouped(count: int) -> str:
    """Write a count with spaces between thousands."""
    return f"{count:,}".replace(",", " ")


SHORT = {"float32": "f32", "float64": "f64"}
SHOWN: dict[str, Callable[[Any], str]] = {"items": grouped, "dtype": lambda x: SHORT.get(x, x)}


def _axes(rows: Sequence[Row]) -> Columns:
    """Return the columns that tell the rows apart. Losses go by name where that is enough."""
    table: Columns = {}
    for name in AXES:
        found = dict.fromkeys(getattr(row, name) for row in rows)
        if name == "loss" or len(found.keys() - {""}) > 1:
            table[name] = [SHOWN.get(name, str)(getattr(row, name)) for row in rows]
    names = {loss: loss.partition("(")[0] for loss in table["loss"]}
    if len(set(names.values())) == len(names):
        table["loss"] = [names[loss] for loss in table["loss"]]
    return table


def heading(rows: Sequence[Row]) -> str:
    """Return what all rows have in common, in a line."""
    if not rows:
        return ""
    shared = {name: values.pop() for name in AXES if len(values := {getattr(row, name) for row in rows}) == 1}
    texts: dict[str, Callable[[Any], str]] = {
        "items": lambda x: f"{grouped(x)} items",
        "threads": lambda x: f"{x} thread{'s' * (x != 1)}",
        "rival": lambda x: "" if x == "none" else f"against {x}",
        "arithmetic": lambda x: "native arithmetic" if x == "native" else "",
        "data": lambda x: f"{x} data" if x == "random" else x,
        "stage": lambda x: {"compute": "", "load": "files to arrays", "all": "files to a number"}[x],
    }
    return ", ".join(part for name, x in shared.items() if (part := texts.get(name, str)(x)))


def columns(document: Document) -> Columns:
    """Return the table of a document: what varies, then the figures."""
    rows = document.rows
    table = _axes(rows)
    table["time"] = [seconds(row.seconds) for row in rows]
    table["±"] = [f"{100 * row.mad / row.seconds:.0f} %" if row.mad is not None and row.seconds else "" for row in rows]
    table["M/s"] = [_three(1e-6 * row.items_per_second) if row.items_per_second else "" for row in rows]
    table["GB/s"] = [_three(row.gigabytes_per_second) for row in rows]
    table["of RAM"] = [f"{100 * row.bandwidth_share:.0f} %" if row.bandwidth_share is not None else "" for row in rows]
    table["first"] = [f"{seconds(row.first)}{'*' if row.compiled else ''}" for row in rows]
    if any(row.rival != "none" for row in rows):
        table["rival's"] = [seconds(row.rival_seconds) for row in rows]
        table["ratio"] = [_three(row.ratio) for row in rows]
        table["95 %"] = [f"{_three(row.ratio_low)}–{_three(row.ratio_high)}" if row.ratio else "" for row in rows]
    return {title: column for title, column in table.items() if title in ("loss", "time") or any(column)}


LEGEND = (
    ("±", "±: the median distance from the median"),
    ("M/s", "M/s: millions of items a second"),
    ("GB/s", "GB/s: bytes of data that have to be read"),
    ("of RAM", "of RAM: their share of what an array is added up with"),
    ("first", "first: the first call, * where it compiled"),
    ("ratio", "ratio: the rival's time over lossctl's"),
)


def circumstances(document: Document) -> list[str]:
    """Return the lines that say where and with what a document was measured."""
    speeds = ", ".join(
        f"{1e-9 * x:.1f} GB/s ({threads} thread{'s' * (threads != '1')})" for threads, x in document.bandwidth.items()
    )
    machine = document.machine
    lines = [f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['system']}" + (f", reads {speeds}" if speeds else "")]
    lines.append(", ".join(f"{name} {x}" for name, x in document.versions.items()))
    peaks = [row.peak_bytes for row in document.rows if row.peak_bytes]
    settings = document.settings
    told = f"{settings['rounds']} rounds, seed {settings['seed']}"
    return [*lines, told + (f", peak memory {max(peaks) / 1e6:.0f} MB" if peaks else "")]


def problems(document: Document) -> list[str]:
    """Return a line for each row that could not be measured in full."""
    named = zip(labels(document.rows), document.rows, strict=True)
    return [f"{label}: {row.problem}" for label, row in named if row.problem]


def labels(rows: Sequence[Row], without: Sequence[str] = ()) -> list[str]:
    """Return a few words for each row that tell it from the others, but for axes that are told elsewhere."""
    told = [column for name, column in _axes(rows).items() if name not in without]
    return [" ".join(part for part in cells if part) for cells in zip(*told, strict=True)]


def bar(part: float, width: int, ascii_only: bool) -> str:
    """Return a bar of a part of a width."""
    if ascii_only:
        return "#" * round(part * width)
    eighths = round(part * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def markdown(document: Document) -> str:
    """A table for a page, with the circumstances below it."""
    table = columns(document)
    return "\n".join([
        heading(document.rows), "", *_markdown(table), "",
        *(f"- {line}" for line in (*problems(document), *circumstances(document))),
    ]) + "\n"  # fmt: skip


def _markdown(table: Columns) -> list[str]:
    lines = [list(table), ["---", *["---:"] * (len(table) - 1)], *zip(*table.values(), strict=True)]
    return [f"| {' | '.join(line)} |" for line in lines]


def as_csv(document: Document) -> str:
    """A header and a flat record for each row."""
    return _csv(list(records(document)))


def _csv(found: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    if found:
        writer = csv.DictWriter(out, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return out.getvalue()


def plain(document: Document) -> str:
    """A line for each row: the axes, then seconds, the rival's seconds and the ratio; tabs between."""
    return "".join("\t".join(_cell(each[name]) for name in (*AXES, *PLAIN)) + "\n" for each in records(document))


def _cell(x: object) -> str:
    return "" if x is None else repr(x) if isinstance(x, float) else str(x)


def changes(comparison: Comparison) -> Columns:
    """Return the table of a comparison."""
    rows = [change.now for change in comparison.changes]
    table = _axes(rows)
    table["before"] = [seconds(change.before.seconds) for change in comparison.changes]
    table["now"] = [seconds(change.now.seconds) for change in comparison.changes]
    ratios = [change.ratio for change in comparison.changes]
    table["now/before"] = [f"{ratio.median:.3f}" for ratio in ratios]
    table["95 %"] = [f"{ratio.low:.3f}–{ratio.high:.3f}" for ratio in ratios]
    table["verdict"] = [change.verdict for change in comparison.changes]
    return table


def comparison_as(form: str, comparison: Comparison) -> str:
    """Return a comparison as plain, json, csv or markdown."""
    found = [record(change) for change in comparison.changes]
    if form == "json":
        return json.dumps({"schema": SCHEMA, "changes": found, "notes": comparison.notes}, allow_nan=False) + "\n"
    if form == "csv":
        return _csv(found)
    if form == "markdown":
        notes = [f"- {note}" for note in comparison.notes]
        return "\n".join([*_markdown(changes(comparison)), *([""] if notes else []), *notes]) + "\n"
    return "".join("\t".join(map(_cell, each.values())) + "\n" for each in found)


FORMS: dict[str, Callable[[Document], str]] = {
    "plain": plain, "csv": as_csv, "markdown": markdown, "json": Document.as_json,
}  # fmt: skip
ENDINGS = {".json": "json", ".csv": "csv", ".md": "markdown"}
