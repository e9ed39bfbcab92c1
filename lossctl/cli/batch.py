"""`lossctl batch LOSS`: its options, and what it does with them."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from lossctl.cli import signals
from lossctl.cli.options import OPTIONS, OUTPUTS, Entry, chosen
from lossctl.errors import LossctlError, UsageError
from lossctl.loss import Loss, find
from lossctl.requests import Asked, Request, losses_of, requests, single

if TYPE_CHECKING:
    from lossctl.batch.journal import Journal
    from lossctl.batch.pairing import Pairing
    from lossctl.batch.plan import Plan
    from lossctl.batch.totals import Summary

FAILED = 4
FAIL_ABOVE = "exit 1 if the total of a loss is above X; or giou=X, and pair:giou=Y, group:giou=Z of every one"
PAIRS: dict[str, Entry] = {
    "pred": Entry("Pairs", "PLACE", "a folder, or a glob in quotes: 'pred/*.npy', 'pred/*.csv::x1..y2'"),
    "target": Entry("Pairs", "PLACE", "the same of the targets; files of one stem are a pair"),
    "match_files": Entry("Pairs", "HOW", "what has to agree: stem, name or 'regex:PATTERN' [stem]", default="stem"),
    "pair": Entry("Pairs", "P T", "two patterns instead: '{id}_pred.npy' '{id}_gt.npy'"),
    "manifest": Entry(
        "Pairs", "FILE", "a .csv, .jsonl or .parquet instead: id, pred, target and if you like group, weight"
    ),
    "unmatched": Entry("Pairs", "HOW", "files without a partner: error or skip [error]", default="error"),
    "dry_run": Entry("Pairs", "", "print the pairing and what is unmatched, and compute nothing", bool, default=False),
}
RUN: dict[str, Entry] = {
    "on_error": Entry("Run", "HOW", "at a pair that fails: stop, or skip it and exit 4 [stop]", default="stop"),
    "resume": Entry("Run", "", "go on where a run to the same -o ended; changed files anew", bool, default=False),
    "restart": Entry("Run", "", "forget such a run and begin anew", bool, default=False),
    "shard": Entry("Run", "I/N", "only this share of the pairs; lossctl merge joins the shards"),
    "threads": Entry("Run", "N", "pairs at a time; changes no digit [one for each CPU]", int),
}
OUTPUT: dict[str, Entry] = {
    "output": Entry("Output", "FILE", "write a row for each pair to a .csv, .jsonl or .parquet", short="-o"),
    "format": Entry("Output", "FORMAT", "of the summary: table, plain or json [table on a terminal, else plain]"),
    "worst": Entry("Output", "N", "name the N pairs of the largest loss [3]", int, default="3"),
    "fail_above": Entry("Output", "X", FAIL_ABOVE),
    "junit": Entry("Output", "FILE", "write a test report, a case for each pair: failures by pair:…, errors"),
    "quiet": OUTPUTS["quiet"]._replace(text="no progress, no warnings"),
}
# Options of single pairs that have no meaning here, or another one.
ASIDE = {"pairs", "group_by", "threads"}
ABOUT = "Compute losses of many pairs of files, and what they are over all items, over pairs, by group, at worst."
EXAMPLES = """\
Examples
  lossctl batch dice --pred out/ --target masks/ --input logits -o rows.csv
  lossctl batch giou,ciou --pair 'out/{id}_pred.npy' 'gt/{id}.npy' --worst 10
  lossctl batch dice --manifest pairs.csv --input probs -o rows.csv --resume
  lossctl batch ce --manifest pairs.csv --input logits --shard 1/4 -o s1.jsonl
  lossctl merge s1.jsonl s2.jsonl s3.jsonl s4.jsonl -o rows.csv"""


class BatchCommand(TyperCommand):
    """The command of a batch of some losses."""

    losses: Sequence[Loss] = ()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write its help, with the options of its losses."""
        formatter.write(_help(ctx.command_path, self.losses))


class BatchGroup(TyperGroup):
    """`lossctl batch`: its commands are the losses, built when they are named."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of `giou`, `giou,ciou` or `./mine.py`; raises UsageError for an unknown loss."""
        return _command(cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the loss first; raises UsageError for options that stand before it."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            raise UsageError(f"{args[0]} stands before the loss", hint=f"lossctl batch LOSS {args[0]} …")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take the first argument as a loss, whatever it looks like."""
        return args[0], self.get_command(ctx, args[0]), args[1:]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the options of all losses."""
        formatter.write(_help(ctx.command_path + " LOSS", ()))


def _entries(losses: Sequence[Loss]) -> dict[str, Entry]:
    """Return the options of a batch of some losses; of none given, those of any."""
    from lossctl.cli.command import hidden_of

    hidden = ASIDE | (hidden_of(losses) if losses else set())
    reduction = OPTIONS["reduction"]._replace(
        text="how the items of a pair become one number: mean, sum or hardest:F [mean]"
    )
    weights = OPTIONS["weights"]._replace(text="of items by their class: foreground(power=2); of pairs: see --manifest")
    data = {name: entry for name, entry in OPTIONS.items() if name not in hidden}
    data |= {"reduction": reduction, "weights": weights}
    return {**PAIRS, **data, **RUN, **OUTPUT}


def _help(typed: str, losses: Sequence[Loss]) -> str:
    from lossctl.cli.help import defined, paragraphs, rows_of, term_of, wrapped

    groups: dict[str, list[tuple[str, str]]] = {}
    for name, entry in _entries(losses).items():
        groups.setdefault(entry.group, []).append((term_of(name, entry), entry.text))
    groups["Output"].append(("-h, --help", "show this and exit"))
    parameters = losses[0].parameters if len(losses) == 1 else ()
    return paragraphs(
        f"Usage: {typed} --pred PLACE --target PLACE [OPTIONS]",
        wrapped(ABOUT),
        defined("Losses", [(loss.name, loss.sentence) for loss in losses]),
        defined("Parameters", rows_of(parameters)),
        *(defined(title, rows) for title, rows in groups.items()),
        EXAMPLES,
    )


def _command(text: str) -> Any:
    """Return the command of losses. Raises UsageError."""
    from lossctl.cli.command import keyword, option_of, parameter_of

    alone = find(text) if single(text) else None
    found: list[Asked] = [Request(alone, {})] if alone else requests(text)
    parameters = alone.parameters if alone else ()
    losses = losses_of(found)

    def run(**given: Any) -> None:
        told = {p.name: setting for p in parameters if (setting := given.pop(p.name)) is not None}
        batch_command([Request.of(alone, told)] if alone else found, given)

    pair = Annotated[tuple[str, str] | None, typer.Option("--pair")]
    options = [
        keyword(name, pair, None) if name == "pair" else option_of(name, entry)
        for name, entry in _entries(losses).items()
    ]
    run.__signature__ = inspect.Signature([*map(parameter_of, parameters), *options])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(text, cls=BatchCommand, context_settings={"help_option_names": ["-h", "--help"]})(run)
    built: Any = typer.main.get_command(app)
    built.losses = losses
    return built


def batch_command(asked: Sequence[Asked], given: dict[str, Any]) -> None:
    """Pair, compute, write, show and gate. Raises LossctlError of any kind, and typer.Exit for a gate or failures."""
    from lossctl.batch.plan import Plan, shard_of
    from lossctl.run.foreground import scheme

    form = format_of(given["format"])
    for name, known in (("on_error", ("stop", "skip")), ("unmatched", ("error", "skip"))):
        if given[name] not in known:
            raise UsageError(f"{name.replace('_', '-')} is '{given[name]}'; expected {' or '.join(known)}")
    if (given["resume"] or given["restart"]) and not given["output"]:
        raise UsageError("--resume and --restart are of a run with -o", hint="the journal stands beside the output")
    if given["resume"] and given["restart"]:
        raise UsageError("--resume and --restart", hint="go on, or begin anew?")
    weighing = scheme(given["weights"] or "")
    if given["weights"] and weighing is None:
        raise UsageError("weights of items in a batch", hint="foreground(power=2), or a column weight of the manifest")
    worst = whole_number("worst", given["worst"])
    options = chosen({**given, "weights": weighing})
    shard = shard_of(given["shard"]) if given["shard"] else (1, 1)
    if given["shard"] and not given["output"]:
        raise UsageError("--shard without -o", hint="-o s1.jsonl, which lossctl merge joins with the others")
    if given["shard"] and (given["fail_above"] or given["junit"]):
        raise UsageError("a gate or a report of one shard", hint="lossctl merge has them, of the whole batch")
    pairing = _pairing(given)
    if given["dry_run"]:
        from lossctl.show.batch import pairing as shown

        sys.stdout.write(shown(pairing, form))
        return
    if given["unmatched"] == "error":
        pairing.refuse_unmatched()
    plan = Plan(asked, options, pairing, shard)
    plan.check()
    limits = limits_of(given["fail_above"], plan)
    if not plan.numbers():
        raise UsageError(f"shard {given['shard']} of {len(pairing.pairs)} pairs is empty", hint="fewer shards")
    _check_outputs(plan, given)
    summary = _run(plan, given, worst, limits)
    report(summary, limits, given, form)


def _run(plan: Plan, given: Mapping[str, Any], worst: int, limits: Mapping[str, float]) -> Summary:
    """Compute what is missing, and write rows; return the summary."""
    from lossctl.batch.run import fill, outdated
    from lossctl.batch.shards import write_shard
    from lossctl.batch.totals import Scoring
    from lossctl.cli.own import blamed
    from lossctl.show.progress import Progress

    with _journal(plan, given) as journal, Progress(given["quiet"]) as progress:
        if given["resume"]:
            journal.drop(outdated(plan, journal))
        if given["output"]:
            signals.advice = "what is computed is kept: --resume goes on"
        try:
            fill(plan, journal, progress, stop=given["on_error"] == "stop")
        except LossctlError as error:
            error.hint = error.hint or ("--resume goes on from here" if given["output"] else "--on-error skip goes on")
            raise
        except Exception as error:
            raise blamed(error, losses_of(plan.asked)) or error from None
        scoring = Scoring(plan, worst)
        records = scoring.watch(journal.records(plan.numbers()))
        if given["shard"]:
            write_shard(journal, plan.header(), plan.numbers(), given["output"])
            for _ in records:
                pass
        else:
            write(records, plan, given)
        summary = scoring.summary()
        write_failures(summary, given["output"])
        write_report(journal.records(plan.numbers()), plan, limits, given["junit"])
        # What failed can be tried again.
        if not summary.failures:
            journal.finish()
    return summary


@contextmanager
def _journal(plan: Plan, given: Mapping[str, Any]) -> Iterator[Journal]:
    """Open the journal beside the output; of a run without one, where nobody sees it."""
    from lossctl.batch.journal import ENDING, Journal

    header, path = plan.header(), f"{given['output']}{ENDING}"
    with ExitStack() as stack:
        if not given["output"]:
            import tempfile

            path = str(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lossctl-")), "journal"))
        opened = Journal.resume(path, header) if given["resume"] else Journal.create(path, header, given["restart"])
        yield stack.enter_context(opened)


def _pairing(given: Mapping[str, Any]) -> Pairing:
    from lossctl.batch.pairing import by_folders, by_manifest, by_patterns

    ways = [bool(given["pred"] or given["target"]), bool(given["pair"]), bool(given["manifest"])]
    hint = "--pred DIR --target DIR, --pair '{id}_pred.npy' '{id}_gt.npy', or --manifest FILE"
    if sum(ways) != 1 or bool(given["pred"]) != bool(given["target"]):
        lacks = "target" if given["pred"] else "pred"
        several = "several ways to pair" if sum(ways) > 1 else f"no --{lacks}"
        raise UsageError(several if any(ways) else "a batch of which files?", hint=hint)
    if given["manifest"]:
        return by_manifest(given["manifest"])
    if given["pair"]:
        return by_patterns(*given["pair"])
    return by_folders(given["pred"], given["target"], given["match_files"])


def _check_outputs(plan: Plan, given: Mapping[str, Any]) -> None:
    from lossctl.cli.outputs import refuse_overwriting
    from lossctl.data.output import check_writable
    from lossctl.show.rows import ENDINGS

    endings = {"output": (".jsonl",) if given["shard"] else ENDINGS, "junit": (".xml",)}
    outputs = {name: given[name] for name in endings if given[name]}
    for name, path in outputs.items():
        check_writable(path, endings[name])
    # Thousands of inputs are not looked up one by one for each output, and not at all for those that are not there.
    written = {place for path in outputs.values() if (place := _place(path))}
    read = (_path(text) for pair in plan.pairing.pairs for text in (pair.pred, pair.target))
    clashing = [path for path in read if _place(path) in written] if written else []
    refuse_overwriting([*outputs.values()], [*clashing, *([given["manifest"]] if given["manifest"] else [])])


def _place(path: str) -> tuple[int, int] | None:
    """Return what tells a file from any other; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of them
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _path(text: str) -> str:
    from lossctl.data.origin import split

    return split(text)[0]


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


def write(records: Any, plan: Plan, given: Mapping[str, Any]) -> None:
    """Write rows if there is a file to write them to; take all records in any case."""
    if given["output"]:
        from lossctl.show.rows import write_rows

        write_rows(records, plan, given["output"])
    for _ in records:
        pass


def errors_path(output: str) -> str:
    """Return the name of the file of failures: out.csv has out.errors.csv."""
    return f"{output.rpartition('.')[0]}.errors.csv"


def write_failures(summary: Summary, output: str | None) -> None:
    """Write the pairs that failed beside the output; take away what an earlier run wrote there."""
    from lossctl.show.rows import write_errors

    if output and summary.failures:
        write_errors(summary.failures, errors_path(output))
    elif output:
        Path(errors_path(output)).unlink(missing_ok=True)


def write_report(records: Any, plan: Plan, limits: Mapping[str, float], path: str | None) -> None:
    """Write a test report, if it is asked for."""
    if path:
        from lossctl.show.junit import write_junit

        write_junit(records, plan, limits, path)


def report(summary: Summary, limits: Mapping[str, float], given: Mapping[str, Any], form: str) -> None:
    """Show the summary, say what failed, and gate. Raises typer.Exit."""
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
