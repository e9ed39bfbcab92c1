"""Documents that are kept, by name or by path."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from lossctl.bench.record import Document, read
from lossctl.errors import DataError, OutputError, UsageError
from lossctl.loss import did_you_mean

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def folder() -> Path:
    """Return where named documents are: LOSSCTL_DATA_DIR, or `lossctl` in the user's data folder, and there `bench`."""
    if own := os.environ.get("LOSSCTL_DATA_DIR"):
        return Path(own) / "bench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "lossctl" / "bench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "lossctl" / "bench"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "lossctl" / "bench"


def place(name: str) -> str:
    """Return the path of a name, or of a path that ends in .json. Raises UsageError for what is neither."""
    name = name.strip()
    if name.lower().endswith(".json"):
        return name
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no name", hint="letters, digits, dots and dashes; or a path that ends in .json")
    return str(folder() / f"{name}.json")


def place_to_save(name: str) -> str:
    """Return the path to save under; the folder of names is made. Raises UsageError, OutputError."""
    path = place(name)
    if path != name.strip():
        try:
            folder().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"cannot be made: {reason}", hint="LOSSCTL_DATA_DIR", path=str(folder())) from None
    return path


def find(name: str) -> Document:
    """Return what was saved under a name. Raises DataError where there is nothing, or nothing of ours."""
    path = place(name)
    if path == name.strip() or Path(path).exists():
        return read(path)
    known = sorted(file.stem for file in folder().glob("*.json"))
    close = did_you_mean(name, known)
    offer = f"; did you mean '{close}'?" if close else ""
    hint = f"saved: {', '.join(known)}" if known else "nothing is saved yet: lossctl bench … --save NAME"
    raise DataError(f"nothing is saved as '{name}'{offer}", hint=hint)
