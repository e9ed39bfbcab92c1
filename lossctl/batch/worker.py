"""What a worker of a cluster does: whole pairs, a part of a large one, its parts together, what files look like now.

Every task brings the order with it and refuses it if this is another build than the client's, so a worker may come
late, leave and come back. Several tasks at a time may run here, each in a thread of its own.
"""

from __future__ import annotations

import functools
import pickle
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NamedTuple

from lossctl.batch.journal import line_of
from lossctl.batch.order import Order, asked_of, differences
from lossctl.batch.pairing import Pair, Pairing
from lossctl.batch.plan import Plan
from lossctl.batch.record import Stamp, compute, opened, record_of, stamp, stamps
from lossctl.engine.kernels import always_compiled
from lossctl.errors import LossctlError, UsageError
from lossctl.requests import losses_of
from lossctl.run.own import blamed
from lossctl.run.parts import Found, bounds, finish_parts, walk_part

PIECE = tuple[int, int, int, int]


class Refusal(NamedTuple):
    """Why a worker does not do a task."""

    message: str
    hint: str
    exit: int


class Split(NamedTuple):
    """A pair that is to be computed in parts, as its files are now."""

    number: int
    stat: list[Stamp]
    parts: list[PIECE]


class Done(NamedTuple):
    """Pairs that were computed: their numbers and records, how many bytes were read, and pairs that are too large."""

    numbers: list[int]
    lines: bytes
    read: int
    records: list[dict[str, Any]]
    splits: list[Split]


def serve(theirs: dict[str, str], packed: bytes, task: str, carried: bytes) -> tuple[str, Any]:
    """Do a task of an order; return the address of this worker and an answer, or a Refusal."""
    from distributed import get_worker

    return get_worker().address, _served(theirs, packed, task, carried)


def _served(theirs: dict[str, str], packed: bytes, task: str, carried: bytes) -> Any:
    if differs := differences(theirs):
        told = f"another build of lossctl: {differs}"
        return Refusal(told, "its bits could differ; install one version on all machines", 6)
    try:
        plan, order, moved = _understood(packed)
    except UsageError as error:
        return Refusal(str(error), error.hint or "", error.exit_code)
    tasks: dict[str, Callable[..., Any]] = {"pairs": _pairs, "part": _part, "finish": _finish, "stamps": _stamps}
    try:
        with ExitStack() as stack:
            if order.compiled:
                stack.enter_context(always_compiled())
            return tasks[task](plan, order, *pickle.loads(carried))
    except Exception as error:
        told_of = blamed(error, losses_of(plan.asked))
        if told_of is None:
            raise
        told_of.path = moved.get(told_of.path or "", told_of.path)
        return Refusal(str(told_of), told_of.hint or "", told_of.exit_code)


_understanding = threading.Lock()


def _understood(packed: bytes) -> tuple[Plan, Order, dict[str, str]]:
    """Read an order, each once: its losses have kernels by then."""
    with _understanding:
        return _read(packed)


@functools.lru_cache(maxsize=8)
def _read(packed: bytes) -> tuple[Plan, Order, dict[str, str]]:
    order: Order = pickle.loads(packed)
    asked, moved = asked_of(order)
    pairing = Pairing([], grouped=order.grouped, weighted=order.weighted)
    # A worker computes as many tasks at a time as it has threads.
    return Plan(asked, replace(order.options, threads=1), pairing), order, moved


def _pairs(plan: Plan, order: Order, numbers: Sequence[int], pairs: Sequence[Pair], whole: bool) -> Done:
    """Compute pairs; those that can be split are left, unless each is to be taken as a `whole`."""
    own = replace(plan, pairing=plan.pairing._replace(pairs=list(pairs)))
    done = Done([], b"", 0, [], [])
    lines: list[bytes] = []
    read = 0
    for place, number in enumerate(numbers):
        split = None if whole else _split(plan, order, number, pairs[place])
        if split is not None:
            done.splits.append(split)
            continue
        record = compute(own, place) | {"i": number}
        done.numbers.append(number)
        lines.append(line_of(record))
        read += sum(found[0] for found in record["stat"] if found)
        if "error" in record:
            done.records.append(record)
    return done._replace(lines=b"".join(lines), read=read)


def _split(plan: Plan, order: Order, number: int, pair: Pair) -> Split | None:
    """Return the parts of a pair that is worth them; None of all others, also of those that cannot be read."""
    stat = stamp(pair)
    if sum(found[0] for found in stat if found) <= order.part:
        return None
    try:
        parts = bounds(plan.asked, *opened(plan, pair), order.part)
    except (LossctlError, MemoryError):
        return None
    return Split(number, stat, parts) if len(parts) > 1 else None


def _part(plan: Plan, order: Order, pair: Pair, stat: list[Stamp], part: PIECE) -> list[Found] | None:
    """Walk through a part; None where the files are others by now, or do not end in a number."""
    del order
    try:
        if stamp(pair) != stat:
            return None
        return walk_part(plan.asked, *opened(plan, pair), part)
    except (LossctlError, MemoryError):
        return None


def _finish(
    plan: Plan, order: Order, number: int, pair: Pair, stat: list[Stamp], found: Sequence[Sequence[Found]]
) -> Done | None:
    """Make one record of what the parts of a pair found; None as above: then the whole pair tells why."""
    del order
    try:
        results = finish_parts(plan.asked, *opened(plan, pair), found)
        if stamp(pair) != stat:
            return None
    except (LossctlError, MemoryError):
        return None
    line = line_of(record_of(plan, number, pair, stat, results))
    return Done([number], line, 0, [], [])


def _stamps(plan: Plan, order: Order, pairs: Sequence[Pair]) -> list[list[Stamp]]:
    del plan, order
    return list(stamps(pairs))
