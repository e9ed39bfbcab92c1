"""A batch from what was asked for to its summary: pair, compute what is missing, have it written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lossctl.batch.connection import connected, local_workers
from lossctl.batch.journal import ENDING, Journal
from lossctl.batch.manifest import by_manifest
from lossctl.batch.pairing import Pairing, by_folders, by_patterns
from lossctl.batch.plan import Plan, shard_of
from lossctl.batch.run import Progress, fill, outdated
from lossctl.batch.shards import write_shard
from lossctl.batch.totals import Scoring, Summary
from lossctl.data.origin import split
from lossctl.data.output import check_writable, refuse_overwriting
from lossctl.data.table import ENDINGS
from lossctl.errors import LimitError, LossctlError, UsageError
from lossctl.requests import Asked
from lossctl.run.options import Options

Records = Iterable[dict[str, Any]]


class Scribe(Protocol):
    """Who writes what a batch leaves."""

    def rows(self, records: Records) -> None:
        """Write a row for each pair; take all records in any case."""

    def failures(self, summary: Summary) -> None:
        """Write the pairs that failed beside the output; take away what an earlier run wrote there."""

    def report(self, records: Records) -> None:
        """Write a test report, if it is asked for."""


@dataclass(frozen=True)
class Job:
    """Which files are a pair, where rows go, and how a run goes on: the options of `lossctl batch` by their names."""

    pred: str | None = None
    target: str | None = None
    match_files: str = "stem"
    pair: tuple[str, str] | None = None
    manifest: str | None = None
    unmatched: str = "error"
    on_error: str = "stop"
    resume: bool = False
    restart: bool = False
    shard: str | None = None
    scheduler: str | None = None
    output: str | None = None
    junit: str | None = None
    worst: int = 3

    def __post_init__(self) -> None:
        """Refuse what is no choice, and options that do not go together."""
        for name, known in (("on_error", ("stop", "skip")), ("unmatched", ("error", "skip"))):
            if getattr(self, name) not in known:
                told = f"{name.replace('_', '-')} is '{getattr(self, name)}'; expected {' or '.join(known)}"
                raise UsageError(told)
        if (self.resume or self.restart) and not self.output:
            raise UsageError("--resume and --restart are of a run with -o", hint="the journal stands beside the output")
        if self.resume and self.restart:
            raise UsageError("--resume and --restart", hint="go on, or begin anew?")
        if self.shard and not self.output:
            raise UsageError("--shard without -o", hint="-o s1.jsonl, which lossctl merge joins with the others")
        if self.shard:
            shard_of(self.shard)
        if self.scheduler:
            local_workers(self.scheduler)

    def pairing(self) -> Pairing:
        """Return the pairs. Raises UsageError where they are not asked for in one way, DataError."""
        ways = [bool(self.pred or self.target), bool(self.pair), bool(self.manifest)]
        hint = "--pred DIR --target DIR, --pair '{id}_pred.npy' '{id}_gt.npy', or --manifest FILE"
        if sum(ways) != 1 or bool(self.pred) != bool(self.target):
            lacks = "target" if self.pred else "pred"
            several = "several ways to pair" if sum(ways) > 1 else f"no --{lacks}"
            raise UsageError(several if any(ways) else "a batch of which files?", hint=hint)
        if self.manifest:
            return by_manifest(self.manifest)
        if self.pair:
            return by_patterns(*self.pair)
        assert self.pred is not None
        assert self.target is not None
        return by_folders(self.pred, self.target, self.match_files)

    def plan(self, asked: Sequence[Asked], options: Options, pairing: Pairing) -> Plan:
        """Return what is to be computed. Raises UsageError, DataError for what cannot be."""
        shard = shard_of(self.shard) if self.shard else (1, 1)
        if self.unmatched == "error":
            pairing.refuse_unmatched()
        if self.scheduler and options.threads:
            raise UsageError("--threads with --scheduler", hint="dask worker --nthreads, or local:N")
        plan = Plan(asked, options, pairing, shard)
        plan.check()
        if not plan.numbers():
            raise UsageError(f"shard {self.shard} of {len(pairing.pairs)} pairs is empty", hint="fewer shards")
        return plan

    def check_outputs(self, plan: Plan) -> None:
        """Raise UsageError, OutputError for a file that cannot be written or is an input."""
        endings = {"output": (".jsonl",) if self.shard else ENDINGS, "junit": (".xml",)}
        outputs = {name: path for name in endings if (path := getattr(self, name))}
        for name, path in outputs.items():
            check_writable(path, endings[name])
        # Thousands of inputs are not looked up one by one for each output, and not at all for those that are not there.
        written = {place for path in outputs.values() if (place := _place(path))}
        read = [split(text)[0] for pair in plan.pairing.pairs for text in (pair.pred, pair.target)] if written else []
        clashing = [path for path in read if _place(path) in written]
        refuse_overwriting([*outputs.values()], [*clashing, *([self.manifest] if self.manifest else [])])

    def run(self, plan: Plan, progress: Progress, scribe: Scribe) -> Summary:
        """Compute what is missing, and have it written; return the summary. Raises what a pair ends in, OutputError."""
        with connected(self.scheduler) as cluster, self._journal(plan) as journal:
            if self.resume:
                journal.drop(outdated(plan, journal, cluster))
            try:
                fill(plan, journal, progress, stop=self.on_error == "stop", cluster=cluster)
            except LossctlError as error:
                going_on = None if isinstance(error, LimitError) else "--on-error skip goes on"
                error.hint = error.hint or ("--resume goes on from here" if self.output else going_on)
                raise
            scoring = Scoring(plan, self.worst)
            records = scoring.watch(journal.records(plan.numbers()))
            if self.shard:
                assert self.output is not None
                write_shard(journal, plan.header(), plan.numbers(), self.output)
                for _ in records:
                    pass
            else:
                scribe.rows(records)
            summary = scoring.summary()
            scribe.failures(summary)
            scribe.report(journal.records(plan.numbers()))
            # What failed can be tried again.
            if not summary.failures:
                journal.finish()
        return summary

    @contextmanager
    def _journal(self, plan: Plan) -> Iterator[Journal]:
        """Open the journal beside the output; of a run without one, where nobody sees it."""
        header, path = plan.header(), f"{self.output}{ENDING}"
        with ExitStack() as stack:
            if not self.output:
                import tempfile

                path = str(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lossctl-")), "journal"))
            opened = Journal.resume(path, header) if self.resume else Journal.create(path, header, self.restart)
            yield stack.enter_context(opened)


def _place(path: str) -> tuple[int, int] | None:
    """Return what tells a file from any other; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of them
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
