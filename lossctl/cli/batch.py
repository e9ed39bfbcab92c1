"""`lossctl batch LOSS`: its options, and what it does with them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from lossctl.cli.options import OPTIONS, OUTPUTS, Entry
from lossctl.errors import UsageError
from lossctl.loss import Loss, find
from lossctl.requests import Asked, Request, losses_of, requests, single

if TYPE_CHECKING:
    pass

FAILED = 4
FAIL_ABOVE = "exit 1 if the total of a loss is above X; or giou=X, and pair:giou=Y, group:giou=Z of every one"
PAIRS: dict[str, Entry] = {
    "pred": Entry("Pairs", "PLACE", "a folder, or a glob in quotes: 'pred/*.npy', 'pred/*.csv::x1..y2'"),
    "target": Entry("Pairs", "PLACE", "the same of the targets; files of one stem are a pair"),
    "match_files": Entry("Pairs", "HOW", "what has to agree: stem, name or 'regex:PATTERN' [stem]", default="stem"),
    "pair": Entry("Pairs", "P T", "two patterns instead: '{id}_pred.npy' '{id}_gt.npy'"),
    "manifest": Entry(
        "Pairs",
        "FILE",
        "a .csv, .jsonl or .parquet instead: id, pred, target, and if you like group, weight, box_format, …",
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
    "scheduler": Entry("Run", "ADDRESS", "compute on Dask instead: tcp://host:8786, or local:4 of its workers here"),
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
MANIFEST = (
    "A manifest has the columns id, pred, target (paths from its folder on), and if you like group, weight, and "
    "options of single pairs in the place of those typed here: {}. An empty field leaves what is typed; a column whose "
    "name begins with _ is left alone. What is computed is the same for all pairs: else a total would mean nothing."
)
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
    from lossctl.batch.manifest import BY_ROW
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
        wrapped(MANIFEST.format(", ".join(BY_ROW))),
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
        from lossctl.cli.batch_run import batch_command

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
