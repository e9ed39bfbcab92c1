"""One pair: what it costs, as a record that totals can be made of without looking at its files again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lossctl.batch.pairing import Pair
from lossctl.batch.plan import Plan
from lossctl.data.number import shown
from lossctl.data.origin import split
from lossctl.data.remote import is_url, known
from lossctl.data.source import Source
from lossctl.engine.sums import expansion
from lossctl.errors import LimitError, LossctlError
from lossctl.requests import losses_of
from lossctl.run.columns import open_side
from lossctl.run.groups import columns_of
from lossctl.run.joint import evaluate
from lossctl.run.options import Options
from lossctl.run.result import Parts, Result, strict

# Size and time of a file, or what a store calls its version; None for a file that is not there.
Stamp = list[Any] | None
# Requests to stores at a time.
_ASKING = 16


def stamp(pair: Pair) -> list[Stamp]:
    """Return what tells both files, as they are now, from what they were or will be."""
    return [_stamped(pair.pred), _stamped(pair.target)]


def stamps(pairs: Sequence[Pair]) -> Iterator[list[Stamp]]:
    """Yield the stamps of pairs; stores are asked for several at a time."""
    if not any(is_url(text) for pair in pairs for text in (pair.pred, pair.target)):
        yield from map(stamp, pairs)
        return
    with ThreadPoolExecutor(_ASKING) as asking:
        yield from asking.map(stamp, pairs)


def _stamped(text: str) -> Stamp:
    try:
        name = split(text)[0]
        if is_url(name):
            found = known(name)
            return [found.size or 0, found.tag]
        status = os.stat(name)  # noqa: PTH116 - also for names that Path would tidy
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]


def compute(plan: Plan, number: int) -> dict[str, Any]:
    """Return the record of a pair: results, or the error that it ends in."""
    pair = plan.pairing.pairs[number]
    record = record_of(plan, number, pair, stamp(pair))
    try:
        record["results"] = [_told(result) for result in _evaluated(plan, pair)]
    except (LossctlError, MemoryError) as raised:
        error = raised if isinstance(raised, LossctlError) else LimitError("not enough memory")
        told = str(error) if error.path else f"{shown(pair.pred, 4096)}, {shown(pair.target, 4096)}: {error}"
        record["error"] = {"exit": error.exit_code, "message": told, "hint": error.hint}
    return record


def record_of(
    plan: Plan, number: int, pair: Pair, stat: list[Stamp], results: Sequence[Result] | None = None
) -> dict[str, Any]:
    """Return the record of a pair, with its results if they are known."""
    record: dict[str, Any] = {"i": number, "id": pair.id}
    if pair.group or plan.pairing.grouped:
        record["group"] = pair.group
    if plan.pairing.weighted:
        record["weight"] = pair.weight
    if pair.options:
        record["options"] = dict(pair.options)
    record["stat"] = stat
    return record if results is None else record | {"results": [_told(result) for result in results]}


def opened(plan: Plan, pair: Pair) -> tuple[Source, Source, Options]:
    """Return both sides of a pair, and how they are read. Raises LossctlError."""
    losses, options = losses_of(plan.asked), plan.options_of(pair.options)
    return open_side(pair.pred, "pred", losses, options), open_side(pair.target, "target", losses, options), options


def _evaluated(plan: Plan, pair: Pair) -> list[Result]:
    pred, target, options = opened(plan, pair)
    if options.match is not None:
        options = columns_of({"pred": pair.pred, "target": pair.target}, {"pred": pred, "target": target}, options)
    return evaluate(plan.asked, pred, target, options)


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
