"""Bytes in order, with a look ahead, from a file, a pipe or a gzip of either."""

from __future__ import annotations

import gzip
import zlib
from typing import IO, Protocol

from lossctl.errors import DataError

# Bytes of a file that are read ahead: a small file is read in one go.
_AHEAD = 1 << 16
# Bytes that came from files and pipes so far, for whoever wants to know how far it is.
_taken = 0


def taken() -> int:
    """Return how many bytes were read so far, nearly."""
    return _taken


class Readable(Protocol):
    """What a stream is read from; both calls may return less than was asked for."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most `size` bytes, none at the end."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill `buffer` from its start and return how many bytes were read, 0 at the end."""

    def close(self) -> None:
        """Let go of the file."""


class Stream:
    """A reader whose short reads mean the end, and whose failures are DataErrors with the path."""

    def __init__(
        self, file: Readable, path: str, *, seekable: IO[bytes] | None = None, owned: bool = True, counted: bool = True
    ) -> None:
        """Read from `file`, closed here if `owned`; `seekable` is the same file if it can be positioned.

        `counted`: its bytes have not been counted elsewhere.
        """
        self._owned = owned
        self._counted = counted
        self._file = file
        self._seekable = seekable
        self._path = path
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end, without taking them."""
        if len(self._ahead) < size:
            # A file is there at once; of a pipe no more is waited for than is asked.
            self._ahead = self.read(size if self._seekable is None else max(size, _AHEAD))
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""
        parts = [self._ahead[:size]]
        missing = size - len(parts[0])
        self._ahead = self._ahead[size:]
        while missing > 0:
            part = self._some(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return parts[1] if len(parts) == 2 and not parts[0] else b"".join(parts)

    def readinto(self, view: memoryview) -> int:
        """Fill `view`, a flat view of bytes, and return how many were read: fewer only at the end."""
        done = min(len(self._ahead), len(view))
        view[:done] = self._ahead[:done]
        self._ahead = self._ahead[done:]
        while done < len(view):
            try:
                count = self._file.readinto(view[done:])
            except (OSError, EOFError, zlib.error) as error:
                raise self._failure(error) from error
            if not count:
                break
            done += count
            self._count(count)
        return done

    def seek(self, offset: int) -> None:
        """Continue at a byte offset of a regular file that is not compressed."""
        assert self._seekable is not None
        self._ahead = b""
        self._seekable.seek(offset)

    def close(self) -> None:
        """Close the file underneath, unless it is another's."""
        if self._owned:
            self._file.close()

    def _some(self, size: int) -> bytes:
        try:
            part = self._file.read(size) or b""
        except (OSError, EOFError, zlib.error) as error:
            raise self._failure(error) from error
        self._count(len(part))
        return part

    def _count(self, size: int) -> None:
        global _taken
        if self._counted:
            _taken += size

    def _failure(self, error: Exception) -> DataError:
        if isinstance(error, EOFError):
            return DataError("the gzip data end too early", hint="the file is truncated", path=self._path)
        if isinstance(error, (gzip.BadGzipFile, zlib.error)):
            return DataError(f"corrupt gzip data ({error})", path=self._path)
        return DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path=self._path)


class Unzipped:
    """The contents of a gzip stream, all its members, as they are read."""

    def __init__(self, packed: Stream) -> None:
        """Read from `packed`, which is closed together with this."""
        self._packed = packed
        self._file = gzip.GzipFile(fileobj=packed, mode="rb")

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        return self._file.read1(min(size, 1 << 20))

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`."""
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Close the packed stream."""
        self._file.close()
        self._packed.close()
