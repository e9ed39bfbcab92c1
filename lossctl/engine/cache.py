"""Where compiled kernels are kept: a private folder whose name is a digest of all that they are made of."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def cache_root() -> Path:
    """Return the folder of all kernel caches: LOSSCTL_CACHE_DIR, or `lossctl` in the user's cache folder."""
    if own := os.environ.get("LOSSCTL_CACHE_DIR"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lossctl"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "lossctl" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lossctl"


@functools.cache
def cache_directory() -> Path | None:
    """Return this version's private cache folder, made if need be; None where there can be no trusted one.

    Cached kernels are code: a folder that others may write to, or that belongs to someone else, is not used.
    """
    directory = cache_root() / f"kernels-{sources_digest()}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = directory.stat()
    except (OSError, RuntimeError):
        return None
    if hasattr(os, "getuid") and (state.st_uid != os.getuid() or state.st_mode & 0o022):
        return None
    return directory


@functools.cache
def sources_digest() -> str:
    """Return a digest of everything that decides what a kernel compiles to, but for the CPU and the kernel's key."""
    digest = hashlib.sha256(repr((version("numba"), version("llvmlite"), sys.version)).encode())
    rooms = ("engine", "like", "losses")
    files = [*PACKAGE.glob("maths*.py"), *(file for room in rooms for file in (PACKAGE / room).rglob("*.py"))]
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
