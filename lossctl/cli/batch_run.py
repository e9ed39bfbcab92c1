"""What `lossctl batch` does with its options: run, show, say what failed, and gate."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from lossctl.cli import signals
from lossctl.cli.options import chosen
from lossctl.errors import UsageError
from lossctl.requests import Asked, losses_of

if TYPE_CHECKING:
    from lossctl.batch.job import Job
    from lossctl.batch.plan import Plan
    from lossctl.batch.totals import Summary

FAILED = 4


def batch_command(asked: Sequence[Asked], given: dict[str, Any]) -> None:
    """Pair, compute, write, show and gate. Raises LossctlError of any kind, and typer.Exit for a gate or failures."""
    from lossctl.batch.job import Job
    from lossctl.run.foreground import scheme

    form = format_of(given["format"])
    weighing = scheme(given["weights"] or "")
    if given["weights"] and weighing is None:
        raise UsageError("weights of items in a batch", hint="foreground(power=2), or a column weight of the manifest")
    if given["shard"] and (given["fail_above"] or given["junit"]):
        raise UsageError("a gate or a report of one shard", hint="lossctl merge has them, of the whole batch")
    told = {field.name: given[field.name] for field in fields(Job)}
    job = Job(**told | {"worst": whole_number("worst", given["worst"])})
    options = chosen({**given, "weights": weighing})
    pairing = job.pairing()
    if given["dry_run"]:
        from lossctl.show.batch import pairing as shown

        sys.stdout.write(shown(pairing, form))
        return
    plan = job.plan(asked, options, pairing)
    limits = limits_of(given["fail_above"], plan)
    job.check_outputs(plan)
    report(_run(job, plan, limits, given["quiet"]), limits, given, form)


def _run(job: Job, plan: Plan, limits: Mapping[str, float], quiet: bool) -> Summary:
    """Run it, with its progress on a terminal. Raises UsageError where a loss file of the user's own is to blame."""
    from lossctl.run.own import blamed
    from lossctl.show.progress import Progress
    from lossctl.show.scribe import Scribe

    if job.output:
        signals.advice = "what is computed is kept: --resume goes on"
    with Progress(quiet) as progress:
        try:
            return job.run(plan, progress, Scribe(plan, job.output, job.junit, limits))
        except Exception as error:
            raise blamed(error, losses_of(plan.asked)) or error from None


def format_of(text: str | None) -> str:
    """Return the format of a summary. Raises UsageError."""
    from lossctl.show.batch import FORMATS

    form = text or ("table" if sys.stdout.isatty() else "plain")
    if form not in FORMATS:
        raise UsageError(f"format is '{form}'; expected {', '.join(FORMATS)}")
    return form


def whole_number(name: str, text: str) -> int:
    """Return a number from 0 on. Raises UsageError."""
    if not text.strip().isascii() or not text.strip().isdecimal():
        raise UsageError(f"{name} is '{text.strip()}'; expected a whole number from 0 on")
    return int(text)


def limits_of(text: str | None, plan: Plan) -> dict[str, float]:
    """Return the limits of totals, pairs and groups. Raises UsageError."""
    from lossctl.cli import gate

    scopes = ["pair", *(["group"] if plan.pairing.grouped else [])]
    return gate.limits(text, plan.names, [f"{scope}:{name}" for scope in scopes for name in plan.names])


def report(summary: Summary, limits: Mapping[str, float], given: Mapping[str, Any], form: str) -> None:
    """Show the summary, say what failed, and gate. Raises typer.Exit."""
    from lossctl.batch.output import errors_path
    from lossctl.cli.evaluate import terminal
    from lossctl.cli.streams import say
    from lossctl.show.batch import render

    sys.stdout.write(render(summary, form, *terminal()))
    if summary.warned and not given["quiet"]:
        say(f"lossctl: warning: {summary.warned} pairs have warnings; lossctl with one of them tells")
    failed = len(summary.failures)
    if failed:
        first = summary.failures[0]
        more = f"; all of them: {errors_path(given['output'])}" if given["output"] else ""
        again = "; --resume tries them again" if given["output"] and "resume" in given else ""
        say(f"lossctl: {failed} of {summary.pairs} pairs failed: {first.id}: {first.message}{more}{again}")
    refused = _gate(summary, limits)
    sys.stdout.flush()
    if failed:
        raise typer.Exit(FAILED)
    if refused:
        from lossctl.cli.gate import GATE_FAILED

        raise typer.Exit(GATE_FAILED)


def _gate(summary: Summary, limits: Mapping[str, float]) -> bool:
    """Tell whether anything is above its limit, and say what."""
    from lossctl.cli.streams import say
    from lossctl.show.results import number

    refused = False
    for score in summary.scores:
        found = {score.loss: score.total, f"pair:{score.loss}": score.spread.max if score.spread else None}
        totals = [group.total for group in score.groups if group.total is not None]
        found[f"group:{score.loss}"] = max(totals, default=None)
        for name, value in found.items():
            # Not `value > limit`: a NaN passes no gate.
            if name in limits and value is not None and not value <= limits[name]:
                refused = True
                say(f"lossctl: gate: {name} {number(value)} is above {number(limits[name])}")
    return refused
