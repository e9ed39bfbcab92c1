"""How much memory may be taken at once by data that have to be held as a whole: said and refused before it is taken."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lossctl.errors import LimitError, UsageError

# So much is taken unasked: less than starting takes.
FREE = 64 << 20
# The share of the memory that is free which may be taken.
SHARE = 0.75
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?)(I?)B?\s*", re.IGNORECASE)
_CGROUP = Path("/sys/fs/cgroup")


def size_of(given: str | float) -> int:
    """Return the bytes of 2G, 500M, 1.5GiB or a number. Raises UsageError."""
    match = _SIZE.fullmatch(str(given))
    if match is None or not float(match[1]):
        raise UsageError(f"max_memory is '{given}'; expected a size such as 500M or 2G")
    unit = match[2].upper()
    return math.ceil(float(match[1]) * (1024 ** "KMGT".find(unit) * 1024 if match[3] and unit else _UNITS[unit]))


def shown_size(size: float) -> str:
    """Write a number of bytes: 1.5 GB."""
    unit = next((unit for unit in "TGMK" if size >= _UNITS[unit]), "")
    return f"{size / _UNITS[unit]:.3g} {unit}B" if unit else f"{size:.0f} bytes"


def claim(need: int, most: int | None, what: str, hint: str, path: str | None = None) -> None:
    """Raise LimitError where `what` needs more than `most` bytes; of None, than its share of what is free."""
    if need <= (FREE if most is None else most):
        return
    most = int(SHARE * available()) if most is None else most
    if need > most:
        told = f"{what} needs {shown_size(need)} of memory, and {shown_size(most)} may be taken"
        raise LimitError(told, hint=f"{hint}; or --max-memory {_enough(need)}", path=path)


def _enough(need: int) -> str:
    unit = next((unit for unit in "TGM" if need >= _UNITS[unit]), "K")
    return f"{math.ceil(need / _UNITS[unit])}{unit}"


def available() -> int:
    """Return how many bytes this process can still take: of the machine, of its container and of its own limit."""
    return max(0, min(_limits(), default=1 << 62))


def _limits() -> Iterator[int]:
    with suppress(OSError, ValueError, AttributeError):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError, IndexError):
        yield int(Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]) << 10
    for folder in _groups():
        v2 = (folder / "memory.max").exists()
        limit, used = ("max", "current") if v2 else ("limit_in_bytes", "usage_in_bytes")
        with suppress(OSError, ValueError, IndexError):
            told = f"\n{(folder / 'memory.stat').read_text()}"
            # What only keeps files at hand makes room.
            yields = int(told.partition("\ninactive_file " if v2 else "\ntotal_inactive_file ")[2].split()[0])
            taken = int((folder / f"memory.{used}").read_text()) - yields
            yield int((folder / f"memory.{limit}").read_text()) - taken
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        limit_of_process = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit_of_process != resource.RLIM_INFINITY:
            yield limit_of_process - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _groups() -> Iterator[Path]:
    """Yield the folders that may tell a limit of this container, of version 2 and of version 1."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "" or "memory" in kinds.split(","):
            top = _CGROUP / "memory" if kinds else _CGROUP
            # Within a container its own folder is often the top.
            yield from {top, top / path.lstrip("/")}
