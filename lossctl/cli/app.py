"""The commands, each loaded when it is asked for."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lossctl import __version__

FAMILIES = {
    "box": ("losses of boxes", ("box",)),
    "pixel": ("losses of images, masks and class maps", ("region", "classification", "regression")),
    "classification": ("losses of class scores", ("classification",)),
    "regression": ("losses of numbers", ("regression",)),
}


class LossGroup(TyperGroup):
    """A family: its commands are the losses, built when they are named."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the losses."""
        from lossctl.loss import names

        return [name for family in FAMILIES[str(self.name)][1] for name in names(family)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of `giou`, `giou,ciou`, `all` or `./mine.py`; raises UsageError for an unknown loss."""
        from lossctl.cli.evaluate import command

        return command(str(self.name), FAMILIES[str(self.name)][1], cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take the first argument as a loss, whatever it looks like."""
        return args[0], self.get_command(ctx, args[0]), args[1:]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the losses with their first sentence."""
        from lossctl.loss import find

        rows = [(name, find(name).sentence.partition(":")[2].strip().split(";")[0]) for name in self.list_commands(ctx)]
        with formatter.section("Losses"):
            formatter.write_dl([(name, text.removesuffix(".")) for name, text in rows])


app = typer.Typer(
    name="lossctl",
    help="Losses of boxes, masks, class scores and numbers, from files, exactly and fast.",
    epilog="lossctl box giou 0,0,10,10 5,5,15,15",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

for _name, (_help, _) in FAMILIES.items():
    app.add_typer(
        typer.Typer(
            name=_name, help=f"{_help[0].upper()}{_help[1:]}: lossctl {_name} LOSS PRED TARGET.", cls=LossGroup,
            no_args_is_help=True, rich_markup_mode=None, callback=lambda: None,
            subcommand_metavar="LOSS PRED [TARGET] [OPTIONS]",
            epilog="LOSS: a name, several with commas, all, or a file ./mine.py. LOSS --help tells all about one.",
        )
    )  # fmt: skip


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"lossctl {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Losses of boxes, masks, class scores and numbers, from files, exactly and fast."""


@app.command("list")
def list_losses(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="Only losses whose text has all of them.")
    ] = None,
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="table, plain or json.")] = "",
) -> None:
    """List the losses, or those whose text has all the words: lossctl list segmentation."""
    from lossctl.cli.shelf import list_losses as show

    show(words or [], output_format)


@app.command()
def explain(
    loss: Annotated[str, typer.Argument(metavar="LOSS", help="A name, or a loss file ./mine.py.")],
) -> None:
    """Explain a loss: formula, range, parameters, what others do, reference, examples."""
    from lossctl.cli.shelf import explain as show

    show(loss)


@app.command()
def env(
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="plain or json.")] = "",
) -> None:
    """Print versions, CPU, threads and the kernel cache: what a report of a bug or a timing should hold."""
    from lossctl.cli.env import env as show

    show(output_format)
