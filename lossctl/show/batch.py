"""The summary of a batch, and the pairing: for people a few small tables, for programs lines or one object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lossctl.batch.pairing import Pair, Pairing
from lossctl.batch.totals import Score, Summary
from lossctl.run.result import strict
from lossctl.show.results import Cell, number

FORMATS = ("table", "plain", "json")


def render(summary: Summary, form: str, width: int, colour: bool) -> str:
    """Return the summary as text that ends in a newline."""
    if form == "json":
        return json.dumps(_record(summary), ensure_ascii=False, allow_nan=False) + "\n"
    return _table(summary, width, colour) if form == "table" else _plain(summary)


def _record(summary: Summary) -> dict[str, Any]:
    failures = [failure._asdict() for failure in summary.failures]
    counts = {"pairs": summary.pairs, "failed": len(failures), "warned": summary.warned}
    results = [_score(score) for score in summary.scores]
    return {"schema": "lossctl.batch/1", **counts, "results": results, "failures": failures}


def _score(score: Score) -> dict[str, Any]:
    groups = [
        {"group": g.label, "pairs": g.pairs, "total": _number(g.total), "mean": strict(g.mean), "count": g.items}
        for g in score.groups
    ]
    record: dict[str, Any] = {
        "loss": score.loss, "total": _number(score.total), "count": score.count, "ignored": score.ignored,
        "degenerate": score.degenerate, "absent": score.absent,
        "pairs": {name: strict(x) for name, x in score.spread._asdict().items()} if score.spread else None,
        "worst": [{"id": name, "value": strict(value)} for name, value in score.worst],
    }  # fmt: skip
    return record | ({"groups": groups} if groups else {}) | {"signature": score.signature}


def _number(x: float | None) -> float | str | None:
    return None if x is None else strict(x)


def _plain(summary: Summary) -> str:
    """Return a line for each figure: loss, figure, value, with tabs between."""
    lines = [("", "pairs", str(summary.pairs)), ("", "failed", str(len(summary.failures)))]
    for score in summary.scores:
        lines += [(score.loss, name, value) for name, value in _figures(score)]
    return "".join("\t".join(filter(None, line)) + "\n" for line in lines)


def _figures(score: Score) -> Iterator[tuple[str, str]]:
    yield "total", _shown(score.total)
    for name in ("count", "ignored", "degenerate", "absent"):
        if count := getattr(score, name):
            yield name, str(count)
    for name, value in score.spread._asdict().items() if score.spread else ():
        yield name, number(value)
    for pair, value in score.worst:
        yield f"worst:{line(pair)}", number(value)
    for group in score.groups:
        yield f"group:{line(group.label)}", _shown(group.total)


def line(name: str) -> str:
    """Return a name that breaks no line of a table."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _shown(x: float | None) -> str:
    return "nothing" if x is None else number(x)


def _table(summary: Summary, width: int, colour: bool) -> str:
    from lossctl.show.table import blocks

    shown = [score for score in summary.scores if score.spread is not None]
    titles = ("total", "count", "ignored", "degenerate", "absent", "mean", "median", "p5", "p95", "min", "max")
    rows = {title: [_cell(score, title) for score in shown] for title in titles}
    figures: dict[str, list[Cell]] = {"": [title for title in titles if any(rows[title])]}
    figures |= {score.loss: [rows[title][at] for title in figures[""]] for at, score in enumerate(shown)}  # type: ignore[index]
    tables = [figures]
    for score in shown:
        if score.groups:
            tables.append({
                f"{score.loss} by group": [line(g.label) for g in score.groups],
                "pairs": [g.pairs for g in score.groups],
                "total": [g.total for g in score.groups],
                "mean": [g.mean for g in score.groups],
            })  # fmt: skip
        if score.worst:
            tables.append({
                f"worst {score.loss}": [line(name) for name, _ in score.worst],
                "value": [value for _, value in score.worst],
            })  # fmt: skip
    failed = f", {len(summary.failures)} failed" if summary.failures else ""
    head = f"{summary.pairs} pairs{failed}\n"
    return head + blocks(tables if shown else [], [score.signature for score in summary.scores], width, colour)


def _cell(score: Score, title: str) -> Cell:
    if title in ("mean", "median", "p5", "p95", "min", "max"):
        found: Cell = getattr(score.spread, title)
        return found
    found = getattr(score, title)
    return found or (found if title in ("total", "count") else None)


def pairing(found: Pairing, form: str) -> str:
    """Return which files would be compared, and those without a partner."""
    if form == "json":
        pairs = [pair._asdict() | {"options": dict(pair.options)} for pair in found.pairs]
        unmatched = {"pred": found.unmatched[0], "target": found.unmatched[1]}
        record = {"schema": "lossctl.pairing/1", "pairs": pairs, "unmatched": unmatched}
        return json.dumps(record, ensure_ascii=False) + "\n"
    lines = ["\t".join(map(line, (pair.id, pair.pred, pair.target, *_set(pair)))) for pair in found.pairs]
    for files, role in zip(found.unmatched, ("pred", "target"), strict=True):
        lines += [f"unmatched {role}\t{line(file)}" for file in files]
    return "\n".join(lines) + "\n"


def _set(pair: Pair) -> list[str]:
    """Return the options of a pair alone, as a batch of it would be asked for them."""
    return [f"{name}={setting}" for name, setting in pair.options]
