"""Where bytes come from: a path that is checked before it is opened, a pipe, or standard input."""

from __future__ import annotations

import difflib
import errno
import io
import os
import re
import stat
import sys
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from lossctl.data.inline import near_miss
from lossctl.data.number import shown
from lossctl.data.remote import Known, is_small, is_url, known, local, opened, told
from lossctl.data.stream import Readable, Stream, Unzipped
from lossctl.errors import DataError, UsageError

_NAMES_LOOKED_AT = 10_000
_GZIP = b"\x1f\x8b"
# A file of so many bytes or fewer is read at once, and kept.
_SMALL = 128 << 10


class Origin:
    """One input. `path` is safe to print; `size` in bytes is known of files that can be read from any place."""

    def __init__(self, path: str, *, file: str | None = None, pipe: Stream | None = None) -> None:
        """Take a regular file by its name, or a pipe that can be read once."""
        self.path = path
        self.rereadable = pipe is None
        self.size: int | None = None
        self._file = file
        self._pipe = pipe
        self._seen: tuple[int, ...] | None = None
        self._kept: bytes | None = None

    def open(self) -> Stream:
        """Return a stream at the first byte of what is inside; of a pipe only once.

        Raise DataError where the file has gone, may not be read or is not the file it was.
        """
        if self._kept is not None:
            self.size = len(self._kept)
            packed = self._held(self._kept)
        elif self._file is not None:
            packed = self._open_file(self._file)
        elif self._pipe is not None:
            packed, self._pipe = self._pipe, None
        else:
            raise DataError("a pipe can be read only once", path=self.path)
        try:
            if packed.peek(2) != _GZIP:
                return packed
        except BaseException:
            packed.close()
            raise
        self.size = None
        return Stream(Unzipped(packed), self.path, counted=False)

    def give_back(self, stream: Stream) -> None:
        """Keep a pipe, of which nothing was taken yet, for the next `open`; close a file."""
        if self._file is not None:
            stream.close()
        else:
            self._pipe = stream

    def check_unchanged(self) -> None:
        """Raise DataError if the file was written to since it was first opened."""
        if self._file is None:
            return
        try:
            now = _fingerprint(os.stat(self._file))  # noqa: PTH116 - a name is all there is
        except OSError as error:
            raise DataError("the file vanished while it was read", path=self.path) from error
        if now != self._seen:
            raise DataError("the file changed while it was read", path=self.path)

    def _open_file(self, name: str) -> Stream:
        try:
            file = open(name, "rb", buffering=0)  # noqa: PTH123, SIM115 - the stream closes it; Path takes its time
        except OSError as error:
            raise DataError(_reason(error), path=self.path) from error
        status = os.fstat(file.fileno())
        if self._seen is None:
            self._seen = _fingerprint(status)
        elif self._seen != _fingerprint(status):
            file.close()
            raise DataError("the file changed while it was read", path=self.path)
        self.size = status.st_size
        if not 0 < self.size <= _SMALL:
            return Stream(file, self.path, seekable=file)
        with file:
            # One byte more would tell of a file that has grown.
            kept = Stream(file, self.path).read(self.size + 1)
        if len(kept) == self.size:
            self._kept = kept
        return self._held(kept)

    def _held(self, data: bytes) -> Stream:
        memory = io.BytesIO(data)
        return Stream(memory, self.path, seekable=memory, counted=False)


class Remote(Origin):
    """A file of a store, by its URL."""

    def __init__(self, url: str) -> None:
        """Ask nothing yet."""
        super().__init__(told(url), file=url)
        self._url = url
        self._known: Known | None = None
        self._anywhere: bool | None = None

    def check_unchanged(self) -> None:
        """Raise DataError if the store has another file now; a small one was fetched at once, and is what it was."""
        if self._known is not None and not is_small(self._known) and known(self._url) != self._known:
            raise DataError("the file changed while it was read", path=self.path)

    def _open_file(self, name: str) -> Stream:
        stream, found, anywhere = opened(name, self._anywhere)
        if self._known not in (None, found):
            stream.close()
            raise DataError("the file changed while it was read", path=self.path)
        self._known, self._anywhere = found, anywhere
        self.size = found.size if anywhere else None
        return stream


def _fingerprint(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def locate(text: str, stdin: BinaryIO | None = None) -> tuple[Origin, str | None]:
    """Return the input that `path`, `path::selector` or `-` names, and the selector if there is one.

    Raise DataError for what is missing, a folder, a device, a loop of links or not permitted.
    """
    name, chosen = split(text)
    if name == "-":
        return _standard_input(stdin), chosen
    if is_url(name):
        return Remote(name), chosen
    path = shown(name, 4096)
    try:
        mode = os.stat(name)  # noqa: PTH116 - also for names that Path would tidy
    except FileNotFoundError as error:
        raise DataError("no such file", hint=near_miss(text) or _nearest(name), path=path) from error
    except (OSError, ValueError) as error:
        raise DataError(_reason(error), hint=near_miss(text), path=path) from error
    return _checked(name, path, mode), chosen


def split(text: str) -> tuple[str, str | None]:
    """Return the path and the selector of `path::selector`; a file of that whole name has none. Raise UsageError."""
    # The host of a URL may hold colons of its own: http://[::1]/pred.csv
    host = re.match(r"[^/]*://[^/]*", text)
    before = host[0] if host else ""
    name, mark, selector = text[len(before) :].rpartition("::")
    if not mark or _exists(text):
        return local(text) or text, None
    if not selector.strip():
        raise UsageError(f"'{shown(text, 200)}': no column after '::'")
    return local(before + name) or before + name, selector


def _exists(name: str) -> bool:
    try:
        return os.path.lexists(name)
    except ValueError:
        return False


def _checked(name: str, path: str, status: os.stat_result) -> Origin:
    kind = status.st_mode
    if stat.S_ISDIR(kind):
        raise DataError("a folder, expected a file", path=path)
    if stat.S_ISFIFO(kind):
        try:
            return Origin(path, pipe=Stream(Path(name).open("rb", buffering=0), path))
        except OSError as error:
            raise DataError(_reason(error), path=path) from error
    null = stat.S_ISCHR(kind) and status.st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116
    if not stat.S_ISREG(kind) and not null:
        raise DataError("a device or a socket, expected a file", path=path)
    return Origin(path, file=name)


def _standard_input(stdin: BinaryIO | None) -> Origin:
    file = stdin if stdin is not None else getattr(sys.stdin, "buffer", None)
    if file is None or file.closed:
        raise DataError("standard input is closed", path="<stdin>")
    if file.isatty():
        raise DataError("standard input is a terminal, expected a pipe or a file", path="<stdin>")
    return Origin("<stdin>", pipe=Stream(cast("Readable", file), "<stdin>", owned=False))


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "a loop of symbolic links"
    if isinstance(error, OSError):
        return f"cannot be opened: {(error.strerror or str(error)).lower()}"
    return "not the name of a file"


def _nearest(name: str) -> str | None:
    folder, wanted = os.path.split(name)
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in islice(entries, _NAMES_LOOKED_AT)]
    except OSError:
        return f"the folder '{shown(folder, 200)}' cannot be read"
    close = difflib.get_close_matches(wanted, names, n=1)
    return f"did you mean '{shown(str(Path(folder, close[0])), 200)}'?" if close else None
