"""A comparison of two batches: for people a line for each loss and small tables, for programs lines or one object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from lossctl.batch.compare import Change, Comparison, Means, Move
from lossctl.run.result import strict
from lossctl.show.batch import line
from lossctl.show.results import Cell, number

FORMATS = ("table", "plain", "json")


def render(found: Comparison, form: str, width: int, colour: bool) -> str:
    """Return the comparison as text that ends in a newline."""
    if form == "json":
        return json.dumps(_record(found), ensure_ascii=False, allow_nan=False) + "\n"
    return _table(found, width, colour) if form == "table" else _plain(found)


def _record(found: Comparison) -> dict[str, Any]:
    joined = found.joined
    sides = {
        role: {"path": output.path, "rows": len(output.ids), "unmatched": unmatched, "losses_alone": alone}
        for role, output, unmatched, alone in zip(
            ("base", "new"), (joined.base, joined.new), joined.unmatched, found.alone, strict=True
        )
    }
    results = [_change(change) for change in found.changes]
    return {"schema": "lossctl.compare/1", "pairs": len(joined.ids), **sides, "results": results}


def _change(change: Change) -> dict[str, Any]:
    record: dict[str, Any] = {"loss": change.loss, "verdict": change.verdict, **_means(change.means)}
    record |= {
        "p": change.chance, "better": change.better, "worse": change.worse, "equal": change.equal,
        "left_out": change.left_out, "worsened": _moves(change.worsened), "improved": _moves(change.improved),
    }  # fmt: skip
    groups = [{"group": label, **_means(means)} for label, means in change.groups.items()]
    return record | ({"groups": groups} if groups else {}) | {"signature": change.signature}


def _means(means: Means | None) -> dict[str, Any]:
    if means is None:
        return {"pairs": 0, **dict.fromkeys(("base", "new", "difference", "interval"))}
    record: dict[str, Any] = {name: strict(x) for name, x in means._asdict().items() if name != "interval"}
    return record | {"interval": means.interval and [strict(x) for x in means.interval]}


def _moves(moves: Iterable[Move]) -> list[dict[str, Any]]:
    return [{**move._asdict(), "difference": move.difference} for move in moves]


def _plain(found: Comparison) -> str:
    """Return a line for each figure: loss, figure, value, with tabs between."""
    lines = [(change.loss, name, value) for change in found.changes for name, value in _figures(change)]
    return "".join("\t".join(cells) + "\n" for cells in lines)


def _figures(change: Change) -> Iterator[tuple[str, str]]:
    yield "verdict", change.verdict
    yield from _numbers("", change.means)
    yield "p", number(change.chance)
    for name in ("better", "worse", "equal"):
        yield name, str(getattr(change, name))
    if change.left_out:
        yield "left out", str(change.left_out)
    for kind, moves in (("worsened", change.worsened), ("improved", change.improved)):
        for move in moves:
            yield f"{kind}:{line(move.id)}", number(move.difference)
    for label, means in change.groups.items():
        yield from _numbers(f"group:{line(label)}:", means)


def _numbers(prefix: str, means: Means | None) -> Iterator[tuple[str, str]]:
    yield f"{prefix}pairs", str(means.pairs if means else 0)
    if means is not None:
        for name in ("base", "new", "difference"):
            yield f"{prefix}{name}", number(getattr(means, name))
        for name, bound in zip(("low", "high"), means.interval or (), strict=False):
            yield f"{prefix}{name}", number(bound)


def _table(found: Comparison, width: int, colour: bool) -> str:
    from lossctl.show.table import blocks

    changes = found.changes
    titles = ["pairs", "base", "new", "difference", "95 % from", "95 % to", "p", "better", "worse", "equal", "left out"]
    columns = {change.loss: _column(change) for change in changes}
    shown = [title for title in titles if any(column.get(title) is not None for column in columns.values())]
    tables: list[dict[str, list[Cell]]] = [{"": [*shown]}]
    tables[0] |= {loss: [column.get(title) for title in shown] for loss, column in columns.items()}
    for change in changes:
        if change.groups:
            # On a narrow terminal beside each other.
            rows = [
                _row(means) | {"base": _short(means.base), "new": _short(means.new)} for means in change.groups.values()
            ]
            table: dict[str, list[Cell]] = {f"{change.loss} by group": [line(label) for label in change.groups]}
            tables.append(table | {title: [row.get(title) for row in rows] for title in titles[:6]})
        for kind, moves in (("worsened", change.worsened), ("improved", change.improved)):
            if moves:
                tables.append({
                    f"{change.loss} {kind} most": [line(move.id) for move in moves],
                    "base": [move.base for move in moves],
                    "new": [move.new for move in moves],
                    "difference": [_short(move.difference) for move in moves],
                })  # fmt: skip
    verdicts = "".join(f"{sentence(change)}\n" for change in changes)
    return verdicts + "\n" + blocks(tables, [change.signature for change in changes if change.signature], width, colour)


def sentence(change: Change) -> str:
    """Return the verdict as a line: by how much, within which interval, and how likely by chance."""
    means = change.means
    if means is None:
        return f"{change.loss}: nothing to compare"
    share = f" ({100 * means.difference / abs(means.base):+.2g} %)" if means.base else ""
    sure = f", 95 % from {_short(means.interval[0])} to {_short(means.interval[1])}" if means.interval else ""
    return f"{change.loss}: {change.verdict}: {means.difference:+.4g}{share}{sure}, p = {change.chance:.4g}"


def _column(change: Change) -> dict[str, Cell]:
    counts: dict[str, Cell] = {"p": _short(change.chance), "better": change.better, "worse": change.worse}
    counts |= {"equal": change.equal, "left out": change.left_out or None}
    return {**(_row(change.means) if change.means else {"pairs": 0}), **counts}


def _row(means: Means) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "pairs": means.pairs, "base": means.base, "new": means.new, "difference": _short(means.difference),
    }  # fmt: skip
    return row | dict(zip(("95 % from", "95 % to"), map(_short, means.interval or ()), strict=False))


def _short(x: float) -> str:
    """Return as many digits as a sample can vouch for."""
    return f"{x:.4g}"
