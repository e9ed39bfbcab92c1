"""The command of a loss: `lossctl box giou PRED TARGET`, built from the loss file when it is named.

A loss's parameters are options of its command; options that it has no use for are not offered.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from lossctl.cli.evaluate import evaluate_command
from lossctl.cli.help import SIDES, of_losses, operands_of, shown_options
from lossctl.cli.options import Entry
from lossctl.cli.shelf import COMMANDS
from lossctl.errors import UsageError
from lossctl.loss import Loss, Parameter, find, names
from lossctl.requests import Asked, Request, losses_of, requests, single
from lossctl.run.checks import USES


class LossCommand(TyperCommand):
    """The command of one loss or several."""

    losses: Sequence[Loss] = ()
    parameters: Sequence[Parameter] = ()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write what the loss file says, and the options."""
        formatter.write(
            of_losses(ctx.command_path, self.losses, self.parameters, shown_options(hidden_of(self.losses)))
        )


def command(family: str, shelves: Sequence[str], text: str) -> Any:
    """Return the command of losses named `text` in a family. Raises UsageError for a loss that is not there."""
    found = _found(family, shelves, text)
    losses = losses_of(found)
    for loss in losses:
        if loss.family not in shelves:
            there = COMMANDS.get(loss.family, loss.family)
            there = f"lossctl {there} {text if all(other.family == loss.family for other in losses) else loss.name} …"
            raise UsageError(f"{loss.name} is a {loss.family} loss", hint=there)
    _refuse_mixed(family, losses)
    alone = losses[0] if single(text) and text != "all" else None
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(text, cls=LossCommand, context_settings={"help_option_names": ["-h", "--help"]})(
        _callback(found, alone, every=text == "all")
    )
    built: Any = typer.main.get_command(app)
    built.losses, built.parameters = losses, alone.parameters if alone else ()
    return built


def _found(family: str, shelves: Sequence[str], text: str) -> list[Asked]:
    """Return the requests of a text; parameters that are required may still come as options."""
    if text == "all":
        return [Request.of(loss, {}) for name in names(shelves[0]) if _stands_alone(loss := find(name))]
    if re.match(r"\s*[-+.]?\d[^*]*$", text):
        hint = f"the loss comes first: lossctl {family} LOSS {SIDES if family == 'ranking' else 'PRED TARGET'}"
        raise UsageError(f"'{text.strip()}' is no loss", hint=hint)
    if single(text):
        return [Request(find(text), {})]
    return requests(text)


def _refuse_mixed(family: str, losses: Sequence[Loss]) -> None:
    """Raise UsageError for losses that do not take the same sides."""
    takes: dict[tuple[str, ...], list[str]] = {}
    for loss in losses:
        takes.setdefault(loss.operands if loss.sides != ("pred",) else loss.sides, []).append(loss.name)
    if len(takes) > 1:
        ways = (f"lossctl {family} {','.join(named)} {' '.join(sides).upper()}" for sides, named in takes.items())
        raise UsageError("these losses do not take the same sides", hint=", or ".join(ways))


def _stands_alone(loss: Loss) -> bool:
    return not any(parameter.required for parameter in loss.parameters)


def hidden_of(losses: Sequence[Loss]) -> set[str]:
    """Return the options that none of the losses has a use for."""
    return {name for name, used in USES.items() if not any(map(used, losses))}


def _callback(found: Sequence[Asked], alone: Loss | None, every: bool) -> Any:
    losses = losses_of(found)
    parameters = alone.parameters if alone else ()

    def run(**given: Any) -> None:
        settings = {p.name: given.pop(p.name) for p in parameters}
        told = {name: setting for name, setting in settings.items() if setting is not None}
        asked: list[Asked] = [Request.of(alone, told)] if alone else list(found)
        typed = {role: given.pop(f"operand_{role}") for role in operands}
        evaluate_command(asked, typed, given, every)

    operands = operands_of(losses).lower().split()
    arguments = [_argument(name) for name in operands]
    options = [option_of(name, entry) for name, entry in shown_options(hidden_of(losses)).items()]
    run.__signature__ = inspect.Signature([*arguments, *map(parameter_of, parameters), *options])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """Return an argument of a callback that is built."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _argument(role: str) -> inspect.Parameter:
    # A side may be called like a parameter: p of a triplet and p of a norm.
    return keyword(f"operand_{role}", Annotated[str, typer.Argument(metavar=role.upper())], inspect.Parameter.empty)


def option_of(name: str, entry: Entry) -> inspect.Parameter:
    """Return an option as its entry says."""
    typed: Any = bool if entry.takes is bool else str | None
    long = f"--{name.replace('_', '-')}"
    if entry.takes is bool and entry.default:
        long = f"{long}/--no-{long[2:]}"
    declared = (long, entry.short) if entry.short else (long,)
    return keyword(name, Annotated[typed, typer.Option(*declared)], entry.default)


def parameter_of(parameter: Parameter) -> inspect.Parameter:
    """Return the option of a loss's parameter: a switch, or a text that the parameter itself understands."""
    return keyword(parameter.name, Annotated[bool | None if parameter.flag else str | None, typer.Option()], None)
