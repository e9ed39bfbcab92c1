"""Which columns of a CSV are read: chosen by a selector, by known names, or all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from lossctl.data import number
from lossctl.data.records import Record
from lossctl.data.strict import Layout, ragged
from lossctl.errors import DataError

_SHOWN_COLUMNS = 30
_PLACE = re.compile(r"-?[0-9]{1,9}")


class Wanted(NamedTuple):
    """What was asked of a file: a selector, sets of names that are taken unasked, the columns in a row."""

    selector: str | None
    names: Sequence[Sequence[str]]
    width: int | None


def choose(first: Record, second: Record | None, wanted: Wanted, path: str) -> tuple[Layout, bool]:
    """Return what is read of each row, and whether the first record is a header.

    `second` is the record after the first. Raise DataError when no reading fits, when two do, or when the
    first row is half header and half numbers, so that taking it for either would lose something.
    """
    texts = [field.decode().strip() for field in first.fields]
    named = not all(number.is_number(field) for field in first.fields)
    if wanted.selector is not None:
        chosen, header = _select(wanted.selector, first, texts, named, path)
        if wanted.width is not None and len(chosen) != wanted.width:
            raise DataError(f"{_counted(len(chosen))} chosen, expected {wanted.width}", path=path)
    elif named and (found := _by_names(texts, wanted.names, path)):
        chosen, header = found, True
    else:
        if wanted.width is not None and len(texts) != wanted.width:
            if second is not None and len(second.fields) != len(texts) and len(second.fields) == wanted.width:
                raise ragged(first, Layout(wanted.width, (), None), path)
            raise _no_reading(texts, wanted, path, named)
        chosen = tuple(range(len(texts)))
        header = named and _is_header(first, chosen, path)
        _refuse_text(first, second if header else first, wanted, path)
    columns = tuple(texts) if header else None
    return Layout(len(texts), chosen, columns), header


def _parts(selector: str) -> list[str]:
    return [end.strip() for part in selector.split(",") for end in part.split("..")]


def _select(selector: str, first: Record, texts: list[str], named: bool, path: str) -> tuple[tuple[int, ...], bool]:
    """Return the chosen places, and whether the first row is a header.

    A name wins over a position, but only a header has names: a row `a.png,1,2` need not be one.
    """
    if not named:
        return places(selector, None, len(texts), path), False
    parts = _parts(selector)
    both = [part for part in parts if part in texts and _PLACE.fullmatch(part)]
    beyond = [part for part in both if not -len(texts) <= int(part) < len(texts)]
    if not beyond and all(_PLACE.fullmatch(part) for part in parts):
        chosen = places(selector, None, len(texts), path)
        fields = [first.fields[place] for place in chosen]
        if not both:
            return chosen, _is_header(first, chosen, path)
        if any(number.resembles_number(field) for field in fields):
            hint = "count positions from the end, as in -1, to choose them whatever the first row is"
            message = f"'{both[0]}' is a position, and is in the first row: a header or numbers?"
            raise DataError(message, hint=hint, path=path, line=first.line)
    return places(selector, texts, len(texts), path), True


def places(selector: str, names: list[str] | None, count: int, path: str) -> tuple[int, ...]:
    """Return the columns that a selector chooses of `count`; `names` are those of a header. Raise DataError."""
    chosen: list[int] = []
    for part in (part.strip() for part in selector.split(",")):
        first, dots, last = part.partition("..")
        if not dots or (names is not None and part in names):
            chosen.append(_column(part, names, count, path))
            continue
        start, stop = (_column(end.strip(), names, count, path) for end in (first, last))
        if stop < start:
            raise DataError(f"column range '{number.shown(part)}' runs backwards", path=path)
        chosen.extend(range(start, stop + 1))
    return tuple(chosen)


def _column(name: str, names: list[str] | None, count: int, path: str) -> int:
    if names is not None and name in names:
        if names.count(name) > 1:
            places = ", ".join(str(place) for place, other in enumerate(names) if other == name)
            hint = f"choose one by its position: {places}"
            raise DataError(f"duplicate column name '{number.shown(name)}'", hint=hint, path=path, line=1)
        return names.index(name)
    if _PLACE.fullmatch(name):
        place = int(name)
        if -count <= place < count:
            return place % count
        raise DataError(f"no column {place}: the file has {_counted(count)}", path=path)
    if names is None:
        hint = f"there is no header; choose by position: 0 to {count - 1}"
        raise DataError(f"no column '{number.shown(name)}'", hint=hint, path=path)
    close = difflib.get_close_matches(name, names[:1000], n=1)
    hint = f"did you mean '{number.shown(close[0])}'? " if close else ""
    hint += f"the columns are {_listed(names)}"
    raise DataError(f"no column '{number.shown(name)}'", hint=hint, path=path, line=1)


def _by_names(texts: list[str], sets: Sequence[Sequence[str]], path: str) -> tuple[int, ...] | None:
    folded = [text.casefold() for text in texts]
    present = set(folded)
    readings: dict[tuple[int, ...], Sequence[str]] = {}
    for names in sets:
        if all(name.casefold() in present for name in names):
            places = tuple(_place(name, texts, folded, path) for name in names)
            readings.setdefault(places, names)
    if len(readings) > 1:
        both = " or ".join(",".join(names) for names in readings.values())
        hint = f"choose: {path}::{','.join(next(iter(readings.values())))}"
        raise DataError(f"the columns can be read as {both}", hint=hint, path=path, line=1)
    return next(iter(readings), None)


def _place(name: str, texts: list[str], folded: list[str], path: str) -> int:
    exact = name if texts.count(name) == 1 else None
    if exact is None and folded.count(name.casefold()) > 1:
        hint = "choose columns by position: path::0,1,2,3"
        raise DataError(f"duplicate column name '{number.shown(name)}'", hint=hint, path=path, line=1)
    return texts.index(name) if exact is not None else folded.index(name.casefold())


def _is_header(first: Record, chosen: tuple[int, ...], path: str) -> bool:
    """Tell whether the chosen fields of a first row are names; raise DataError where it cannot be told."""
    fields = [first.fields[place] for place in chosen]
    if all(number.is_number(field) for field in fields):
        return False
    if not any(field and number.resembles_number(field) for field in fields):
        return True
    bad = next(place for place in chosen if not number.is_number(first.fields[place]))
    message, _ = number.complaint(first.fields[bad])
    row = number.shown(b",".join(first.fields), 80)
    hint = f"column {bad}: {message}; if it is a header, choose columns: {path}::col,col"
    raise DataError(f"neither a header nor a row of numbers: {row}", hint=hint, path=path, line=first.line)


def _refuse_text(first: Record, row: Record | None, wanted: Wanted, path: str) -> None:
    """Raise DataError if all columns were to be read unasked and the first row of data holds words."""
    if wanted.width is not None or row is None or len(row.fields) != len(first.fields):
        return
    for place, field in enumerate(row.fields):
        if not number.is_number(field) and not number.resembles_number(field) and field.strip():
            names = [text.decode().strip() for text in first.fields]
            message = f"column {place} is text ('{number.shown(field)}'), and no columns were chosen"
            hint = f"choose: {path}::col,col of {_listed(names)}"
            raise DataError(message, hint=hint, path=path, line=row.line)


def _no_reading(texts: list[str], wanted: Wanted, path: str, named: bool) -> DataError:
    delimiter = number.other_delimiter(texts[0]) if len(texts) == 1 else None
    listed = f": {_listed(texts)}" if named else ""
    if delimiter:
        hint = f"the delimiter looks like {delimiter}; only ',' is read"
    elif named:
        hint = f"choose: {path}::col,col"
    else:
        hint = f"choose by position, as in {path}::0..{(wanted.width or 1) - 1}"
    message = f"{_counted(len(texts))}, expected {wanted.width}{listed}"
    return DataError(message, hint=hint, path=path, line=1)


def _counted(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"


def _listed(names: list[str]) -> str:
    listed = ",".join(number.shown(name) or "''" for name in names[:_SHOWN_COLUMNS])
    return f"{listed},… ({len(names)})" if len(names) > _SHOWN_COLUMNS else listed
