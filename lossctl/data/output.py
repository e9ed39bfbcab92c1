"""Files that appear whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lossctl.data.number import shown
from lossctl.errors import OutputError, UsageError

ENDINGS = (".csv", ".json", ".npy")
# Files that are being written: for whoever has to leave without unwinding.
unfinished: set[str] = set()


class _Guarded(io.FileIO):
    """A file whose failing writes are OutputErrors; a closed pipe stays BrokenPipeError."""

    def __init__(self, file: int | str, shown_path: str, kept: bool) -> None:
        # Appending keeps what a shell has already sent to a redirected /dev/stdout.
        super().__init__(file, "ab")
        self._shown_path = shown_path
        self._kept = kept

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _failed(error, self._shown_path, self._kept) from error


def _failed(error: OSError, path: str, kept: bool) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(
        f"could not be written: {reason}",
        hint="what was there before is intact" if kept else None,
        path=path,
    )


def _is_special(path: str) -> bool:
    """Tell whether a path is a pipe, a device or an open file, which no file may replace."""
    if path in ("/dev/stdout", "/dev/stderr") or path.startswith(("/dev/fd/", "/proc/self/fd/")):
        return True
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - also for names that Path would tidy
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def check_writable(path: str, endings: tuple[str, ...] = ENDINGS) -> None:
    """Find out before anything is computed whether `path` can be written.

    Raise UsageError for an unknown ending, OutputError for a folder, a missing or a read-only one.
    """
    safe = shown(path, 4096)
    if _is_special(path):
        if not os.access(path, os.W_OK):
            raise OutputError("no permission to write it", path=safe)
        return
    if os.path.isdir(path):  # noqa: PTH112 - '' is no folder, but is for Path
        raise OutputError("a folder, expected the name of a file", path=safe)
    if not path.lower().endswith(endings):
        known = ", ".join(endings)
        raise UsageError(f"{safe}: unknown ending, expected one of {known}")
    try:
        target = os.path.realpath(path, strict=False)
        folder = os.path.dirname(target)  # noqa: PTH120
        if not os.path.isdir(folder):  # noqa: PTH112
            raise OutputError("its folder does not exist", path=safe)
        if os.path.exists(target) and not os.access(target, os.W_OK):  # noqa: PTH110
            raise OutputError("no permission to write it", path=safe)
        import tempfile

        # Only an attempt is sure: root, ACLs and read-only mounts all make os.access lie.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except ValueError as error:
        raise OutputError("not the name of a file", path=safe) from error
    except OutputError:
        raise
    except OSError as error:
        raise _failed(error, safe, kept=True) from error


def refuse_overwriting(outputs: Sequence[str], inputs: Sequence[str]) -> None:
    """Raise UsageError for an output that is an input or another output."""
    read = [Path(path) for path in inputs]
    seen = set()
    for output in outputs:
        if Path(output).is_file() and any(path.exists() and path.samefile(output) for path in read):
            raise UsageError(f"{output} is an input", hint="write somewhere else")
        place = os.path.realpath(output)
        if place in seen and not place.startswith(("/dev/", "/proc/")):
            raise UsageError(f"{output} would be written twice", hint="give each output a file of its own")
        seen.add(place)


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """Open a binary file that takes the place of `path` when the block ends without an exception.

    It is written beside `path`, synced and renamed; on any exception it is removed, and `path` stays as it
    was. Pipes and devices are written to as they are. Raise OutputError where writing fails.
    """
    safe = shown(path, 4096)
    if _is_special(path):
        with _straight(path, safe) as file:
            yield file
        return
    import tempfile

    target = Path(os.path.realpath(path))
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".tmp")
    except OSError as error:
        raise _failed(error, safe, kept=True) from error
    unfinished.add(name)
    raw = _Guarded(number, safe, kept=True)
    try:
        file = io.BufferedWriter(raw, 1 << 20)
        yield file
        file.flush()
        try:
            Path(name).chmod(_mode(target))
            os.fsync(number)
            raw.close()
            Path(name).replace(target)
        except OSError as error:
            raise _failed(error, safe, kept=True) from error
    except BaseException:
        # Closing the buffer would write the rest of it.
        with suppress(OSError):
            raw.close()
        with suppress(OSError):
            Path(name).unlink()
        raise
    finally:
        unfinished.discard(name)
    with suppress(OSError):
        _sync_folder(target.parent)


@contextmanager
def _straight(path: str, safe: str) -> Iterator[IO[bytes]]:
    try:
        raw = _Guarded(path, safe, kept=False)
    except OSError as error:
        raise _failed(error, safe, kept=False) from error
    try:
        file = io.BufferedWriter(raw, 1 << 20)
        yield file
        file.flush()
    finally:
        raw.close()


def _mode(target: Path) -> int:
    """Return the permissions of the file that is replaced, or those that a new file gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
