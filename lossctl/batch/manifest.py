"""A manifest: a table with a row for each pair, its files and whatever is of this pair alone."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from lossctl.batch.pairing import Pair, Pairing, Settings
from lossctl.data import number
from lossctl.data.inline import is_inline
from lossctl.data.number import shown
from lossctl.data.remote import is_url, local
from lossctl.data.table import columns_of, read_table
from lossctl.errors import DataError
from lossctl.loss import did_you_mean
from lossctl.run.options import option_names

REQUIRED, GIVEN = ("id", "pred", "target"), ("group", "weight")
# How the files of a pair are to be read may differ from pair to pair: that makes the same numbers of them.
BY_ROW = (
    "box_format", "pred_format", "target_format", "degrees", "input", "activation", "layout", "ignore_index",
    "nonfinite", "match_by", "match_score", "reduction",
)  # fmt: skip
# What is computed may not: a total of other losses, other classes or other divisors means nothing.
_INSTEAD = {
    "group_by": "a column group names the group of a pair",
    "weights": "a column weight weighs a pair as a whole",
    "threads": "--threads N is for the whole run, and changes no digit",
}
_ASIDE = "_"
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def by_manifest(path: str) -> Pairing:
    """Read pairs from columns id, pred, target, perhaps group, weight and options, in the order of the file.

    Relative paths begin at the manifest's folder; a column whose name begins with _ is left alone. Raises DataError
    for a column that is missing, unknown or of an option that is the same for all pairs, for an empty field, an id that
    is there twice, a weight that is no number ≥ 0.
    """
    path = local(path) or path
    columns = _options_in(path)
    table = read_table(path, REQUIRED, [*GIVEN, *columns], blank=columns)
    folder = os.path.dirname(path)  # noqa: PTH120 - '' for a file of this folder
    pairs: list[Pair] = []
    seen: dict[str, int] = {}
    known: dict[tuple[str | None, ...], Settings] = {}
    settings: dict[Settings, int] = {}
    for line, (name, pred, target, group, weight, *texts) in zip(table.lines, table.rows, strict=True):
        if not name or not pred or not target:
            raise DataError("id, pred or target is empty", path=path, line=line)
        if name in seen:
            raise DataError(f"id {shown(name, 200)} is also in line {seen[name]}", path=path, line=line)
        seen[name] = line
        for side in (pred, target):
            if is_inline(side) or side.partition("::")[0] == "-":
                raise DataError(f"{shown(side)} is no path of a file", path=path, line=line)
        pred, target = (side if is_url(side) else os.path.join(folder, side) for side in (pred, target))  # noqa: PTH118
        own: Settings = ()
        if columns:
            found = known.get(tuple(texts))
            if found is None:
                found = known[tuple(texts)] = _settings(columns, texts, path, line)
            own = found
            settings.setdefault(own, line)
        pairs.append(Pair(name, pred, target, group or "", _weight(weight, path, line), own))
    grouped, weighted = (any(row[place] is not None for row in table.rows) for place in (3, 4))
    by_row = tuple(dict.fromkeys(name for own in settings for name, _ in own))
    return Pairing(pairs, grouped=grouped, weighted=weighted, by_row=by_row, settings=settings, path=path)


def _options_in(path: str) -> dict[str, str]:
    """Return the columns that are options, each with the name of the option."""
    found: dict[str, str] = {}
    line = 1 if path.lower().endswith(".csv") else None
    columns = columns_of(path)
    if not {*REQUIRED} <= {*columns}:
        # Whoever reads them will say so.
        return {}
    for column in columns:
        if column in (*REQUIRED, *GIVEN) or column.startswith(_ASIDE):
            continue
        name = column.replace("-", "_")
        if name not in BY_ROW:
            _refuse(column, name, path, line)
        if name in found.values():
            raise DataError(f"two columns of {name}", path=path, line=line)
        found[column] = name
    return found


def _refuse(column: str, name: str, path: str, line: int | None) -> NoReturn:
    if name in option_names():
        dashed = name.replace("_", "-")
        hint = _INSTEAD.get(name, f"what is computed is the same for all pairs, or a total means nothing: --{dashed}")
        raise DataError(f"column {shown(column)}: not an option of single pairs", hint=hint, path=path, line=line)
    close = did_you_mean(name, (*REQUIRED, *GIVEN, *BY_ROW))
    offer = f"; did you mean '{close}'?" if close else ""
    hint = f"known: {', '.join((*REQUIRED, *GIVEN, *BY_ROW))}; what begins with _ is left alone; "
    hint += "parameters stand with their loss: 'ciou(gate=0.5)'"
    raise DataError(f"unknown column '{shown(column)}'{offer}", hint=hint, path=path, line=line)


def _settings(columns: dict[str, str], texts: Sequence[str | None], path: str, line: int) -> Settings:
    """Return what the options of a row say; of an empty field, nothing."""
    return tuple(
        (name, _read(name, text, path, line)) for name, text in zip(columns.values(), texts, strict=True) if text
    )


def _read(name: str, text: str, path: str, line: int) -> Any:
    readers: dict[str, tuple[Callable[[str], Any], str]] = {
        "ignore_index": (lambda text: number.parse(text.encode()), "a number"),
        "degrees": (lambda text: _FLAGS.get(text.lower()), "yes or no"),
    }
    if name not in readers:
        return text
    reader, expected = readers[name]
    found = reader(text)
    if found is None:
        raise DataError(f"{name} is '{shown(text)}'; expected {expected}", path=path, line=line)
    return found


def _weight(text: str | None, path: str, line: int) -> float:
    try:
        weight = 1.0 if text is None else float(text)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise DataError(f"weight is {shown(str(text))}; expected a number ≥ 0", path=path, line=line)
    return weight
