"""`lossctl merge`: the shards of a batch together, to the byte as if it had been one run."""

from __future__ import annotations

from typing import Annotated

import typer

from lossctl.cli.batch import FAIL_ABOVE, OUTPUT


def merge(
    shards: Annotated[list[str], typer.Argument(metavar="SHARD…", help="the files that lossctl batch --shard wrote")],
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help=OUTPUT["output"].text)] = None,
    form: Annotated[str | None, typer.Option("--format", metavar="FORMAT", help=OUTPUT["format"].text)] = None,
    worst: Annotated[str, typer.Option("--worst", metavar="N", help=OUTPUT["worst"].text)] = "3",
    fail_above: Annotated[str | None, typer.Option("--fail-above", metavar="X", help=FAIL_ABOVE)] = None,
    junit: Annotated[str | None, typer.Option("--junit", metavar="FILE", help=OUTPUT["junit"].text)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=OUTPUT["quiet"].text)] = False,
) -> None:
    """Join the shards of a batch: the same rows, summary and gates as those of one run over all pairs."""
    from lossctl.batch.shards import Shards
    from lossctl.batch.totals import Scoring
    from lossctl.cli.batch_run import format_of, limits_of, report, whole_number
    from lossctl.data.output import check_writable, refuse_overwriting
    from lossctl.data.table import ENDINGS
    from lossctl.show.scribe import Scribe

    given = {"output": output, "quiet": quiet}
    form, count = format_of(form), whole_number("worst", worst)
    if output:
        check_writable(output, ENDINGS)
    if junit:
        check_writable(junit, (".xml",))
    refuse_overwriting([path for path in (output, junit) if path], shards)
    with Shards(shards) as opened:
        plan = opened.plan()
        limits = limits_of(fail_above, plan)
        scoring = Scoring(plan, count)
        scribe = Scribe(plan, output, junit, limits)
        scribe.rows(scoring.watch(opened.records()))
        scribe.report(opened.records())
    summary = scoring.summary()
    scribe.failures(summary)
    report(summary, limits, given, form)
