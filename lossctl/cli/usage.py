"""What the argument parser complains about, said so that the line can be mended."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Sequence
from typing import Any

import typer

from lossctl.cli.options import OPTIONS
from lossctl.errors import UsageError
from lossctl.loss import Loss, find, names


def explained(error: typer.TyperException, arguments: Sequence[str]) -> UsageError:
    """Return a parser's complaint as one of ours."""
    context = getattr(error, "ctx", None)
    command = context.command if context is not None else None
    typed = _typed(context, arguments)
    operands = [p for p in getattr(command, "params", ()) if p.param_type_name == "argument"]
    usage = " ".join([typed, *(str(p.metavar) for p in operands)])
    option, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    message = error.format_message()
    if hasattr(error, "possibilities"):
        return _unknown(str(option), command, typed)
    if option is not None:
        complaint = f"{option} needs a value" if "requires" in message else _sentence(message)
        return UsageError(complaint, hint=f"{typed} --help")
    if parameter in operands:
        missing = [str(p.metavar) for p in operands[operands.index(parameter) :] if p.required]
        return UsageError(f"missing {' and '.join(missing)}", hint=usage)
    if extra := re.search(r"unexpected extra argument(?:s|\(s\))? \((.*)\)", message, re.DOTALL):
        return UsageError(f"more arguments than expected: {extra[1].strip()}", hint=usage)
    return UsageError(_sentence(message), hint=f"{typed} --help")


def _sentence(message: str) -> str:
    line = " ".join(message.split()).rstrip(".")
    return line[:1].lower() + line[1:]


def _typed(context: Any, arguments: Sequence[str]) -> str:
    """Return the command so far, as one would type it again."""
    if context is None:
        words = [word for word in arguments[:2] if not word.startswith("-")]
    else:
        words = context.command_path.split(maxsplit=2)[1:]
    return " ".join(["lossctl", *map(shlex.quote, words)])


def _unknown(option: str, command: Any, typed: str) -> UsageError:
    """Return the error for an option that a command does not have: misspelt, misplaced or another loss's."""
    known = [name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)]
    name = option.lstrip("-")
    close = difflib.get_close_matches(name, [name.lstrip("-") for name in known], 1, 0.75)
    if close and name.replace("-", "_") not in OPTIONS:
        return UsageError(f"unknown option {option}; did you mean --{close[0]}?", hint=f"{typed} --help")
    losses: Sequence[Loss] = getattr(command, "losses", ())
    if not losses and name.replace("-", "_") in OPTIONS:
        return UsageError(f"{option} stands before the loss", hint="options follow it: lossctl box giou PRED TARGET …")
    called = ", ".join(loss.name for loss in losses)
    if losses and name.replace("-", "_") in OPTIONS:
        return UsageError(f"{option} has no effect on {called}", hint=f"{typed} --help")
    owners = [loss for loss in map(find, names()) if name in [parameter.option for parameter in loss.parameters]]
    if mine := [loss.name for loss in losses if loss in owners]:
        hint = f"write it into the name: '{mine[0]}({name.replace('-', '_')}=…)'"
        return UsageError(f"{option} is not an option of several losses, nor of one with parameters", hint=hint)
    if losses and owners:
        owned = ", ".join(loss.name for loss in owners)
        return UsageError(f"{called} has no option {option}", hint=f"{option} belongs to {owned}")
    return UsageError(f"unknown option {option}", hint=f"{typed} --help")
