"""The commands, each loaded when it is asked for."""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from lossctl import __version__
from lossctl.cli.batch import BatchGroup
from lossctl.cli.bench import bench
from lossctl.cli.compare import compare
from lossctl.cli.joint import joint
from lossctl.cli.merge import merge
from lossctl.cli.texts import keep_texts
from lossctl.errors import UsageError

FAMILIES = {
    "box": ("losses of boxes", ("box",)),
    "pixel": ("losses of images, masks and class maps", ("region", "classification", "regression")),
    "classification": ("losses of class scores", ("classification",)),
    "regression": ("losses of numbers", ("regression",)),
    "ranking": ("losses of pairs and triplets, of scores or of rows of embeddings", ("ranking",)),
}
COMPUTING = [*FAMILIES, "joint", "batch", "merge", "compare"]
HELP = {"help_option_names": ["-h", "--help"]}
WIDE = 100

keep_texts()


class LossGroup(TyperGroup):
    """A family: its commands are the losses, built when they are named."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of `giou`, `giou,ciou`, `all` or `./mine.py`; raises UsageError for an unknown loss."""
        from lossctl.cli.command import command

        return command(str(self.name), FAMILIES[str(self.name)][1], cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take the first argument as a loss, whatever it looks like."""
        return args[0], self.get_command(ctx, args[0]), args[1:]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the losses with their first sentence."""
        from lossctl.cli.help import of_family
        from lossctl.loss import find, names

        about, shelves = FAMILIES[str(self.name)]
        losses = [find(name) for shelf in shelves for name in names(shelf)]
        formatter.write(of_family(str(self.name), about, losses))


def _rows(command: Any, ctx: Any, kind: str) -> list[tuple[str, str]]:
    """Return the arguments or the options of a command, each with its text."""
    rows = []
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == kind:
            names = (
                [parameter.metavar]
                if kind == "argument"
                else [", ".join(sorted(parameter.opts, key=len)), parameter.metavar]
            )
            rows.append((" ".join(filter(None, names)), parameter.help or ""))
    return rows


class Command(TyperCommand):
    """A command that is no loss."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write it as all help is written."""
        from lossctl.cli.help import of_command

        operands, options = _rows(self, ctx, "argument"), _rows(self, ctx, "option")
        formatter.write(of_command(ctx.command_path, str(self.help), operands, options, self.more()))

    def more(self) -> str:
        """Return what its help says below the options."""
        return ""


class JointCommand(Command):
    """The command of recipes, whose help has one."""

    def more(self) -> str:
        """Return a recipe to paste, and its keys."""
        from lossctl.cli.joint import more_help

        return more_help()


class BenchCommand(Command):
    """The command of timings, whose help tells of axes and rivals."""

    def more(self) -> str:
        """Return the axes, the rivals and examples."""
        from lossctl.cli.bench import more_help

        return more_help()


class CompareCommand(Command):
    """The command that compares, whose help tells of its figures."""

    def more(self) -> str:
        """Return what they are, and examples."""
        from lossctl.cli.compare import more_help

        return more_help()


class Commands(TyperGroup):
    """All commands."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        from lossctl.cli.help import of_program

        commands = [(name, self.commands[name].get_short_help_str(WIDE)) for name in self.list_commands(ctx)]
        formatter.write(of_program(str(self.help), commands, _rows(self, ctx, "option")))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names, what computes first."""
        return sorted(self.commands, key=lambda name: COMPUTING.index(name) if name in COMPUTING else len(COMPUTING))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names; raises UsageError with what was meant."""
        if args[0] not in self.commands:
            _refuse(args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


def _refuse(name: str, known: list[str]) -> NoReturn:
    from lossctl.cli.shelf import COMMANDS
    from lossctl.loss import did_you_mean, find, shelf

    if name.replace("_", "-") in shelf():
        family = find(name).family
        raise UsageError(f"'{name}' is a loss", hint=f"lossctl {COMMANDS.get(family, family)} {name} …")
    close = did_you_mean(name, known)
    offer = f"; did you mean '{close}'?" if close else ""
    raise UsageError(f"unknown command '{name}'{offer}", hint=f"the commands are {', '.join(known)}")


app = typer.Typer(
    name="lossctl",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)

for _name, (_about, _) in FAMILIES.items():
    app.add_typer(
        typer.Typer(
            name=_name, short_help=_about, cls=LossGroup, no_args_is_help=True, rich_markup_mode=None,
            callback=lambda: None,
        )
    )  # fmt: skip


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"lossctl {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version and exit")
    ] = False,
) -> None:
    """Losses of boxes, masks, class scores and numbers, from files, exactly and fast."""


app.add_typer(
    typer.Typer(
        name="batch", short_help="many pairs of files: folders, patterns, a manifest", cls=BatchGroup,
        no_args_is_help=True, rich_markup_mode=None, callback=lambda: None,
    )
)  # fmt: skip
app.command(cls=Command, short_help="the shards of a batch, as if it had been one run")(merge)
app.command(cls=CompareCommand, short_help="whether one batch is better than another, pair by pair")(compare)
app.command(cls=JointCommand, short_help="a weighted sum of losses, each with its own files")(joint)
app.command(cls=BenchCommand, short_help="time losses on this CPU, against NumPy, torch or code of your own")(bench)


@app.command("list", cls=Command, short_help="all losses, or those that are good at the words")
def list_losses(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORDS]", help="only losses whose text has all of them, best what they are good at"),
    ] = None,
    output_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="table, plain or json [table on a terminal, else plain]")
    ] = "",
) -> None:
    """List the losses, or those that are good at all the words: lossctl list segmentation imbalance."""
    from lossctl.cli.shelf import list_losses as show

    show(words or [], output_format)


@app.command(cls=Command, short_help="what a loss is good at, formula, curve, reference, examples")
def explain(
    loss: Annotated[str, typer.Argument(metavar="LOSS", help="a name, or a loss file ./mine.py")],
) -> None:
    """Explain a loss: what it is good at, formula, range, parameters, curve, what others do, reference, examples."""
    from lossctl.cli.shelf import explain as show

    show(loss)


@app.command(cls=Command, short_help="versions, CPU, threads and the kernel cache")
def env(
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="plain or json [plain]")] = "",
) -> None:
    """Print versions, CPU, threads and the kernel cache: what a report of a bug or a timing should hold."""
    from lossctl.cli.env import env as show

    show(output_format)


@app.command(cls=Command, short_help="the compiled kernels on disk: info, warm or clear")
def cache(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="info, warm (compile beforehand) or clear")],
    losses: Annotated[
        list[str] | None, typer.Argument(metavar="[LOSS…]", help="what to compile for warm [all of the shelf]")
    ] = None,
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="plain or json [plain]")] = "",
) -> None:
    """Look at the kernels that are kept compiled, compile them before they are needed, or throw them away."""
    from lossctl.cli.cache import cache as run

    run(action, losses or [], output_format)
