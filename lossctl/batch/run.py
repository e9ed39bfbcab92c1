"""The run of a batch: what is missing is computed, pair by pair, and kept in the journal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Protocol

from lossctl.batch.cluster import stamps_there
from lossctl.batch.cluster import together as together_there
from lossctl.batch.connection import Cluster
from lossctl.batch.crew import Report, alone, can_fork, together
from lossctl.batch.journal import Journal, record_of
from lossctl.batch.plan import Plan
from lossctl.batch.record import compute, stamp, stamps
from lossctl.engine.kernels import always_compiled
from lossctl.errors import DataError, LossctlError, UsageError

# Bytes of data from which on it takes less time to load the compiler than to interpret.
WORTH = 1 << 20
# A task of a worker has so many bytes, or so many pairs.
TASK_BYTES, TASK_PAIRS = 4 << 20, 64
# Pairs from which on other processes are worth it, and bytes of a pair from which on threads do as well.
MANY, LARGE = 32, 64 << 20


class Progress(Protocol):
    """What is told of a run while it lasts."""

    def begin(self, pairs: int, kept: int) -> None:
        """There are so many pairs, and so many of them were computed before."""

    def watch(self) -> None:
        """From now on no process is forked."""

    def step(self, pairs: int, read: int, failed: int) -> None:
        """So many more pairs are done, so many more bytes read, so many of the pairs failed."""


def outdated(plan: Plan, journal: Journal, cluster: Cluster | None = None) -> list[int]:
    """Return the pairs of a journal that are to be computed anew: they failed, or a file of theirs has changed."""
    known = [number for number in plan.numbers() if journal.places[number] >= 0]
    pairs = [plan.pairing.pairs[number] for number in known]
    now = stamps(pairs) if cluster is None else stamps_there(cluster, plan, pairs)
    return [
        record["i"]
        for record, stat in zip(journal.records(known), now, strict=True)
        if "error" in record or record["stat"] != stat
    ]


def fill(plan: Plan, journal: Journal, progress: Progress, stop: bool, cluster: Cluster | None = None) -> None:
    """Compute all pairs that the journal lacks, here or on a cluster.

    Raises the error of a pair that fails, if it is to `stop` there.
    """
    missing = [number for number in plan.numbers() if journal.places[number] < 0]
    progress.begin(len(plan.numbers()), len(plan.numbers()) - len(missing))
    with ExitStack() as stack:
        for report in _reports(plan, missing, stack, progress, cluster):
            journal.append(report.lines, report.numbers)
            progress.step(len(report.numbers), report.read, report.failed)
            if report.failed and stop:
                journal.sync()
                raise _first_error(report)
    journal.sync()


def _reports(
    plan: Plan, missing: Sequence[int], stack: ExitStack, progress: Progress, cluster: Cluster | None
) -> Iterator[Report]:
    if not missing:
        return
    if cluster is not None:
        yield from together_there(cluster, plan, missing)
        return
    pairs, threads = plan.pairing.pairs, plan.options.workers
    size = sum(found[0] for found in stamp(pairs[missing[0]]) if found)
    if size * len(missing) > WORTH:
        stack.enter_context(always_compiled())
    forks = threads > 1 and len(missing) >= MANY and size < LARGE and can_fork()

    # The pairs of workers are computed side by side, so each of them by one thread, in its share of the memory.
    most = plan.options.most and max(1, plan.options.most // threads)
    own = replace(plan, options=replace(plan.options, threads=1, max_memory=most)) if forks else plan

    def one(number: int) -> dict[str, Any]:
        return compute(own, number)

    if not forks:
        progress.watch()
        yield from alone(one, missing)
        return
    # The first pair here, so that all workers begin with compiled kernels.
    yield from alone(one, missing[:1])
    task = max(1, min(TASK_PAIRS, TASK_BYTES // max(1, size), math.ceil(len(missing) / (4 * threads))))
    yield from together(one, missing[1:], threads, task, progress.watch)


def _first_error(report: Report) -> LossctlError:
    for line in report.lines.splitlines(keepends=True):
        record = record_of(line)
        if record is not None and "error" in record:
            error = record["error"]
            kind = {UsageError.exit_code: UsageError}.get(error["exit"], DataError)
            found: LossctlError = kind(f"pair {record['id']}: {error['message']}", hint=error["hint"])
            found.exit_code = error["exit"]
            return found
    raise AssertionError("a report that counts failures has none")
