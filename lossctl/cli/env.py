"""`lossctl env`: the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from lossctl import __version__
from lossctl.bench.machine import cpu
from lossctl.engine.cache import cache_directory
from lossctl.errors import UsageError
from lossctl.run.options import Options

LIBRARIES = ("numpy", "numba", "llvmlite", "pyarrow", "typer", "rich")


def env(form: str) -> None:
    """Print it, `name<TAB>value` or JSON."""
    if form not in ("", "plain", "json"):
        raise UsageError(f"format is '{form}'; expected plain or json")
    facts = gather()
    if form == "json":
        print(json.dumps(facts))
    else:
        for name, fact in facts.items():
            print(f"{name}\t{fact}")


def gather() -> dict[str, str]:
    """Return what decides how fast and with which code lossctl computes."""
    facts = {
        "lossctl": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for library in LIBRARIES:
        try:
            facts[library] = version(library)
        except PackageNotFoundError:
            facts[library] = "missing"
    directory = cache_directory()
    kernels = list(directory.glob("*.kernel")) if directory else []
    size = sum(kernel.stat().st_size for kernel in kernels)
    return facts | {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": cpu(),
        "cpus": str(os.cpu_count()),
        "threads": str(Options().workers),
        "kernel cache": f"{directory} ({len(kernels)} kernels, {size / 1e6:.1f} MB)"
        if directory
        else "none that can be trusted",
        "executable": sys.executable,
    }
