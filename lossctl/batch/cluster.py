"""A batch on a Dask cluster: which tasks there are, and what becomes of their answers. The journal stays here.

Workers read the files themselves. A large pair whose losses can be added up is split; so are its files, if they can be
read from any place.
"""

from __future__ import annotations

import math
import os
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lossctl.batch.connection import Cluster, Job
from lossctl.batch.crew import Report
from lossctl.batch.order import order_of
from lossctl.batch.pairing import Pair
from lossctl.batch.plan import Plan
from lossctl.batch.record import Stamp, stamp
from lossctl.batch.worker import Done, Split
from lossctl.data.number import shown
from lossctl.data.origin import split
from lossctl.data.remote import is_url
from lossctl.errors import LimitError

# Bytes of a pair that are one task, where it can be split.
PART = 64 << 20
# A task has so many bytes, or so many pairs; stamps are asked for by so many.
TASK_BYTES, TASK_PAIRS, TASK_STAMPS = 4 << 20, 64, 256
# Bytes of data from which on compiled kernels are worth it.
WORTH = 1 << 20


def stamps_there(cluster: Cluster, plan: Plan, pairs: Sequence[Pair]) -> Iterator[list[Stamp]]:
    """Yield the stamps of pairs as the workers see them."""
    packed = pickle.dumps(order_of(plan, compiled=False, part=PART))
    starts = range(0, len(pairs), TASK_STAMPS)
    jobs = [Job("stamps", (_placed(pairs[start : start + TASK_STAMPS]),), place=start) for start in starts]
    found = {job.place: answer for job, (_, answer) in _exchange(cluster, packed, jobs, deque())}
    for place in starts:
        yield from found[place]


def together(cluster: Cluster, plan: Plan, numbers: Sequence[int]) -> Iterator[Report]:
    """Yield reports of pairs that a cluster computes. Raises LimitError where it cannot."""
    pairs = plan.pairing.pairs
    size = sum(found[0] for found in stamp(pairs[numbers[0]]) if found)
    per = max(1, min(TASK_PAIRS, TASK_BYTES // max(1, size), math.ceil(len(numbers) / (4 * cluster.threads))))
    packed = pickle.dumps(order_of(plan, compiled=size * len(numbers) > WORTH, part=PART))
    chunks = (list(numbers[start : start + per]) for start in range(0, len(numbers), per))
    jobs = (Job("pairs", (chunk, _placed([pairs[number] for number in chunk]), False)) for chunk in chunks)
    urgent: deque[Job] = deque()
    large = _Large(pairs, urgent)
    for job, (worker, answer) in _exchange(cluster, packed, jobs, urgent):
        if job.split is not None and not isinstance(answer, Done):
            large.take(job, job.split, answer)
            yield Report([], b"", job.read, 0, done=False)
            continue
        assert isinstance(answer, Done)
        for record in answer.records:
            _refuse_blind(worker, pairs[record["i"]], record["stat"])
        for found in answer.splits:
            large.begin(found)
        yield Report(answer.numbers, answer.lines, answer.read, len(answer.records), done=True)


class _Large:
    """The pairs that are in parts: what their parts found, and what is to be done next."""

    def __init__(self, pairs: Sequence[Pair], urgent: deque[Job]) -> None:
        self._pairs, self._urgent = pairs, urgent
        self._found: dict[int, list[Any]] = {}

    def begin(self, split: Split) -> None:
        """Have the parts of a pair computed."""
        self._found[split.number] = [None] * len(split.parts)
        share = sum(known[0] for known in split.stat if known) // len(split.parts)
        for place, part in enumerate(split.parts):
            self._urgent.append(Job("part", (*self._pair(split), split.stat, part), share, split, place))

    def take(self, job: Job, split: Split, answer: Any) -> None:
        """Keep what a part found; have all of them put together. Where one has found nothing, the pair is one task."""
        number, found = split.number, self._found.get(split.number)
        if found is None:
            return
        if answer is None:
            # Something is wrong with the files: what it is, and where, is told as it is told of any pair.
            del self._found[number]
            self._urgent.append(Job("pairs", ([number], self._pair(split), True)))
            return
        found[job.place] = answer
        if None not in found:
            self._urgent.append(Job("finish", (number, *self._pair(split), split.stat, found), 0, split))

    def _pair(self, split: Split) -> list[Pair]:
        return _placed([self._pairs[split.number]])


def _placed(pairs: Sequence[Pair]) -> list[Pair]:
    """Return pairs whose paths do not depend on the folder that a process is in."""
    return [pair._replace(pred=_absolute(pair.pred), target=_absolute(pair.target)) for pair in pairs]


def _absolute(text: str) -> str:
    name, selector = split(text)
    # Not tidied: a .. behind a link means another folder then.
    path = name if is_url(name) else os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH118
    return path if selector is None else f"{path}::{selector}"


def _exchange(
    cluster: Cluster, packed: bytes, jobs: Iterable[Job], urgent: deque[Job]
) -> Iterator[tuple[Job, tuple[str, Any]]]:
    """Yield jobs and their answers; `urgent` jobs go out first, and may be added meanwhile."""
    waiting = iter(jobs)
    try:
        while True:
            while cluster.has_room:
                job = urgent.popleft() if urgent else next(waiting, None)
                if job is None:
                    break
                cluster.send(packed, job)
            if not cluster.busy:
                return
            yield from cluster.take()
    finally:
        cluster.drop()


def _refuse_blind(worker: str, pair: Pair, there: list[Stamp]) -> None:
    """Raise LimitError for a file that is here, and not where the worker looks."""
    if None not in there:
        return
    for text, seen, here in zip((pair.pred, pair.target), there, stamp(pair), strict=True):
        if seen is None and here is not None:
            hint = "share its folder with all workers, or name it by a URL"
            raise LimitError(f"worker {worker} does not see {shown(text, 4096)}", hint=hint)
