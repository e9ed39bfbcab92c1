"""What is asked for: a loss with its parameters, several of them, or a weighted sum, read from one text.

    text      asked , asked , …             giou,ciou        one answer each
    asked     term + term + …               dice+0.5*ce      a weighted sum, one answer
    term      weight * loss(parameters)     0.5*focal(gamma=1)
    loss      a name, or a loss file        ./mine.py

Weights are numbers from 0 on; without one a term weighs 1. Spaces may stand anywhere but in names.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lossctl.errors import UsageError
from lossctl.loss import Loss, find
from lossctl.parameters import Setting

# Between parentheses stand parameters, whose commas and plus signs are their own; so is the plus of 1e+3.
COMMA = re.compile(r",(?![^()]*\))")
PLUS = re.compile(r"(?<![\d.][eE])\+(?![^()]*\))")
TERM = re.compile(r"\s*(?:([^()*]*)\*)?\s*([^()*]*[^()*\s])\s*(?:\(([^()]*)\))?\s*")
FORMS = "giou, giou,ciou, 'ciou(gate=0.5)' or 'giou+2*iou'"


class Request(NamedTuple):
    """A loss and the parameters asked of it; `given` are those that were not left to their defaults."""

    loss: Loss
    settings: dict[str, Setting]
    given: Mapping[str, object] = {}

    @classmethod
    def of(cls, loss: Loss, given: Mapping[str, object]) -> Request:
        """Return the request for a loss under what is given. Raises UsageError as `Loss.settings`."""
        return cls(loss, loss.settings(given), given)

    @property
    def name(self) -> str:
        """What the result is called."""
        return self.loss.name

    @property
    def losses(self) -> Sequence[Loss]:
        """The loss, as a joint request has several."""
        return (self.loss,)

    def __str__(self) -> str:
        """Write it as it can be asked for again: `tversky(fp_weight=0.3,fn_weight=0.7)`."""
        told = ",".join(f"{name}={written(setting)}" for name, setting in self.settings.items())
        return f"{self.loss.name}({told})" if told else self.loss.name


class Term(NamedTuple):
    """A loss as a part of a sum."""

    weight: float
    request: Request


class Joint(NamedTuple):
    """A weighted sum of losses of the same data."""

    terms: tuple[Term, ...]

    @property
    def name(self) -> str:
        """The sum without parameters: `dice+0.5*ce`."""
        return summed((weight, request.name) for weight, request in self.terms)

    @property
    def losses(self) -> Sequence[Loss]:
        """The loss of each term."""
        return [request.loss for _, request in self.terms]

    def __str__(self) -> str:
        """Write it as it can be asked for again."""
        return summed((weight, str(request)) for weight, request in self.terms)


Asked = Request | Joint


def summed(parts: Iterable[tuple[float, str]], plus: str = "+") -> str:
    """Write a weighted sum: `giou+0.5*ciou`."""
    return plus.join(text if weight == 1 else f"{written(weight)}*{text}" for weight, text in parts)


def losses_of(asked: Iterable[Asked]) -> list[Loss]:
    """Return every loss that is asked for, each once."""
    return list(dict.fromkeys(loss for request in asked for loss in request.losses))


def written(setting: Setting) -> str:
    """Return a setting as it is typed, with all its digits."""
    if isinstance(setting, bool) or setting is None:
        return {True: "yes", False: "no", None: "none"}[setting]
    return f"{setting:g}" if isinstance(setting, float) and float(f"{setting:g}") == setting else str(setting)


def single(text: str, folder: str = "") -> bool:
    """Tell whether a text is one loss without parameters: a name, or a loss file whatever it is called."""
    return not any(sign in text for sign in ",+*()") or (text.endswith(".py") and Path(folder, text).is_file())


def requests(text: str, given: Mapping[str, object] = {}, folder: str = "") -> list[Asked]:
    """Read `giou`, `giou,ciou(gate=0.5)`, `dice+0.5*ce`, `./mine.py`; `given` parameters go to a single loss.

    Loss files are found from `folder` on. Raises UsageError for what cannot be read, unknown losses, bad parameters
    and weights.
    """
    if single(text, folder) and text.strip():
        loss = _find(text.strip(), folder)
        return [Request.of(loss, given)]
    sums = [PLUS.split(part) for part in COMMA.split(text)]
    if given and (len(sums) > 1 or len(sums[0]) > 1):
        raise UsageError(f"{', '.join(given)} with several losses", hint="write 'ciou(gate=0.5),giou'")
    return [_asked([_term(part, given, folder) for part in parts]) for parts in sums]


def _asked(terms: Sequence[tuple[float | None, Request]]) -> Asked:
    if len(terms) == 1 and terms[0][0] is None:
        return terms[0][1]
    return Joint(tuple(Term(1.0 if weight is None else weight, request) for weight, request in terms))


def _term(text: str, given: Mapping[str, object], folder: str) -> tuple[float | None, Request]:
    """Read one term: its weight, if it has one, and its request."""
    written = TERM.fullmatch(text)
    pairs = [pair.partition("=") for pair in (written[3] or "").split(",") if pair.strip()] if written else []
    if not written or any(not equals for _, equals, _ in pairs):
        raise UsageError(f"cannot read the loss '{text.strip()}'", hint=FORMS)
    weight = None if written[1] is None else _weight(written[1].strip(), written[2])
    loss = _find(written[2], folder)
    inline = {key.strip(): value.strip() for key, _, value in pairs}
    return weight, Request.of(loss, {**inline, **given})


def _find(name: str, folder: str) -> Loss:
    return find(os.path.join(folder, name) if name.endswith(".py") else name)  # noqa: PTH118 - keeps ./ as typed


def _weight(text: str, name: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        hint = f"the weight comes first: {name}*{text}" if _is_number(name) else FORMS
        raise UsageError(f"'{text}' is no weight of {name}; expected a number ≥ 0", hint=hint) from None
    return positive(weight, name)


def positive(weight: float, name: str) -> float:
    """Return the weight of a term; raises UsageError where it is negative or not finite."""
    if not 0 <= weight < math.inf:
        raise UsageError(f"the weight of {name} is {weight:g}; expected a number ≥ 0")
    return weight


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
