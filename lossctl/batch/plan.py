"""What a batch computes: losses, options and pairs, and the signature that tells it from any other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lossctl import __version__
from lossctl.batch.journal import SCHEMA
from lossctl.batch.pairing import Pairing, Settings
from lossctl.errors import DataError, UsageError
from lossctl.loss import SHELF
from lossctl.requests import Asked, Joint, Request, losses_of, summed
from lossctl.run.checks import check
from lossctl.run.options import Options

# These change no number; those stand at the end of a signature.
_RUN = ("threads", "max_memory")
_LAST = ("reduction", "arithmetic")
# Columns of the rows that are no losses.
GIVEN = re.compile(r"id|group|weight|signature|(count|ignored)(_.*)?", re.DOTALL)
# What stands for a setting that the manifest has row by row.
_BY_ROW = "by-row"


@dataclass(frozen=True)
class Plan:
    """The losses by one text and as they were understood, options, pairs, and which share of the pairs is done here."""

    asked: Sequence[Asked]
    options: Options
    pairing: Pairing
    shard: tuple[int, int] = (1, 1)

    def check(self) -> None:
        """Raise UsageError for losses and options that a batch cannot do."""
        losses = losses_of(self.asked)
        options = self.options
        if any(len(loss.sides) > 1 or not loss.has_target for loss in losses):
            named = next(loss for loss in losses if len(loss.sides) > 1 or not loss.has_target)
            hint = f"{named.name} takes {' '.join(named.operands).upper()}"
            raise UsageError("a batch is of pairs: a prediction and a target", hint=hint)
        for name in ("pairs", "group_by"):
            if getattr(options, name) is not None:
                told = "a column group of the manifest" if name == "group_by" else None
                raise UsageError(f"{name} in a batch", hint=told)
        if len({str(request) for request in self.asked}) < len(self.asked):
            raise UsageError("a loss is asked for twice")
        for name in filter(GIVEN.fullmatch, self.names):
            raise UsageError(f"a loss called '{name}' in a batch", hint="rows have such a column: rename the loss file")
        for request in (part for each in self.asked for part in parts_of(each)):
            auto = [name for name, setting in request.settings.items() if setting == "auto"]
            if auto:
                hint = "give it a number, so that it is the same for all pairs"
                raise UsageError(f"{request.name}: {auto[0]} auto in a batch", hint=hint)
        if self.pooled:
            if any(loss.whole for loss in losses):
                raise UsageError("aggregate global of many files needs a loss of sums", hint="--aggregate per-image")
            if self.pairing.weighted:
                raise UsageError("weights of pairs with aggregate global", hint="--aggregate per-image")
        for settings, line in self.pairing.settings.items() or [((), None)]:
            try:
                self._check_row(settings)
            except UsageError as error:
                if not settings:
                    raise
                raise DataError(str(error), hint=error.hint, path=self.pairing.path, line=line) from None

    def _check_row(self, settings: Settings) -> None:
        options = self.options_of(settings)
        if options.reduction == "none":
            hint = "there is one row for each pair: mean, sum or hardest:F"
            raise UsageError("reduction 'none' in a batch", hint=hint)
        if options.averages != self.options.averages:
            hint = f"a sum and a mean have no total together: is it --reduction {options.reduction} for all?"
            raise UsageError(f"reduction '{options.reduction}' beside '{self.options.reduction}'", hint=hint)
        check(losses_of(self.asked), options, has_target=True)

    def options_of(self, settings: Settings) -> Options:
        """Return the options of a pair: those of all, but for its own. Raises UsageError."""
        found = self._options.get(settings)
        if found is None:
            found = self._options[settings] = replace(self.options, **dict(settings))
        return found

    @cached_property
    def _options(self) -> dict[Settings, Options]:
        return {(): self.options}

    @property
    def pooled(self) -> bool:
        """Whether the images of all pairs are one."""
        return self.options.aggregate in ("global", "all")

    @cached_property
    def names(self) -> list[str]:
        """What each loss is called: its name, with its parameters where one name occurs twice."""
        names = [request.name for request in self.asked]
        return names if len(set(names)) == len(names) else [str(request) for request in self.asked]

    @cached_property
    def signatures(self) -> list[str]:
        """For each loss, everything that decides its numbers, beside the data."""
        return ["|".join([str(request), *self._told]) for request in self.asked]

    def signature_of(self, settings: Settings) -> str:
        """Return the losses, and everything beside the data that decides the numbers of a row of these options."""
        found = self._known.get(settings)
        if found is None:
            told = _told(_given(self.options_of(settings)))
            found = self._known[settings] = "|".join([",".join(map(str, self.asked)), *told])
        return found

    @cached_property
    def _known(self) -> dict[Settings, str]:
        return {}

    @cached_property
    def _told(self) -> list[str]:
        return _told(_given(self.options) | dict.fromkeys(self.pairing.by_row, _BY_ROW))

    def numbers(self) -> range:
        """Return the numbers of the pairs that are done here."""
        share, of = self.shard
        return range(share - 1, len(self.pairing.pairs), of)

    def header(self) -> dict[str, Any]:
        """Return the first line of a journal."""
        return {
            "schema": SCHEMA,
            "signature": "|".join([",".join(map(str, self.asked)), *self._told]),
            "losses": [_findable(request) for request in self.asked],
            "options": {name: setting for name, setting in _given(self.options).items() if name not in _RUN},
            "code": _code(self.asked),
            "pairing": self.pairing.digest(),
            "pairs": len(self.pairing.pairs),
            "grouped": self.pairing.grouped,
            "weighted": self.pairing.weighted,
            "by_row": self.pairing.by_row,
            "shard": f"{self.shard[0]}/{self.shard[1]}",
        }


def parts_of(asked: Asked) -> list[Request]:
    """Return the requests of a sum, or the one there is."""
    return [term.request for term in asked.terms] if isinstance(asked, Joint) else [asked]


def weights_of(asked: Asked) -> list[float]:
    """Return the weight of each of its parts."""
    return [term.weight for term in asked.terms] if isinstance(asked, Joint) else [1.0]


def _findable(asked: Asked) -> str:
    """Write what is asked for as it can be asked for again; loss files of one's own by their path."""
    texts = []
    for weight, request in zip(weights_of(asked), parts_of(asked), strict=True):
        text = str(request)
        if SHELF not in Path(request.loss.source).parents:
            text = request.loss.source + text.removeprefix(request.loss.name)
        texts.append((weight, text))
    return summed(texts) if isinstance(asked, Joint) else texts[0][1]


def shard_of(text: str) -> tuple[int, int]:
    """Return (i, n) of `i/n`. Raises UsageError."""
    match = re.fullmatch(r"\s*(\d{1,6})/(\d{1,6})\s*", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"shard is '{text}'; expected i/n, from 1/n to n/n")
    return int(match[1]), int(match[2])


def _given(options: Options) -> dict[str, Any]:
    default = Options()
    named = {field.name: getattr(options, field.name) for field in fields(options)}
    return {
        name: setting if isinstance(setting, str | int | float | tuple) else str(setting)
        for name, setting in named.items()
        if setting != getattr(default, name)
    }


def _told(given: Mapping[str, Any]) -> list[str]:
    """Return options that are not left to their defaults as parts of a signature; of some the default is told too."""
    last = {name: given.get(name, getattr(Options(), name)) for name in _LAST}
    first = {name: setting for name, setting in given.items() if name not in (*_LAST, *_RUN)}
    return [*(f"{name}={_spelled(setting)}" for name, setting in (first | last).items()), f"lossctl={__version__}"]


def _spelled(setting: Any) -> str:
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    if isinstance(setting, tuple):
        return "+".join(map(_spelled, setting))
    return f"{setting:g}" if isinstance(setting, float) else str(setting)


def _code(asked: Sequence[Asked]) -> str:
    """Return a digest of the loss files."""
    known = hashlib.sha256()
    for loss in losses_of(asked):
        known.update(Path(loss.source).read_bytes())
    return known.hexdigest()[:16]
