"""The journal of a batch: what is known of each pair, a line as soon as it is computed.

A line is a JSON object that ends with a checksum of what stands before it. The first tells what is computed: the
signature and a digest of the pairing. Lines are only ever appended, so whatever stops the process leaves whole lines,
and at most one torn one, which is cut off when the journal is opened again. Of two lines of one pair the later holds.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from lossctl.data.number import shown
from lossctl.errors import DataError, OutputError, UsageError

SCHEMA = "lossctl.shard/1"
ENDING = ".journal"
_MARK = b',"crc":"'
_HINT = "--resume continues it, --restart begins anew"


def line_of(record: dict[str, Any]) -> bytes:
    """Return a record as a line with its checksum."""
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()[:-1]
    return body + _MARK + f'{zlib.crc32(body):08x}"}}\n'.encode()


def record_of(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line; None for a line that is torn or is not what was written."""
    body, mark, check = line.rpartition(_MARK)
    if not mark or check != f'{zlib.crc32(body):08x}"}}\n'.encode():
        return None
    found = json.loads(body + b"}")
    return found if isinstance(found, dict) else None


class Journal:
    """An open journal that no other run can open meanwhile."""

    def __init__(self, file: BinaryIO, path: str, pairs: int) -> None:
        """Hold an open file, or a temporary one for a batch that writes none."""
        self._file, self._path = file, path
        # Where the line of each pair begins; -1 where there is none.
        self.places = array("q", [-1]) * pairs
        self._end = 0

    @classmethod
    def create(cls, path: str, header: dict[str, Any], restart: bool) -> Journal:
        """Begin a journal. Raises UsageError where there is one already, OutputError where none can be written."""
        try:
            file = _opened(path, os.O_CREAT | (0 if restart else os.O_EXCL))
        except FileExistsError:
            # Perhaps in use: that is told first.
            _opened(path, 0).close()
            raise UsageError(f"{shown(path, 200)}: a run that did not finish", hint=_HINT) from None
        journal = cls(file, path, header["pairs"])
        with journal.closed_by_errors():
            journal._begin(header)
        return journal

    @classmethod
    def resume(cls, path: str, header: dict[str, Any]) -> Journal:
        """Open a journal to go on, or begin one where there is none.

        Raises DataError for one of another signature or pairing, and for a file that is no journal.
        """
        if not Path(path).exists():
            return cls.create(path, header, restart=False)
        journal = cls(_opened(path, 0), path, header["pairs"])
        with journal.closed_by_errors():
            known = journal._recover()
            if known is not None:
                refuse_other(known, header, path)
            elif journal._foreign():
                raise DataError("not a journal of lossctl", hint="--restart begins anew", path=path)
            else:
                # It was stopped within its first line.
                journal._begin(header)
        return journal

    def _begin(self, header: dict[str, Any]) -> None:
        with _told(self._path):
            os.ftruncate(self._file.fileno(), 0)
        self.append(line_of(header))

    @contextmanager
    def closed_by_errors(self) -> Iterator[None]:
        """Close the file if the block fails."""
        try:
            yield
        except BaseException:
            self._file.close()
            raise

    def _foreign(self) -> bool:
        self._file.seek(0)
        start = f'{{"schema":"{SCHEMA}"'.encode()
        found = self._file.read(1 << 16).rstrip(b"\0")
        return not (start.startswith(found) or (found.startswith(start) and b"\n" not in found))

    def _recover(self) -> dict[str, Any] | None:
        """Find the lines of all pairs, cut off what is broken at the end; return the header."""
        header = None
        self._file.seek(0)
        for line in self._file:
            record = record_of(line)
            if record is None:
                break
            if header is None:
                header = record if record.get("schema") == SCHEMA else None
                if header is None:
                    return None
            elif 0 <= record["i"] < len(self.places):
                self.places[record["i"]] = self._end
            self._end += len(line)
        if header is not None:
            with _told(self._path):
                os.ftruncate(self._file.fileno(), self._end)
        return header

    def append(self, lines: bytes, numbers: Iterable[int] = ()) -> None:
        """Add whole lines, of the pairs of those numbers. Raises OutputError; what was there before stays."""
        at = self._end
        view = memoryview(lines)
        with _told(self._path):
            os.lseek(self._file.fileno(), self._end, os.SEEK_SET)
            while view:
                view = view[os.write(self._file.fileno(), view) :]
        self._end += len(lines)
        for number, line in zip(numbers, io.BytesIO(lines), strict=False):
            self.places[number] = at
            at += len(line)

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget pairs, which are to be computed anew."""
        for number in numbers:
            self.places[number] = -1

    def records(self, numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield the records of pairs in the order of their numbers given."""
        for line in self.lines(numbers):
            found = record_of(line)
            if found is None:
                raise DataError("it was written to by somebody else", path=self._path)
            yield found

    def lines(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """Yield the lines of pairs."""
        # A reader of its own: what is read ahead may have been written since.
        with io.BufferedReader(io.FileIO(os.dup(self._file.fileno()))) as reader:
            for number in numbers:
                reader.seek(self.places[number])
                yield reader.readline()

    def sync(self) -> None:
        """See to it that what was written survives a power cut."""
        with suppress(OSError):
            os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Remove the file: there is nothing left to continue."""
        with suppress(OSError):
            Path(self._path).unlink()

    def __enter__(self) -> Self:
        """Hold the file, and its lock."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        self._file.close()


def refuse_other(known: dict[str, Any], header: dict[str, Any], path: str) -> None:
    """Raise DataError for a journal or a shard of anything else than the header tells."""
    if known.get("signature") != header["signature"]:
        told = f"it is of {shown(str(known.get('signature')), 400)}"
        raise DataError(told, hint=f"this is {header['signature']}; --restart begins anew", path=path)
    for key, what in (
        ("code", "a loss file that has changed"),
        ("pairing", "another pairing"),
        ("shard", "another shard"),
    ):
        if known.get(key) != header[key]:
            raise DataError(f"it is of {what}", hint="--restart begins anew", path=path)


def _opened(path: str, flags: int) -> BinaryIO:
    """Open a file and lock it for this process, until it is closed or the process ends.

    Raises FileExistsError as `flags` want it, UsageError where another process has the lock, OutputError.
    """
    with _told(path):
        file = os.fdopen(os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | flags, 0o666), "r+b")
    try:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except OSError:
        file.close()
        hint = "wait for it, or write elsewhere"
        raise UsageError(f"{shown(path, 200)}: another run is writing it", hint=hint) from None
    return file


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn writes that fail into OutputErrors that say how to go on."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "what is in it is kept: make room, then --resume"
        raise OutputError(f"could not be written: {reason}", hint=hint, path=shown(path, 200)) from error
