"""A TOML file, and the line on which it is none."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from lossctl.data.origin import locate
from lossctl.errors import DataError

# What a person writes by hand is smaller.
LARGEST = 1 << 20


def read_toml(path: str) -> dict[str, Any]:
    """Return what a TOML file says. Raises DataError where it cannot be read or is none, with the line."""
    stream = locate(path)[0].open()
    try:
        content = stream.read(LARGEST + 1)
    finally:
        stream.close()
    if len(content) > LARGEST:
        raise DataError("larger than 1 MiB", hint="a TOML file of a few lines is expected", path=path)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError("not UTF-8, so not TOML", path=path, line=line) from None
    except tomllib.TOMLDecodeError as error:
        # The place is the end of the message: (at line 3, column 5), or (at end of document).
        what, _, place = str(error).rpartition(" (at ")
        told = re.match(r"line (\d+), column (\d+)", place)
        line = int(told[1]) if told else max(1, len(content.splitlines()))
        where = f"column {told[2]}" if told else "end of file"
        raise DataError(f"not TOML: {what[:1].lower()}{what[1:]} ({where})", path=path, line=line) from None
