"""The one grammar of a number in text, and what to say about a field that is none.

ASCII decimal only: `[+-]?(1|1.|1.5|.5)([eE][+-]?9)?`, with spaces or tabs around it.
"""

from __future__ import annotations

import re
from math import inf

_DECIMAL = rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
PATTERN = rb"[ \t]*+" + _DECIMAL + rb"[ \t]*+"
_NUMBER = re.compile(PATTERN)
_MISSING = frozenset({"na", "n/a", "#n/a", "null", "none", "nil", "nat", "?", "-", "--", "missing"})
_WORD = re.compile(rb"[ \t]*[+-]?(?:nan|inf|infinity)[ \t]*", re.IGNORECASE)
_NONFINITE = re.compile(r"[+-]?(?:nan(?:\(.*\))?|inf|infinity|1\.#(?:inf|ind|qnan))", re.IGNORECASE)
_SHOWN = 40
_LOOKED_AT = 400  # bytes of a hostile field that are worth a guess


def shown(text: str | bytes, length: int = _SHOWN) -> str:
    """Return text that is safe to print: at most `length` characters, what is not printable escaped."""
    if isinstance(text, bytes):
        text = text[: 4 * length + 4].decode("utf-8", "backslashreplace")
    cut = text[:length]
    if cut.isprintable():
        return cut + ("…" if len(text) > length else "")
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return safe + ("…" if len(text) > length else "")


def is_number(field: bytes) -> bool:
    """Tell whether a field is a number, be it too large for a float or not."""
    return _NUMBER.fullmatch(field) is not None


def parse(field: bytes, nonfinite: bool = False) -> float | None:
    """Return the correctly rounded float64 of a field, or None for what is no finite number.

    `nonfinite` admits the words nan, inf and infinity, with a sign; a number that overflows is refused all the same.
    """
    if _NUMBER.fullmatch(field) is None:
        return float(field) if nonfinite and _WORD.fullmatch(field) else None
    value = float(field)
    return value if abs(value) != inf else None


def resembles_number(field: bytes) -> bool:
    """Tell whether a field was meant as a value and not as the name of a column."""
    text = field[:_LOOKED_AT].decode("utf-8", "replace").strip()
    if text.lower() in _MISSING or _NONFINITE.fullmatch(text):
        return True
    bare = text.lstrip("+-\N{MINUS SIGN}.,'\"$€ ")
    return bare[:1].isdecimal()


def complaint(field: bytes) -> tuple[str, str | None]:
    """Return a message and a hint for a field that `parse` refuses."""
    text = field[:_LOOKED_AT].decode("utf-8", "backslashreplace").strip(" \t")
    if not field.strip(b" \t"):
        return "empty field, expected a number", "missing values are refused: fill them in or drop the row"
    quoted = f"'{shown(text)}'"
    if is_number(field):
        return f"{quoted} overflows to infinity", "the largest float64 is 1.797e308"
    if text.lower() in _MISSING:
        return f"{quoted} is a missing value", "missing values are refused: fill them in or drop the row"
    if _NONFINITE.fullmatch(text):
        return (
            f"{quoted} is not finite",
            "--nonfinite skip leaves such rows out, --nonfinite propagate computes with them",
        )
    return f"{quoted} is not a number", _guess(text)


def _guess(text: str) -> str | None:
    if delimiter := other_delimiter(text):
        return f"the delimiter looks like {delimiter}; only ',' is read"
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return "a thousands separator? write 1234.5 for 1,234.5"
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", text):
        return "a decimal comma? write 1.5 for 1,5"
    if re.fullmatch(r"[+-]?\d[\d_.]*_[\d_.eE+-]*", text):
        return "digits are not grouped here: write 1000 for 1_000"
    if re.fullmatch(r"[+-]?0[xX][0-9a-fA-F.]+([pP][+-]?\d+)?", text):
        return "hexadecimal is not read: write 16 for 0x10"
    if "\N{MINUS SIGN}" in text:
        return "the minus sign is U+2212: write '-'"
    if any(c.isdigit() and not c.isascii() for c in text):
        return "its digits are not ASCII: write 0 to 9"
    if '"' in text:
        return "a quote must be the first character of its field"
    return None


def other_delimiter(text: str) -> str | None:
    """Return the delimiter that a row seems to have in place of the comma, as a message shows it."""
    for delimiter, name in ((";", "';'"), ("\t", "a tab"), ("|", "'|'")):
        if delimiter in text:
            return name
    parts = text.split()
    if len(parts) > 1 and all(is_number(part.encode()) for part in parts):
        return "a space"
    return None
