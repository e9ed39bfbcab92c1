"""The machine that times are taken on: its fingerprint, how busy it is, its memory."""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from lossctl.bench.clock import timed
from lossctl.run.workers import usable

LIBRARIES = ("lossctl", "numpy", "numba", "llvmlite", "torch", "torchvision", "monai", "powerboxes")
# Larger than the caches of most CPUs.
LARGE = 1 << 24
BUSY = 0.5


def machine() -> dict[str, str]:
    """Return what tells one machine from another as far as times go."""
    return {
        "cpu": cpu(),
        "cpus": str(os.cpu_count()),
        "usable": str(usable()),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of what is timed and of what it is timed against, as far as they are installed."""
    found = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def cpu() -> str:
    """Return the CPU's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        if names:
            return names[0]
    return platform.processor() or "unknown"


def load() -> float | None:
    """Return how many processes ran or waited to run in the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy() -> str | None:
    """Return a warning where other work runs on the machine."""
    running = load()
    if running is None or running < BUSY * usable():
        return None
    return f"the machine is busy (load {running:.1f} on {usable()} CPUs): times will swing, trust the ratios"


def bandwidth(threads: int) -> float:
    """Return the bytes a second that so many threads read: the sum of a large array of float64, each a part of it."""
    import numpy as np

    parts = np.array_split(np.ones(LARGE), threads)
    with ThreadPoolExecutor(threads) as pool:

        def read() -> None:
            list(pool.map(np.sum, parts))

        read()
        return 8 * LARGE / median(timed(read, 1) for _ in range(7))


def peak() -> int | None:
    """Return the most memory that this process has had so far, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
