"""The way in and the way out: arguments, exit codes, error lines. Nothing leaves here as a traceback but a bug."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer

from lossctl.cli.app import app
from lossctl.cli.signals import INTERRUPTED, TERMINATED, Terminated, leave
from lossctl.cli.streams import mute, prepare, say, unwritable
from lossctl.cli.usage import explained
from lossctl.errors import LimitError, LossctlError, UsageError

# What begins like a number is no option, nor are columns of standard input: -::x1,y1,x2,y2.
NEGATIVE = re.compile(r"-(\.?\d|inf|nan|::)", re.IGNORECASE)
CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that the contract gives to what happened."""
    prepare()
    code = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or _unwritten(error)
        mute(sys.stdout)
    if code in (INTERRUPTED, TERMINATED):
        leave(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    as_json = "--format=json" in arguments or ("--format", "json") in itertools.pairwise(arguments)
    try:
        command = typer.main.get_command(app)
        # A space in front keeps a negative number from being read as an option; readers strip it.
        spaced = [f" {argument}" if NEGATIVE.match(argument) else argument for argument in arguments]
        with command.make_context("lossctl", spaced) as context:
            command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.message.rstrip(), file=sys.stderr)
            return UsageError.exit_code
        return complain(explained(error, arguments), as_json)
    except LossctlError as error:
        return complain(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except MemoryError:
        hint = "more may be free later; --threads 1 needs less"
        return complain(LimitError("not enough memory", hint=hint), as_json)
    except Exception as error:
        # Readers and writers turn their own failures into LossctlErrors: what has no name of a file is stdout.
        if isinstance(error, OSError) and error.filename is None:
            mute(sys.stdout)
            return _unwritten(error)
        if os.environ.get("LOSSCTL_DEBUG"):
            raise
        return complain(_bug(error), as_json)
    return 0


def _unwritten(error: OSError) -> int:
    """Return the exit code of a stdout that takes no more; a pipe that was closed is no news."""
    return CLOSED if isinstance(error, BrokenPipeError) else complain(unwritable(error), as_json=False)


def _bug(error: Exception) -> LossctlError:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno})" if place else ""
    return LossctlError(
        f"a bug in lossctl: {type(error).__name__}: {error}{where}",
        hint="LOSSCTL_DEBUG=1 shows where; please report it",
    )


def complain(error: LossctlError, as_json: bool) -> int:
    """Print an error, one line and its hint, and return its exit code."""
    if as_json:
        from lossctl.show.results import error_json

        try:
            sys.stdout.write(error_json(error))
            sys.stdout.flush()
        except OSError:
            mute(sys.stdout)
        else:
            return error.exit_code
    say(f"lossctl: error: {error}")
    if error.hint:
        say(f"  hint: {error.hint}")
    return error.exit_code
