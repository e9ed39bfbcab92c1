"""The standard streams as they come: closed, full, broken off, or of an encoding that knows no Greek."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from lossctl.errors import OutputError

STDOUT = "<stdout>"


class _Closed(io.TextIOBase):
    """In the place of a standard output that was closed: results sent to it are lost, and lossctl says so."""

    def write(self, text: str, /) -> int:
        raise OSError(errno.EBADF, "it is closed")


def prepare() -> None:
    """Make the three streams usable; a file that is opened later must not become one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        if isinstance(sys.stdout.buffer, io.RawIOBase):
            # Under PYTHONUNBUFFERED a write that the disk or the pipe took half of passes for a whole one.
            sys.stdout = os.fdopen(sys.stdout.fileno(), "w", encoding=sys.stdout.encoding, closefd=False)
        sys.stdout.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """Print a line on stderr; where that is broken there is nobody to tell."""
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        mute(sys.stderr)


def printable(text: str) -> str:
    """Return text with control characters shown, not sent to the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def mute(stream: TextIO) -> None:
    """Point a broken stream nowhere, so that the interpreter's own last flush is silent."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def unwritable(error: OSError) -> OutputError:
    """Return what a failed write to stdout is called."""
    return OutputError(f"could not be written: {(error.strerror or str(error)).lower()}", path=STDOUT)
