"""The user's own implementation as a rival: `function(pred, target)` of a module or a file.

It takes arrays as they are, and returns the mean, or an array with the loss of every item, or a pair of the mean and
its gradient.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from lossctl.bench.rivals import Function
from lossctl.errors import UsageError


class Own:
    """A function of the user's."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def prepare(self, pred: Any, target: Any) -> tuple[Any, Any]:
        return pred, target

    def value(self, pred: Any, target: Any) -> Any:
        return self._function(pred, target)

    value_and_gradient = value


def load(text: str) -> Own:
    """Return the rival `module:function` or `./file.py:function`. Raises UsageError where there is none."""
    place, colon, name = text.strip().rpartition(":")
    if not (colon and place and name):
        raise UsageError(
            f"'{text.strip()}' is no rival", hint="module:function, ./file.py:function or a name of -L rival="
        )
    try:
        module = _from_file(place) if place.endswith(".py") else _from_path(place)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{place} does not run: {type(error).__name__}: {error}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"{place} has no function {name}")
    return Own(function)


def _from_file(place: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"lossctl_rival_{Path(place).stem}", place)
    if spec is None or spec.loader is None or not Path(place).is_file():
        raise UsageError(f"no file {place}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _from_path(place: str) -> Any:
    """Import a module, also from the folder that the command is run in."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and place.startswith(error.name):
            raise UsageError(f"no module {error.name}", hint="of a file: ./file.py:function") from None
        raise
