"""`lossctl cache`: the compiled kernels on disk, looked at, made beforehand or thrown away."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lossctl.cli.streams import say
from lossctl.engine.cache import cache_directory, cache_root
from lossctl.errors import OutputError, UsageError

ACTIONS = ("info", "warm", "clear")
# Items to compile a kernel on: enough that it is not interpreted.
ENOUGH = 1 << 16


def cache(action: str, losses: Sequence[str], form: str) -> None:
    """Do it. Raises UsageError for an action or a loss that is not there."""
    if action not in ACTIONS:
        raise UsageError(f"unknown action '{action}'", hint=f"lossctl cache {' | '.join(ACTIONS)}")
    if losses and action != "warm":
        raise UsageError(f"cache {action} takes no losses", hint="kernels are kept together")
    if form not in ("", "plain", "json"):
        raise UsageError(f"format is '{form}'; expected plain or json")
    if action == "warm":
        _warm(losses or ["all"])
    facts = _clear() if action == "clear" else _info()
    if form == "json":
        print(json.dumps(facts))
    else:
        for name, fact in facts.items():
            print(f"{name}\t{fact}")


def folders() -> list[Path]:
    """Return the folders of kernels, of this version and of others; nothing else in the cache is lossctl's."""
    return sorted(path for path in cache_root().glob("kernels-*") if path.is_dir() and not path.is_symlink())


def _info() -> dict[str, Any]:
    """Return where the kernels are, how many there are and how large, and what other versions left."""
    own = cache_directory()
    files = list(own.glob("*.kernel")) if own else []
    others = [folder for folder in folders() if folder != own]
    return {
        "folder": str(own) if own else "none that can be trusted",
        "kernels": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "folders of other versions": len(others),
        "bytes of other versions": sum(file.stat().st_size for folder in others for file in folder.glob("*")),
    }


def _clear() -> dict[str, Any]:
    """Remove the kernels of all versions; they are compiled again when they are needed."""
    removed = folders()
    size = sum(file.stat().st_size for folder in removed for file in folder.glob("*"))
    for folder in removed:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"cannot remove it: {error.strerror}", path=str(folder)) from None
    return {"removed folders": len(removed), "removed bytes": size}


def _warm(asked: Sequence[str]) -> None:
    """Compile value and gradient of losses for float64 and float32 data, in the layouts that they are timed in."""
    from lossctl.bench.cases import DTYPES, layouts, make, requested
    from lossctl.loss import find, names
    from lossctl.run.function import LossFunction

    wanted = names() if list(asked) == ["all"] else [find(name).name for name in asked]
    kinds = [(name, layout, dtype) for name in wanted for layout in layouts(find(name)) for dtype in DTYPES]
    for number, (name, layout, dtype) in enumerate(kinds):
        if sys.stderr.isatty():
            print(f"\rlossctl: {number} of {len(kinds)}: {name}".ljust(60), end="", file=sys.stderr, flush=True)
        case = make(requested(name), ENOUGH, dtype, layout)
        function = LossFunction(case.asked)
        function(case.pred, case.target, **case.options)
        function.value_and_gradient(case.pred, case.target, **case.options)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
    if cache_directory() is None:
        say("lossctl: warning: no folder can be trusted with kernels, so they were compiled for nothing")
