"""Files of a store that is reached by a URL: what fsspec opens, as bytes in order, with its failures as DataErrors.

Only schemes of the list are opened, so that no text can start an archive, a cache or a plugin. A small file is fetched
in one go. A larger one is read through fsspec where the store gives any range of it, from an HTTP server that does not
in one stream. Whatever is asked for by place is asked for again if the connection breaks, twice.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from lossctl.data.number import shown
from lossctl.data.stream import Readable, Stream
from lossctl.errors import DataError, UsageError

T = TypeVar("T")

_WEB = ("http", "https")
SCHEMES = (*_WEB, "s3", "s3a", "gs", "gcs", "az", "abfs", "ftp", "sftp", "ssh", "webhdfs", "memory")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# Bytes up to which a file is fetched whole, and bytes of a request beyond what is asked for.
_SMALL, _AHEAD = 4 << 20, 1 << 20
# Seconds between the tries of a request.
_PAUSES = (0.2, 1.0)
# Seconds until an HTTP server is given up: for a connection, and for the next bytes.
_CONNECT, _SILENCE = 10, 60
# What stores call that which changes when a file does, the surest first.
_TAGS = [
    "ETag", "etag", "generation", "Content-MD5", "Digest", "LastModified", "last_modified", "Last-Modified", "mtime",
    "modificationTime", "modify", "created",
]  # fmt: skip
_MISSING, _REFUSED = (404, 410), (401, 403)


class Known(NamedTuple):
    """What a store says of a file: its size in bytes, and what changes when it does."""

    size: int | None
    tag: str


def is_url(text: str) -> bool:
    """Tell whether a text is a URL rather than a path."""
    return _URL.match(text) is not None


def local(url: str) -> str | None:
    """Return the path that a file:// URL means, None of any other."""
    scheme, _, rest = url.partition("://")
    return rest.removeprefix("localhost") if scheme.lower() == "file" else None


def told(url: str) -> str:
    """Return a URL as it may be shown: without a password, and without a query, which may hold a signature."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    hidden = f"{user.partition(':')[0]}:…@{place}" if at and ":" in user else host
    if _is_web(url) and "?" in path:
        path = f"{path.partition('?')[0]}?…"
    return shown(f"{scheme}{mark}{hidden}{slash}{path}", 4096)


def known(url: str) -> Known:
    """Return what the store says of a file now. Raises DataError."""
    with_path = _filesystem(url)
    info = _tried(url, lambda: with_path[0].info(with_path[1]))
    if info.get("type") == "directory":
        raise DataError("a folder, expected a file", path=told(url))
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), "")
    size = info.get("size")
    return Known(size if isinstance(size, int) else None, tag)


def listed(url: str) -> list[str]:
    """Return the URLs of the files that a URL with * or ? matches, or that lie in a folder, in order."""
    system, path = _filesystem(url)

    def find() -> list[str]:
        if "*" in path or "[" in path or ("?" in path and not _is_web(url)):
            found = system.glob(path, detail=True)
        else:
            found = {entry["name"]: entry for entry in system.ls(path, detail=True)}
        return sorted(name for name, entry in found.items() if entry["type"] != "directory")

    scheme, _, rest = url.partition("://")
    # What these call a path begins behind the host.
    host = rest.partition("/")[0] if scheme.lower() in ("ftp", "sftp", "ssh", "webhdfs") else ""
    return [name if is_url(name) else f"{scheme}://{host}{name}" for name in _tried(url, find)]


def is_small(state: Known) -> bool:
    """Tell whether a file is fetched in one go."""
    return state.size is not None and state.size <= _SMALL


def opened(url: str, anywhere: bool | None = None) -> tuple[Stream, Known, bool]:
    """Return a stream at the first byte, what is known of the file, and whether it can be read from any place.

    `anywhere`: what was found of that before. Raises DataError where there is no such file, or the store does not
    give it.
    """
    path, state = told(url), known(url)
    if is_small(state):
        system, name = _filesystem(url)
        content = _tried(url, lambda: system.cat_file(name))
        if len(content) != state.size:
            raise DataError("the file changed while it was read", path=path)
        file = io.BytesIO(content)
        return Stream(file, path, seekable=file), state, True
    if anywhere is None:
        anywhere = state.size is not None and _gives_ranges(url, state.size)
    far = _Far(url, anywhere, state.size)
    return Stream(cast("Readable", far), path, seekable=cast("Any", far) if anywhere else None), state, anywhere


class _Far:
    """A file of a store as a stream reads it."""

    def __init__(self, url: str, anywhere: bool, size: int | None) -> None:
        self._url, self._anywhere = url, anywhere
        self._at = 0
        self._file = _tried(url, lambda: _open(url, anywhere, size))

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""
        data: bytes = self._again(lambda: self._file.read(size))
        self._at += len(data)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; no request is larger than a reader's patience."""
        data = self.read(min(len(buffer), 16 * _AHEAD))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int) -> None:
        """Go on at that byte."""
        self._at = offset
        self._again(lambda: None)

    def close(self) -> None:
        """Let go of it; nothing was written, so nothing can be lost."""
        try:
            self._file.close()
        except Exception:
            return

    def _again(self, call: Callable[[], T]) -> T:
        """Ask from where reading is; what only comes in one stream cannot be asked for twice."""
        if not self._anywhere:
            return _tried(self._url, call, again=False)

        def ask() -> T:
            if self._file.tell() != self._at:
                self._file.seek(self._at)
            return call()

        return _tried(self._url, ask)


def _is_web(url: str) -> bool:
    return url.partition("://")[0].lower() in _WEB


def _open(url: str, anywhere: bool, size: int | None, cache: str = "readahead") -> Any:
    system, path = _filesystem(url)
    if not _is_web(url):
        return system.open(path, "rb", block_size=_AHEAD)
    if not anywhere:
        return system.open(path, "rb", block_size=0, size=1)
    return system.open(path, "rb", block_size=_AHEAD, cache_type=cache, size=size)


def _gives_ranges(url: str, size: int) -> bool:
    """Tell whether a file can be read from any place; an HTTP server may only know how to begin at the first byte."""

    def ask() -> bool:
        with _open(url, True, size, cache="none") as file:
            try:
                file.seek(1)
                return len(file.read(1)) == 1
            except ValueError:
                return False

    return not _is_web(url) or _tried(url, ask)


def _filesystem(url: str) -> tuple[Any, str]:
    """Return what reaches the store, and the name of the file there. Raises UsageError for what is not installed."""
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise UsageError(f"{told(url)}: no known scheme '{scheme}'", hint=f"there are file, {', '.join(SCHEMES)}")
    hint = "pip install 'lossctl[remote]'"
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{told(url)}: lossctl[remote] is not installed", hint=hint) from None
    # A listing that was kept would hide what has changed since.
    options: dict[str, Any] = {"use_listings_cache": False}
    try:
        if scheme in _WEB:
            import aiohttp

            options["client_kwargs"] = {
                "timeout": aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE)
            }
        system, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        needs = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
        needs |= {"sftp": "paramiko", "ssh": "paramiko"}
        library = needs.get(scheme)
        text = f"{scheme}:// needs {library or error.name or error}, which is not installed"
        raise UsageError(f"{told(url)}: {text}", hint=f"pip install {library}" if library else hint) from None
    except Exception as error:
        # Libraries of stores look for credentials here, and fail in their own ways.
        raise _failure(url, error) from error
    return system, path


def _tried(url: str, call: Callable[[], T], again: bool = True) -> T:
    """Return what a call to the store returns, called again where another try may help. Raises DataError."""
    for pause in (*(_PAUSES if again else ()), None):
        try:
            return call()
        except Exception as error:
            # What a store raises is for the library of that store to say: there is no common class.
            if isinstance(error, DataError | UsageError | MemoryError):
                raise
            if pause is None or not _passing(error):
                raise _failure(url, error) from error
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _root(error: BaseException) -> BaseException:
    """Return what was raised first: of every failure, fsspec makes a file that is not there."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _passing(error: Exception) -> bool:
    """Tell whether it may be over in a moment: a connection that broke, a server that is busy."""
    root = _root(error)
    status = getattr(root, "status", None)
    if isinstance(status, int):
        return status >= 500 or status == 429
    if isinstance(root, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return False
    return isinstance(root, ConnectionError | TimeoutError) or type(root).__module__.startswith("aiohttp")


def _failure(url: str, error: Exception) -> DataError:
    root, path = _root(error), told(url)
    status = getattr(root, "status", None)
    if status in _MISSING or (isinstance(root, FileNotFoundError) and status is None):
        return DataError("no such file", path=path)
    if status in _REFUSED or isinstance(root, PermissionError):
        return DataError("no permission to read it", hint="which credentials does the store know?", path=path)
    if isinstance(root, IsADirectoryError):
        return DataError("a folder, expected a file", path=path)
    if isinstance(status, int):
        return DataError(f"cannot be read: the server answers {status}", path=path)
    if isinstance(root, TimeoutError):
        return DataError("cannot be read: no answer in time", path=path)
    reason = getattr(root, "strerror", None) or str(root).partition("\n")[0] or type(root).__name__
    return DataError(f"cannot be read: {shown(reason, 200)}", path=path)
