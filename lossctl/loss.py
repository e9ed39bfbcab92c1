"""What a loss is: reads a loss file into a frozen `Loss`, and says what an incomplete one lacks.

A loss file is a Python file with a docstring in sections, a `value` and a `slope`. The arguments of `value`
without an annotation come from the data and tell, with the constant `SHAPE`, how the data are walked:

    numbers   value(pred, target)                    one number against one number (the default)
    boxes     value(p, g)                            two boxes (x1, y1, x2, y2)
    binary    value(q, r, log_q, log_r, y)           any of: probability, 1 - q, their logs, the target
    classes   value(q, r, log_q, y, class_weight, classes)   one class's part of a row; parts are added
    regions   value(tp, fp, fn, tn, diff, total)     any of the sums over the pixels of one image and class

The annotated arguments are the loss's parameters. `slope` takes the same arguments and returns the derivative
with respect to each prediction argument (for boxes, the four derivatives with respect to p). Optional:
`weight(…)`, what an item counts for in the mean when that is not 1; `root(mean)` with `root_slope(root)` for a
loss that is a function of the mean; `inside(…)` with the text DOMAIN, which data the loss is defined for;
`conflict(…)`, what is wrong with parameters that do not go together; AUTO, for parameters that may be `auto`, the
loss whose mean over the data they then are; and BINARY, for a loss of rows that also compares one probability
with one target.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any, Literal, NamedTuple

from lossctl.convention import Convention
from lossctl.errors import UsageError
from lossctl.parameters import Interval, NonNegative, Parameter, Positive, Real, Setting, Unit

# A loss file takes the ranges of its parameters from here too.
__all__ = [
    "Interval", "Loss", "NonNegative", "Parameter", "Positive", "Real", "Request", "Setting", "Shape", "Unit",
    "did_you_mean", "find", "names", "read", "requests", "shelf", "written",
]  # fmt: skip

Shape = Literal["numbers", "boxes", "binary", "classes", "regions"]

SHELF = Path(__file__).with_name("losses")
SECTIONS = ("Formula", "Range", "Elsewhere", "Reference", "Examples")
OVERLAPS = ("tp", "fp", "fn", "tn", "diff", "total")
PREDICTED = {
    "numbers": ("pred",),
    "boxes": ("p",),
    "binary": ("q", "r", "log_q", "log_r"),
    "classes": ("q", "r", "log_q"),
    "regions": OVERLAPS,
}
GIVEN = {
    "numbers": ("target",),
    "boxes": ("g",),
    "binary": ("y",),
    "classes": ("y", "class_weight", "classes"),
    "regions": (),
}


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss file, read. `value`, `slope`, `weight`, `root`, `root_slope` are the functions of the file."""

    name: str
    family: str
    shape: Shape
    sentence: str
    sections: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    value: Callable[..., Any]
    slope: Callable[..., Any] | None
    weight: Callable[..., Any] | None
    root: Callable[..., Any] | None
    root_slope: Callable[..., Any] | None
    inside: Callable[..., Any] | None
    domain: str
    auto: Mapping[str, str]
    binary: bool
    conflict: Callable[..., str | None] | None
    source: str
    convention: Convention | None = None

    @property
    def data(self) -> tuple[str, ...]:
        """The arguments of `value` that come from the data."""
        return _data_arguments(self.value)

    @property
    def has_target(self) -> bool:
        """Whether the loss compares with a target (entropy does not)."""
        return self.shape in ("boxes", "numbers", "regions") or "y" in self.data

    @property
    def takes_scores(self) -> bool:
        """Whether predictions are logits or probabilities, so that `input` has to say which."""
        return self.shape in ("binary", "classes", "regions") and self.target_input is None

    @property
    def target_input(self) -> str | None:
        """`logits` when both sides are logits by definition (distillation)."""
        return "logits" if any(p.name == "temperature" for p in self.parameters) else None

    def settings(self, given: Mapping[str, object]) -> dict[str, Setting]:
        """Return every parameter with its value: the default, or what is given.

        Raises UsageError for an unknown parameter, a missing one or one out of its range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name.replace("-", "_") not in known:
                close = did_you_mean(name.replace("-", "_"), known)
                offer = f"; did you mean '{close}'?" if close else ""
                takes = ", ".join(known) if known else "no parameters"
                raise UsageError(f"{self.name} has no parameter '{name}'{offer}", hint=f"{self.name} takes {takes}")
        given = {name.replace("-", "_"): setting for name, setting in given.items()}
        settings: dict[str, Setting] = {}
        for name, parameter in known.items():
            if name in given:
                settings[name] = parameter.accept(given[name])
            elif parameter.required:
                raise UsageError(f"{self.name} needs {name}", hint=f"{name}: {parameter.text}")
            else:
                settings[name] = parameter.default
        if self.conflict is not None and (told := self.conflict(**settings)):
            raise UsageError(f"{self.name}: {told}")
        return settings

    def missing(self) -> list[str]:
        """Return what the file lacks to be a whole entry of the shelf."""
        lacks = [f"section {name}" for name in SECTIONS if name not in self.sections]
        lacks += [f"text of parameter {p.name}" for p in self.parameters if not p.text]
        lacks += [] if self.slope else ["slope"]
        return lacks + ([] if self.sentence else ["first sentence"])

    def examples(self) -> Iterator[tuple[str, str]]:
        """Yield (arguments of the command, expected number) from the section Examples."""
        for line in self.sections.get("Examples", "").splitlines():
            arguments, _, expected = line.rpartition(" = ")
            yield arguments.strip(), expected.strip()


def did_you_mean(name: str, known: typing.Iterable[str]) -> str | None:
    """Return the known name nearest to a misspelt one, if any is near."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, 0.6)), None)


@functools.cache
def shelf() -> dict[str, Path]:
    """Return every loss on the shelf by name, families and names in alphabetical order."""
    files = sorted(SHELF.glob("*/[!_]*.py"))
    return {file.stem.replace("_", "-"): file for file in files}


def names(family: str | None = None) -> list[str]:
    """Return the names of the losses of one family, or of all."""
    families = {file.parent.name for file in shelf().values()}
    if family is not None and family not in families:
        raise UsageError(f"unknown family '{family}'", hint=f"the families are {', '.join(sorted(families))}")
    return [name for name, file in shelf().items() if family in (None, file.parent.name)]


def find(name: str) -> Loss:
    """Return the loss of that name, or the one in the file of that path (`./mine.py`), which is read anew.

    Raises UsageError for an unknown name, or a file that is not a loss.
    """
    return _read_own(name) if name.endswith(".py") else _on_the_shelf(name)


@functools.cache
def _on_the_shelf(name: str) -> Loss:
    file = shelf().get(name.replace("_", "-"))
    if file is None:
        close = did_you_mean(name, shelf())
        raise UsageError(
            f"unknown loss '{name}'" + (f"; did you mean '{close}'?" if close else ""), hint="lossctl list"
        )
    module = importlib.import_module(f"lossctl.losses.{file.parent.name}.{file.stem}")
    return read(module, file.stem.replace("_", "-"), file.parent.name)


def _read_own(path: str) -> Loss:
    file = Path(path)
    spec = importlib.util.spec_from_file_location(f"lossctl_own_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise UsageError(f"no loss file {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} does not run: {type(error).__name__}: {error}") from None
    families = {"boxes": "box", "regions": "region", "binary": "classification", "classes": "classification"}
    return read(module, file.stem.replace("_", "-"), families.get(getattr(module, "SHAPE", ""), "regression"))


def read(module: ModuleType, name: str, family: str) -> Loss:
    """Return the loss that a module holds. Raises UsageError when it is none."""
    origin = str(module.__file__)
    shape: Shape = getattr(module, "SHAPE", "numbers")
    value = getattr(module, "value", None)
    if not inspect.isfunction(value):
        raise UsageError(f"{origin} has no function value", hint="a loss file defines value(pred, target)")
    if shape not in PREDICTED:
        raise UsageError(f"{origin}: SHAPE is {shape!r}; expected one of {', '.join(PREDICTED)}")
    strange = set(_data_arguments(value)) - {*PREDICTED[shape], *GIVEN[shape]}
    if strange:
        known = ", ".join((*PREDICTED[shape], *GIVEN[shape]))
        hint = f"a parameter has an annotation (delta: Positive = 1.0); the data of {shape} are {known}"
        raise UsageError(f"{origin}: value takes {', '.join(sorted(strange))}", hint=hint)
    sentence, sections = _sections(module.__doc__ or "")
    texts = _parameter_texts(sections.get("Parameters", ""))
    return Loss(
        name=name,
        family=family,
        shape=shape,
        sentence=sentence,
        sections=sections,
        parameters=tuple(_parameters(value, texts, origin)),
        value=value,
        slope=getattr(module, "slope", None),
        weight=getattr(module, "weight", None),
        root=getattr(module, "root", None),
        root_slope=getattr(module, "root_slope", None),
        inside=getattr(module, "inside", None),
        domain=getattr(module, "DOMAIN", ""),
        auto=getattr(module, "AUTO", {}),
        binary=getattr(module, "BINARY", False),
        conflict=getattr(module, "conflict", None),
        source=origin,
    )


def _data_arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    arguments = inspect.signature(function).parameters.values()
    return tuple(a.name for a in arguments if a.annotation is inspect.Parameter.empty)


def _parameters(value: Callable[..., Any], texts: Mapping[str, str], origin: str) -> Iterator[Parameter]:
    hints = typing.get_type_hints(value, include_extras=True)
    for name, argument in inspect.signature(value).parameters.items():
        if name not in hints:
            continue
        members = _members(hints[name])
        parameter = Parameter(
            name=name,
            default=argument.default,
            text=texts.get(name, ""),
            interval=next((m.__metadata__[0] for m in members if hasattr(m, "__metadata__")), None)
            or (Interval() if float in members else None),
            choices=tuple(c for m in members if typing.get_origin(m) is Literal for c in typing.get_args(m)),
            flag=bool in members,
            nullable=NoneType in members,
        )
        if not (parameter.interval or parameter.choices or parameter.flag):
            raise UsageError(
                f"{origin}: parameter {name} is {hints[name]}",
                hint="use float, bool, Literal or a range of lossctl.loss",
            )
        yield parameter


def _members(hint: Any) -> tuple[Any, ...]:
    return (
        typing.get_args(hint)
        if typing.get_origin(hint) is typing.Union or isinstance(hint, type(int | str))
        else (hint,)
    )


def _sections(doc: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its first paragraph and its sections (a title, then indented lines)."""
    text = inspect.cleandoc(doc)
    parts = re.split(r"^(\w[\w ]*)\n(?=[ \t]+\S)", text, flags=re.MULTILINE)
    bodies = zip(parts[1::2], parts[2::2], strict=True)
    return parts[0].strip(), {title: textwrap.dedent(body).strip("\n").rstrip() for title, body in bodies}


def _parameter_texts(section: str) -> dict[str, str]:
    entries = re.findall(r"^(\w+)[ \t]+(\S.*(?:\n[ \t]+.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


class Request(NamedTuple):
    """A loss and the parameters asked of it; `given` are those that were not left to their defaults."""

    loss: Loss
    settings: dict[str, Setting]
    given: Mapping[str, object] = {}

    @classmethod
    def of(cls, loss: Loss, given: Mapping[str, object]) -> Request:
        """Return the request for a loss under what is given. Raises UsageError as `Loss.settings`."""
        return cls(loss, loss.settings(given), given)

    def __str__(self) -> str:
        """Write it as it can be asked for again: `tversky(fp_weight=0.3,fn_weight=0.7)`."""
        told = ",".join(f"{name}={written(setting)}" for name, setting in self.settings.items())
        return f"{self.loss.name}({told})" if told else self.loss.name


def written(setting: Setting) -> str:
    """Return a setting as it is typed, with all its digits."""
    if isinstance(setting, bool) or setting is None:
        return {True: "yes", False: "no", None: "none"}[setting]
    return f"{setting:g}" if isinstance(setting, float) and float(f"{setting:g}") == setting else str(setting)


def requests(text: str, given: Mapping[str, object] = {}) -> list[Request]:
    """Read `giou`, `giou,ciou(gate=0.5)`, `./mine.py`; `given` parameters go to a single named loss.

    Raises UsageError for what cannot be read, unknown losses and bad parameters.
    """
    # Commas between parentheses separate parameters, all others losses.
    parts = re.split(r",(?![^()]*\))", text)
    if given and len(parts) > 1:
        raise UsageError(f"{', '.join(given)} with several losses", hint="write 'ciou(gate=0.5),giou'")
    found = []
    for part in parts:
        written = re.fullmatch(r"\s*([^()]+?)\s*(?:\(([^()]*)\))?\s*", part)
        pairs = [pair.partition("=") for pair in (written[2] or "").split(",") if pair.strip()] if written else []
        if not written or any(not equals for _, equals, _ in pairs):
            raise UsageError(f"cannot read the loss '{part.strip()}'", hint="giou, giou,ciou or 'ciou(gate=0.5)'")
        loss = find(written[1])
        inline = {key.strip(): value.strip() for key, _, value in pairs}
        found.append(Request.of(loss, {**inline, **given}))
    return found
