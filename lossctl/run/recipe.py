"""Recipes: TOML files that say which losses of which files are added up, and how much each weighs.

Every `[[term]]` has a loss and its files. What stands above the first of them holds for every term that has a use for
it. Paths are relative to the folder of the recipe.
"""

from __future__ import annotations

import math
import os
import re
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lossctl.data.inline import is_inline
from lossctl.data.remote import is_url
from lossctl.data.toml import read_toml
from lossctl.errors import LossctlError, UsageError
from lossctl.loss import did_you_mean
from lossctl.requests import Asked, positive, requests
from lossctl.run.checks import USES, check
from lossctl.run.foreground import scheme
from lossctl.run.options import Options, option_names

SIDES = ("pred", "target", "weights")
# What it is computed with is no part of what is computed; groups and pairs leave no number to add.
RUN = {"threads": "threads are", "max_memory": "max_memory is"}
APART = (*RUN, "weights", "group_by", "pairs", "match", "match_threshold", "match_by", "match_score")
SETTINGS = tuple(name for name in option_names() if name not in APART)
SHARED = (*SIDES, *SETTINGS)
KEYS = ("name", "weight", "loss", *SHARED)
# What the sum of all terms is called.
TOTAL = "total"


class RecipeTerm(NamedTuple):
    """One term: what is asked of which data. `sides` holds the texts of pred, target and weights."""

    name: str
    weight: float
    request: Asked
    sides: Mapping[str, str]
    options: Options


class Recipe(NamedTuple):
    """A recipe, read: every loss is known, and every setting goes with its loss."""

    path: str
    terms: Sequence[RecipeTerm]


def read_recipe(path: str, weights: Mapping[str, float] = {}, run: Mapping[str, Any] = {}) -> Recipe:
    """Read a recipe; `weights` take the place of those of the terms they name, `run` are threads and max_memory.

    Raises DataError for a file that is no TOML, UsageError for what a recipe cannot ask for.
    """
    document = read_toml(path)
    with blamed(path):
        tables = document.pop("term", None)
        _refuse_unknown(document, SHARED, also="term")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            raise UsageError("no [[term]]", hint="each term begins with a line [[term]], in double brackets")
        terms = []
        for place, table in enumerate(tables, start=1):
            name = table.get("name", table.get("loss"))
            with blamed(path, name if isinstance(name, str) else str(place)):
                terms.append(_term(table, document, str(Path(path).parent), run))
        _refuse_together(document, terms)
        return Recipe(path, _reweighed(terms, weights))


@contextmanager
def blamed(path: str, term: str = "") -> Iterator[None]:
    """Let errors name the term; the recipe, where they name no file; and keys of a recipe instead of options."""
    try:
        yield
    except LossctlError as error:
        hint = None if error.hint is None else re.sub(r"--([a-z][a-z-]+) ([^\s,]+)", _as_key, error.hint)
        message = f"term {term}: {error.message}" if term else error.message
        raise type(error)(message, hint=hint, path=error.path or path, line=error.line) from None


def _as_key(option: re.Match[str]) -> str:
    name, setting = option[1].replace("-", "_"), option[2]
    if name not in KEYS:
        return option[0]
    return f"{name} = {setting}" if re.fullmatch(r"-?[\d.]+", setting) else f'{name} = "{setting}"'


def _refuse_unknown(table: Mapping[str, Any], known: Collection[str], also: str = "") -> None:
    for key in table:
        if key in known:
            continue
        if key in RUN:
            raise UsageError(f"{RUN[key]} no part of a recipe", hint=f"lossctl joint --{key.replace('_', '-')} N")
        if key in KEYS:
            raise UsageError(f"{key} stands outside of every term", hint="it belongs below a line [[term]]")
        close = did_you_mean(key.replace("-", "_"), [*known, also])
        offer = f"; did you mean '{close}'?" if close else ""
        hint = 'parameters are part of the loss: loss = "focal(gamma=2)"' if not also else "lossctl joint --help"
        raise UsageError(f"unknown key '{key}'{offer}", hint=None if close else hint)


def _term(table: Mapping[str, Any], shared: Mapping[str, Any], folder: str, run: Mapping[str, Any]) -> RecipeTerm:
    """Read one term; `folder` is where its paths begin."""
    _refuse_unknown(table, KEYS)
    if "loss" not in table:
        raise UsageError("no loss", hint='loss = "giou"')
    found = requests(_text("loss", table["loss"]), folder=folder)
    if len(found) > 1:
        raise UsageError(f"{len(found)} losses in one term", hint="giou+ciou adds them; or give each a [[term]]")
    request = found[0]
    name = _text("name", table.get("name", request.name))
    if not name.strip() or set(name) & set("=,/\\{}") or name == TOTAL:
        raise UsageError(f"'{name}' is no name for a term", hint=f"not '{TOTAL}', and without = , / \\ {{ }}")
    weight = table.get("weight", 1.0)
    if not _is_number(weight) or not 0 <= weight < math.inf:
        raise UsageError(f"weight is {_shown(weight)}; expected a number ≥ 0")
    given = {key: value for key, value in shared.items() if _useful(key, request)}
    given |= {key: value for key, value in table.items() if key in SHARED}
    if any(loss.sides != ("pred",) for loss in request.losses):
        hint = "terms compare a pred with a target"
        raise UsageError(f"{request.name} takes {', '.join(request.losses[0].operands)}", hint=hint)
    if "pred" not in given:
        raise UsageError("no pred", hint='pred = "scores.npy"')
    if "target" not in given and any(loss.has_target for loss in request.losses):
        raise UsageError("no target", hint='target = "labels.npy"')
    sides = {role: _located(folder, _text(role, given[role])) for role in SIDES if role in given}
    options = Options(**{key: _setting(key, given[key]) for key in SETTINGS if key in given}, **run)
    if options.reduction == "none":
        raise UsageError("reduction 'none' leaves no number to add", hint='reduction = "mean" or "sum"')
    check(request.losses, options, "target" in sides)
    return RecipeTerm(name, float(weight), request, sides, options)


def _useful(key: str, request: Asked) -> bool:
    """Tell whether what is given for all terms is of use to one."""
    if key == "target":
        return any(loss.has_target for loss in request.losses)
    return key not in USES or any(map(USES[key], request.losses))


def _located(folder: str, text: str) -> str:
    """Return a path as it is from here; numbers, schemes and - stay as they are."""
    if is_inline(text) or scheme(text) or is_url(text) or text.partition("::")[0] == "-" or folder == ".":
        return text
    return os.path.join(folder, text)  # noqa: PTH118 - a selector is no part of the path


def _setting(key: str, given: Any) -> Any:
    """Return what is given for an option, if it is of its kind."""
    hint = typing.get_type_hints(Options)[key]
    kinds = (hint, *typing.get_args(hint))
    if float in kinds:
        expected, fits = "a number", _is_number(given)
    elif bool in kinds:
        expected, fits = "true or false", isinstance(given, bool)
    elif any(typing.get_origin(kind) is not None and float in typing.get_args(kind) for kind in kinds):
        expected, fits = "numbers in brackets", isinstance(given, list) and all(map(_is_number, given))
    else:
        return _text(key, given)
    if not fits:
        raise UsageError(f"{key} is {_shown(given)}; expected {expected}")
    return given


def _text(key: str, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise UsageError(f"{key} is {_shown(given)}; expected a text", hint="texts stand between quotes")
    return given.strip()


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _shown(given: object) -> str:
    """Write a value as TOML does, but for the rare kinds."""
    return {True: "true", False: "false"}[given] if isinstance(given, bool) else repr(given)


def _refuse_together(shared: Mapping[str, Any], terms: Sequence[RecipeTerm]) -> None:
    """Raise UsageError for terms that cannot stand beside each other, and for what none of them has a use for."""
    names = [term.name for term in terms]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{names.count(name)} terms are called {name}", hint='give each a name = "…" of its own')
    for key in shared:
        if not any(_useful(key, term.request) for term in terms):
            raise UsageError(f"{key} has no effect on any term")
    if sum(text.partition("::")[0] == "-" for term in terms for text in term.sides.values()) > 1:
        raise UsageError("standard input can be read only once", hint="give the other sides as files")


def _reweighed(terms: Sequence[RecipeTerm], weights: Mapping[str, float]) -> Sequence[RecipeTerm]:
    known = [term.name for term in terms]
    for name in weights:
        if name not in known:
            close = did_you_mean(name, known)
            offer = f"; did you mean '{close}'?" if close else ""
            raise UsageError(f"no term is called {name}{offer}", hint=f"the terms are {', '.join(known)}")
    return [term._replace(weight=positive(float(weights.get(term.name, term.weight)), term.name)) for term in terms]
