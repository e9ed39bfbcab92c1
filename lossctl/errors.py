"""What can go wrong, as exceptions that know their exit code, their place and a hint."""

from __future__ import annotations


class LossctlError(Exception):
    """A failure with one clear line for the person who caused it, and perhaps a hint.

    `path`, `line` (1-based, physical) say where in a file; an array index or a row number is part of the message.
    """

    exit_code = 70

    def __init__(
        self, message: str, *, hint: str | None = None, path: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        self.line = line

    def __str__(self) -> str:
        """Return `path:line: message`, as compilers print it, with what is known of the place."""
        place = [part for part in (self.path, self.line) if part is not None]
        return ":".join([*map(str, place), f" {self.message}"]) if place else self.message


class UsageError(LossctlError, ValueError):
    """A bad option, an unknown loss, a parameter out of its range."""

    exit_code = 2


class DataError(LossctlError, ValueError):
    """Data that cannot be read, are malformed, do not match or are not valid."""

    exit_code = 3


class OutputError(LossctlError, OSError):
    """A result that could not be written; what was there before is intact."""

    exit_code = 5


class LimitError(LossctlError, MemoryError):
    """Refused because it would take more memory or time than is allowed."""

    exit_code = 6
