"""One pair: what it costs, as a record that totals can be made of without looking at its files again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lossctl.batch.pairing import Pair
from lossctl.batch.plan import Plan
from lossctl.data.number import shown
from lossctl.data.origin import split
from lossctl.engine.sums import expansion
from lossctl.errors import LimitError, LossctlError, UsageError
from lossctl.requests import losses_of
from lossctl.run.columns import open_side
from lossctl.run.groups import columns_of
from lossctl.run.joint import evaluate
from lossctl.run.result import Parts, Result, strict


def stamp(pair: Pair) -> list[list[int] | None]:
    """Return size and time of both files as they are now; None for a file that is not there."""
    return [_stamped(pair.pred), _stamped(pair.target)]


def _stamped(text: str) -> list[int] | None:
    try:
        status = os.stat(split(text)[0])  # noqa: PTH116 - also for names that Path would tidy
    except (OSError, ValueError, UsageError):
        return None
    return [status.st_size, status.st_mtime_ns]


def compute(plan: Plan, number: int) -> dict[str, Any]:
    """Return the record of a pair: results, or the error that it ends in."""
    pair = plan.pairing.pairs[number]
    record: dict[str, Any] = {"i": number, "id": pair.id}
    if pair.group or plan.pairing.grouped:
        record["group"] = pair.group
    if plan.pairing.weighted:
        record["weight"] = pair.weight
    if pair.options:
        record["options"] = dict(pair.options)
    record["stat"] = stamp(pair)
    try:
        record["results"] = [_told(result) for result in _evaluated(plan, pair)]
    except (LossctlError, MemoryError) as raised:
        error = raised if isinstance(raised, LossctlError) else LimitError("not enough memory")
        told = str(error) if error.path else f"{shown(pair.pred, 4096)}, {shown(pair.target, 4096)}: {error}"
        record["error"] = {"exit": error.exit_code, "message": told, "hint": error.hint}
    return record


def _evaluated(plan: Plan, pair: Pair) -> list[Result]:
    losses, options = losses_of(plan.asked), plan.options_of(pair.options)
    sources = {
        role: open_side(text, role, losses, options) for role, text in (("pred", pair.pred), ("target", pair.target))
    }
    if options.match is not None:
        options = columns_of({"pred": pair.pred, "target": pair.target}, dict(sources), options)
    return evaluate(plan.asked, sources["pred"], sources["target"], options)


def _told(result: Result) -> dict[str, Any]:
    """Return a result as a journal keeps it."""
    assert result.value is not None
    told: dict[str, Any] = {"value": strict(result.value), "count": result.count, "ignored": result.ignored}
    if result.degenerate:
        told["degenerate"] = result.degenerate
    if result.absent:
        told["absent"] = result.absent
    if result.warnings:
        told["warnings"] = len(result.warnings)
    told["parts"] = [_parts(term.parts) for term in result.terms or (result,)]
    return told


def _parts(parts: Parts | None) -> dict[str, Any]:
    assert parts is not None
    if parts.pooled is None:
        return {"total": _exact(parts.totals), "share": _exact(parts.shares)}
    sums = [[_exact(numbers) for numbers in of_class] for of_class in parts.pooled.sums]
    return {"sums": sums, "there": parts.pooled.there}


def _exact(numbers: Sequence[float]) -> list[float | str]:
    return [strict(x) for x in expansion(list(numbers))]
