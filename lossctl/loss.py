"""What a loss is: reads a loss file into a frozen `Loss`, and says what an incomplete one lacks.

A loss file is a Python file with a docstring in sections, a `value` and a `slope`. The arguments of `value`
without an annotation come from the data and tell, with the constant `SHAPE`, how the data are walked:

    numbers   value(pred, target)                    one number against one number (the default)
    boxes     value(p, g)                            two boxes (x1, y1, x2, y2)
    rotated   value(p, g, tilt, turn)                two boxes (cx, cy, w, h, angle), or three of these; sine and cosine
                                                     of the prediction's angle, and of how far it is beyond the target's
    binary    value(q, r, log_q, log_r, y)           any of: probability, 1 - q, their logs, the target
    classes   value(q, r, log_q, y, class_weight, classes)   one class's part of a row; parts are added
    regions   value(tp, fp, fn, tn, diff, total, …)  any of the sums over the pixels of one image and class
    regions   value(z, q, r, y, …)                   or one pixel's part of them: the loss is the mean of the parts
    scores    value(x1, x2, y)                       one score or two of an item, and what is known of them
    embeddings  value(distance_ab, square_ab, cosine_ab, turn_ab, y)   any measure of two rows of embeddings: of the
              sides a and b, of a, p and n; distance: the p-norm of a - b of the parameter p (else of 2),
              square: its square, cosine, turn: 1 - cosine with all its digits

The annotated arguments are the loss's parameters. `slope` takes the same arguments and returns the derivative
with respect to each prediction argument (for boxes, the derivatives with respect to the numbers of p, by an angle per
radian; of embeddings the engine carries it on to their entries). The sides of scores and embeddings are what their
arguments are called after. Optional:
`weight(…)`, what an item counts for in the mean when that is not 1; `root(mean)` with `root_slope(root)` for a
loss that is a function of the mean; of numbers, scores and embeddings `inside(…)` with the text DOMAIN, which data
the loss is defined for;
`conflict(…)`, what is wrong with parameters that do not go together; AUTO, for parameters that may be `auto`, the
loss whose mean over the data they then are; WEIGHTLESS, what to warn of where items have a `weight` of 0; and, for a
loss of rows, BINARY, where it also compares one probability with one target, and `alone(…)`, whether under these
parameters value, slope and weight are 0 of a class whose y is 0, so that of a label no other class need be looked at.
Optional for regions:
`part(q, r, log_q, log_r, y)` with `part_slope`, a pixel's part of the sum `parts`; POOLED, where a value is taken of
all classes of an image, each sum a list with an entry per class; SORTED, where the parts of the pixels are errors,
added up in falling order, each times what its pixel adds to the Jaccard loss of those before it; PRESENT, where
classes without a target never count.
"""

from __future__ import annotations

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
from typing import Any, Literal

from lossctl.convention import Convention
from lossctl.errors import UsageError
from lossctl.parameters import Exponent, Interval, NonNegative, Parameter, Positive, Real, Setting, Unit

# A loss file takes the ranges of its parameters from here too.
__all__ = [
    "Exponent", "Interval", "Loss", "NonNegative", "Parameter", "Positive", "Real", "Setting", "Shape", "Unit",
    "did_you_mean", "find", "names", "read", "shelf",
]  # fmt: skip

Shape = Literal["numbers", "boxes", "rotated", "binary", "classes", "regions", "scores", "embeddings"]

SHELF = Path(__file__).with_name("losses")
SECTIONS = ("Good at", "Fails", "Formula", "Range", "Elsewhere", "Reference", "Examples")
# How many numbers a box has.
BOX_WIDTHS = {"boxes": 4, "rotated": 5}
OVERLAPS = ("tp", "fp", "fn", "tn", "diff", "apart", "total", "target", "count", "parts")
PIXELS = ("z", "q", "r")
MEASURES = tuple(f"{kind}_{pair}" for kind in ("distance", "square", "cosine", "turn") for pair in ("ab", "ap", "an"))
PREDICTED = {
    "numbers": ("pred",),
    "boxes": ("p",),
    "rotated": ("p",),
    "binary": ("q", "r", "log_q", "log_r"),
    "classes": ("q", "r", "log_q"),
    "regions": (*OVERLAPS, *PIXELS),
    "scores": ("x", "x1", "x2"),
    "embeddings": MEASURES,
}
GIVEN = {
    "numbers": ("target",),
    "boxes": ("g",),
    "rotated": ("g", "tilt", "turn"),
    "binary": ("y",),
    "classes": ("y", "class_weight", "classes"),
    "regions": ("y", "from_pred", "from_target"),
    "scores": ("y",),
    "embeddings": ("y",),
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
    weightless: str
    auto: Mapping[str, str]
    binary: bool
    conflict: Callable[..., str | None] | None
    alone: Callable[..., bool] | None
    part: Callable[..., Any] | None
    part_slope: Callable[..., Any] | None
    pooled: bool
    sorted: bool
    present: bool
    source: str
    convention: Convention | None = None

    @functools.cached_property
    def data(self) -> tuple[str, ...]:
        """The arguments of `value` that come from the data."""
        return _data_arguments(self.value)

    @functools.cached_property
    def has_target(self) -> bool:
        """Whether the loss compares with a target (entropy does not)."""
        return self.shape in (*BOX_WIDTHS, "numbers", "regions") or "y" in self.data

    @functools.cached_property
    def per_item(self) -> int:
        """How many numbers one item has on each side: those of a box, else one."""
        return BOX_WIDTHS.get(self.shape, 1)

    @functools.cached_property
    def sides(self) -> tuple[str, ...]:
        """The predictions it takes: `pred`, or those that its arguments are called after (a, p and n)."""
        predicted = [name for name in self.data if name in PREDICTED[self.shape]]
        if self.shape == "embeddings":
            return tuple(dict.fromkeys("".join(name.rpartition("_")[2] for name in predicted)))
        return tuple(predicted) if self.shape == "scores" else ("pred",)

    @functools.cached_property
    def operands(self) -> tuple[str, ...]:
        """All that it compares, in the order in which it is given."""
        known = "y" if self.shape in ("scores", "embeddings") else "target"
        return (*self.sides, known) if self.has_target else self.sides

    @functools.cached_property
    def takes_scores(self) -> bool:
        """Whether predictions are logits or probabilities, so that `input` has to say which."""
        scored = self.shape in ("binary", "classes", "regions")
        return scored and self.target_input is None and not self.needs_logits

    @functools.cached_property
    def needs_logits(self) -> bool:
        """Whether predictions can only be logits (lovasz-hinge)."""
        return "z" in self.data

    @functools.cached_property
    def whole(self) -> bool:
        """Whether each pixel's part depends on all pixels of its image, so that images are taken whole."""
        return self.shape == "regions" and any(name not in OVERLAPS for name in self.data)

    @functools.cached_property
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
        lacking = [parameter for name, parameter in known.items() if parameter.required and name not in given]
        if lacking:
            hint = "; ".join(f"{parameter.name}: {parameter.text}" for parameter in lacking)
            raise UsageError(f"{self.name} needs {' and '.join(parameter.name for parameter in lacking)}", hint=hint)
        settings = {
            name: parameter.accept(given[name]) if name in given else parameter.default
            for name, parameter in known.items()
        }
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
    import difflib

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
    families = {
        "regions": "region", "binary": "classification", "classes": "classification", "scores": "ranking",
        "embeddings": "ranking",
    }  # fmt: skip
    families |= dict.fromkeys(BOX_WIDTHS, "box")
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
    if hasattr(module, "inside") and shape not in ("numbers", "scores", "embeddings"):
        hint = "which boxes, scores of classes and masks are valid is known without it"
        raise UsageError(f"{origin}: {shape} have no function inside", hint=hint)
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
        weightless=getattr(module, "WEIGHTLESS", ""),
        auto=getattr(module, "AUTO", {}),
        binary=getattr(module, "BINARY", False),
        conflict=getattr(module, "conflict", None),
        alone=getattr(module, "alone", None),
        part=getattr(module, "part", None),
        part_slope=getattr(module, "part_slope", None),
        pooled=getattr(module, "POOLED", False),
        sorted=getattr(module, "SORTED", False),
        present=getattr(module, "PRESENT", False),
        source=origin,
    )


@functools.cache
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
