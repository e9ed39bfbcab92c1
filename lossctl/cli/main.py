"""The way in and the way out: arguments, exit codes, error lines. Nothing leaves here as a traceback but a bug."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import typer

from lossctl.cli.app import app
from lossctl.errors import LossctlError, OutputError, UsageError

# What begins like a number is a number, not an option.
NEGATIVE = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)
INTERRUPTED, TERMINATED, CLOSED = 130, 143, 141


class _Terminated(BaseException):
    """SIGTERM arrived."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that the contract gives to what happened."""
    arguments = sys.argv[1:] if arguments is None else arguments
    code = run(arguments)
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        code = code or CLOSED
        _mute(sys.stdout.fileno())
    except OSError as error:
        code = code or complain(OutputError(f"could not write: {error.strerror}", path="<stdout>"), as_json=False)
        _mute(sys.stdout.fileno())
    if code in (INTERRUPTED, TERMINATED):
        # Threads may be deep in compiled code; nobody waits for them.
        os._exit(code)
    sys.exit(code)


def _mute(descriptor: int) -> None:
    """Point a descriptor nowhere, so that the interpreter's own last flush is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _terminate(signal_number: int, frame: object) -> NoReturn:
    raise _Terminated


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    as_json = "--format=json" in arguments or ("--format", "json") in itertools.pairwise(arguments)
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _terminate)
    try:
        command = typer.main.get_command(app)
        # A space in front keeps a negative number from being read as an option; readers strip it.
        spaced = [f" {argument}" if NEGATIVE.match(argument) else argument for argument in arguments]
        with command.make_context("lossctl", spaced) as context:
            command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        return complain(_usage(error), as_json)
    except LossctlError as error:
        return complain(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        print("lossctl: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        _mute(sys.stdout.fileno())
        return CLOSED
    except MemoryError:
        from lossctl.errors import LimitError

        return complain(
            LimitError("not enough memory", hint="more may be free later, or read the data in parts"), as_json
        )
    except Exception as error:
        if os.environ.get("LOSSCTL_DEBUG"):
            raise
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f" ({Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno})" if place else ""
        bug = LossctlError(
            f"a bug in lossctl: {type(error).__name__}: {error}{where}",
            hint="LOSSCTL_DEBUG=1 shows where; please report it",
        )
        return complain(bug, as_json)
    return 0


def _usage(error: typer.TyperException) -> UsageError:
    """Return a parser's complaint as one of ours."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "lossctl --help"
    return UsageError(" ".join(message.split()).rstrip("."), hint=hint)


def complain(error: LossctlError, as_json: bool) -> int:
    """Print an error, one line and its hint, and return its exit code."""
    if as_json:
        from lossctl.show.results import error_json

        sys.stdout.write(error_json(error))
        return error.exit_code
    lines = [f"lossctl: error: {error}"] + ([f"  hint: {error.hint}"] if error.hint else [])
    for line in lines:
        print(printable(line), file=sys.stderr)
    return error.exit_code


def printable(text: str) -> str:
    """Return text with control characters shown, not sent to the terminal."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    encoding = sys.stderr.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
