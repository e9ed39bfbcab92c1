"""Rivals: the same losses in other libraries. Each is loaded, and its library imported, when it is asked for.

A rival's module has a function `contender(name, request, input)`: the rival's version of a loss, of logits or of
probabilities, or `Absent`. What is in `prepare` is no part of the time, `value` and `value_and_gradient` are.
Predictions of several sides are a tuple, and so are their gradients.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lossctl.errors import UsageError
from lossctl.loss import Loss, did_you_mean
from lossctl.requests import Asked, Request

if TYPE_CHECKING:
    from lossctl.bench.cases import Array, Pred

Function = Callable[..., Any]


class Absent(Exception):  # noqa: N818 - it is an outcome
    """A rival does not take part, for the reason given."""


class Contender(Protocol):
    """A rival's version of one loss."""

    def prepare(self, pred: Pred, target: Array | None) -> tuple[Any, Any]:
        """Return the data as the rival takes them."""

    def value(self, pred: Any, target: Any) -> Any:
        """Compute the mean."""

    def value_and_gradient(self, pred: Any, target: Any) -> tuple[float, Pred]:
        """Compute the mean and its gradient by pred; raise Absent where there is none."""


class Rival(NamedTuple):
    """One of the known rivals: where it is, what has to be installed for it, and what it is."""

    module: str
    library: str
    install: str
    text: str


RIVALS = {
    "numpy": Rival("numpy", "numpy", "numpy", "array expressions"),
    "torch": Rival("torch", "torch", "lossctl[torch]", "the same expressions, or torch's own functions"),
    "torch-compile": Rival("torch", "torch", "lossctl[torch]", "those, through torch.compile"),
    "torchvision": Rival("torchvision", "torchvision", "torchvision", "its losses of boxes and focal"),
    "monai": Rival("monai", "monai", "monai", "its losses of masks"),
    "powerboxes": Rival("powerboxes", "powerboxes", "powerboxes", "all pairs of all boxes, 4096 at most"),
    "python": Rival("python", "", "", "loops over floats"),
}
NONE = "none"


def check_rival(name: str) -> None:
    """Load a rival. Raises UsageError for one that is unknown, not installed or cannot be imported."""
    if name == NONE:
        return
    if name not in RIVALS:
        close = did_you_mean(name, RIVALS)
        offer = f"; did you mean '{close}'?" if close else ""
        hint = f"the rivals are {', '.join(RIVALS)}, none; one of your own: --rival module:function"
        raise UsageError(f"unknown rival '{name}'{offer}", hint=hint)
    rival = RIVALS[name]
    if rival.library and importlib.util.find_spec(rival.library) is None:
        raise UsageError(f"rival {name} is not installed", hint=f"pip install '{rival.install}'")
    _module(name)


def find_rival(name: str, asked: Asked, input: str = "logits") -> Contender:
    """Return a rival's version of a loss, of logits or of probs. Raises Absent where it has none."""
    if not isinstance(asked, Request):
        raise Absent(f"{name} has no sums of losses")
    found: Contender = _module(name).contender(name, asked, input)
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"lossctl.bench.rivals.{RIVALS[name].module}")
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"rival {name} cannot be imported: {reason}", hint="its installation is broken") from None


def bound(rival: str, request: Request, input: str, *tables: Mapping[str, Function]) -> Function:
    """Return the first function for a loss that takes its settings and input, with these bound by name.

    Raises Absent where there is none.
    """
    loss, settings = request.loss, request.settings | {"input": input}
    defaults = {parameter.name: parameter.default for parameter in loss.parameters} | {"input": "logits"}
    lacking = ""
    for function in (table[loss.name] for table in tables if loss.name in table):
        taken = inspect.signature(function).parameters
        odd = [name for name in settings if name not in taken and settings[name] != defaults[name]]
        if not odd:
            return functools.partial(function, **{name: x for name, x in settings.items() if name in taken})
        lacking = odd[0]
    if lacking == "input":
        raise Absent(f"{rival} has no {loss.name} of probabilities")
    raise Absent(f"{rival}'s {loss.name} has no {lacking}" if lacking else f"{rival} has no {loss.name}")


def public(modules: Sequence[ModuleType]) -> dict[str, Function]:
    """Return the functions of modules by the names of the losses that they compute."""
    return {
        name.replace("_", "-"): function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }


def converted(loss: Loss, pred: Pred, target: Array | None) -> tuple[Pred, Array | None]:
    """Return data as array libraries want them: images in a batch, class indices as int64, masks as the prediction."""
    if isinstance(pred, tuple):
        return pred, None if target is None else target.astype(pred[0].dtype, copy=False)
    labels = target is not None and loss.shape in ("classes", "regions") and target.ndim < pred.ndim
    if target is not None:
        target = target.astype("int64" if labels else pred.dtype, copy=False)
    if (loss.shape, pred.ndim) in (("classes", 3), ("regions", 2)) or (labels and pred.ndim == 3):
        return pred[None], None if target is None else target[None]
    return pred, target


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise Absent where data are to be read in a way that the known rivals have no notion of."""
    known = {
        "input": ("logits", "probs"), "layout": ("NC", "CHW", "NCHW", "HW", "NHW"), "aggregate": ("per-image",),
    }  # fmt: skip
    for option, given in options.items():
        if option not in ("threads", "arithmetic") and given not in known.get(option, ()):
            told = f"{option.replace('_', '-')} {given}".removesuffix(".0")
            raise Absent(f"{name} is not written for {told}")
