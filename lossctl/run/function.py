"""A loss as a Python function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lossctl.data.labels import read_labels
from lossctl.data.opening import open_source
from lossctl.data.source import Source
from lossctl.errors import UsageError
from lossctl.loss import Loss
from lossctl.parameters import Setting
from lossctl.requests import Asked, Request, requests
from lossctl.run.columns import open_side, refuse_same
from lossctl.run.foreground import Foreground, scheme
from lossctl.run.groups import columns_of
from lossctl.run.joint import evaluate as evaluate_requests
from lossctl.run.options import Options, option_names
from lossctl.run.result import Result
from lossctl.run.sides import ArraySource

if TYPE_CHECKING:
    from lossctl.run.again import Calls


class LossFunction:
    """One loss, or a weighted sum of losses, under fixed parameters, called on arrays.

    Boxes are (N, 4), rotated ones (N, 5); numbers and binary scores any shape, the same on both sides; class scores
    (N, C), (C, H, W), (N, C, H, W) or (N, H, W, C) against class indices or distributions; regions images (H, W),
    (N, H, W) or class scores. Losses of several sides take them as a tuple, of rows of embeddings (N, D) or of scores
    of any equal shape, and give as many gradients. All take the keywords of `Options` (reduction, weights, normalizer,
    ignore_index, box_format, degrees, input, layout, aggregate, absent, threads, …) and the loss's own parameters by
    name.

    Raises UsageError for options, DataError for data that are not valid.
    """

    def __init__(self, request: Asked) -> None:
        """Hold the loss and its parameters."""
        self._request = request
        self._calls: Calls | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel without what is known of calls."""
        return LossFunction, (self._request,)

    def __repr__(self) -> str:
        """Write it as it can be asked for again."""
        return f"lossctl.loss('{self._request}')"

    @property
    def name(self) -> str:
        """The loss's name, or the sum."""
        return self._request.name

    @property
    def parameters(self) -> dict[str, Setting]:
        """The parameters in force; those of a sum by `loss.parameter`."""
        if isinstance(self._request, Request):
            return dict(self._request.settings)
        requests = [request for _, request in self._request.terms]
        return {f"{r.name}.{parameter}": setting for r in requests for parameter, setting in r.settings.items()}

    @property
    def formula(self) -> str:
        """The formula, as `lossctl explain` prints it."""
        return self._section("Formula")

    @property
    def reference(self) -> str:
        """Where the formula comes from."""
        return self._section("Reference")

    def _section(self, title: str) -> str:
        texts = {loss.name: loss.sections.get(title, "") for loss in self._request.losses}
        return "\n".join(f"{name}: {text}" if len(texts) > 1 else text for name, text in texts.items())

    def __call__(self, pred: Any, target: Any = None, **keywords: Any) -> Any:
        """Return the loss: a float, or under reduction="none" an array with one value per item."""
        return self._run(pred, target, keywords, with_gradient=False)[0]

    def pairs(self, pred: Any, target: Any, **keywords: Any) -> Any:
        """Return the losses of every prediction against every target, (N, M) for N and M boxes, as float64.

        Under reduction="mean" or "sum", return that of all N·M pairs. Raises LimitError for a matrix above 1 GiB.
        """
        return self(pred, target, pairs="all", **keywords)

    def gradient(self, pred: Any, target: Any = None, **keywords: Any) -> Any:
        """Return d loss / d pred under the reduction, in its shape, as float64; of several sides a tuple.

        Under arithmetic="native" that of float32 predictions is float32. Once nobody holds it any more, the memory of a
        large one is used for the next.
        """
        return self.value_and_gradient(pred, target, **keywords)[1]

    def value_and_gradient(self, pred: Any, target: Any = None, **keywords: Any) -> tuple[Any, Any]:
        """Return the loss and its gradient."""
        value, gradient = self._run(pred, target, keywords, with_gradient=True)
        assert gradient is not None
        return value, gradient

    def _run(self, pred: Any, target: Any, keywords: Mapping[str, Any], with_gradient: bool) -> tuple[Any, Any]:
        if self._calls is None:
            from lossctl.run.again import Calls

            self._calls = Calls()
        preds = pred if isinstance(pred, tuple) else (pred,)
        key, found = self._calls.answered(preds, target, keywords, with_gradient)
        if found is None:
            from lossctl.run.again import answer

            request, options = split(self._request, keywords)
            sides, goal = opened(request.losses[0], pred, target, ArraySource)
            sink = _Gradient(len(sides))
            result = evaluate_requests([request], sides, goal, options, [sink] if with_gradient else [])[0]
            found = answer(result.values if result.value is None else result.value), sink.flats if with_gradient else ()
            self._calls.remember(key, request, options, sides, goal)
        value, slopes = found
        if not with_gradient:
            return value, None
        import numpy as np

        shaped = tuple(np.reshape(flat, np.shape(side)) for flat, side in zip(slopes, preds, strict=True))
        return value, shaped if len(shaped) > 1 else shaped[0]


class _Gradient:
    """A gradient in memory, by one side or by several: the kernels write it where it is to stay."""

    def __init__(self, sides: int) -> None:
        """Expect a shape, or one for each of several sides."""
        self._sides = sides

    def begin(self, shape: Any) -> None:
        """Start anew; what the numbers are made of is known when the first of them come."""
        self._shapes = shape if self._sides > 1 else (shape,)
        self.flats: list[Any] = []
        self._filled = [0] * self._sides

    def room(self, dtype: Any, *sizes: int) -> list[Any]:
        """Return the room for the next numbers of each side."""
        if not self.flats:
            import numpy as np

            self.flats = [np.empty(math.prod(shape), dtype) for shape in self._shapes]
        return [flat[start : start + size] for flat, start, size in zip(self.flats, self._filled, sizes, strict=True)]

    def append(self, slopes: Any) -> None:
        """Take the next numbers, which may be in their place."""
        pieces = slopes if self._sides > 1 else (slopes,)
        for side, (room, piece) in enumerate(zip(self.room("float64", *map(len, pieces)), pieces, strict=True)):
            if isinstance(piece, list) or piece.ctypes.data != room.ctypes.data:
                room[:] = piece
            self._filled[side] += len(piece)


def split(request: Asked, keywords: Mapping[str, Any]) -> tuple[Asked, Options]:
    """Split keywords into the loss's parameters and the options. Raises UsageError for those that are neither."""
    known = set(option_names())
    options = {name: setting for name, setting in keywords.items() if name in known}
    if options.get("pairs") is not None:
        options.setdefault("reduction", "none")
    parameters = {name: setting for name, setting in keywords.items() if name not in known}
    if options.get("weights") is not None and not isinstance(options["weights"], Source):
        weights = options["weights"]
        if isinstance(weights, str):
            options["weights"] = scheme(weights) or open_source(weights, role="weights", width=1)
        elif not isinstance(weights, Foreground):
            options["weights"] = ArraySource(weights, "weights")
    by = options.get("group_by")
    if isinstance(by, str) and by not in ("class", "image"):
        options["group_by"] = read_labels(by)
    if parameters:
        if not isinstance(request, Request):
            raise UsageError(f"{', '.join(parameters)} with several losses", hint="write 'ciou(gate=0.5)+giou'")
        request = Request.of(request.loss, {**request.given, **parameters})
    return request, Options(**options)


def loss(name: str, **parameters: Any) -> LossFunction:
    """Return the loss of that name as a function: `giou`, `tversky(fp_weight=0.3)`, `dice+0.5*ce`, `./mine.py`.

    Raises UsageError for unknown names and for parameters that are unknown, missing or out of range.
    """
    found = requests(name, parameters)
    if len(found) > 1:
        raise UsageError(f"{len(found)} losses in '{name}'", hint="lossctl.loss takes one")
    return LossFunction(found[0])


def evaluate(name: str, pred: Any, target: Any = None, **keywords: Any) -> Result:
    """Return the Result of one loss over files, inline numbers (as on the command line) or arrays.

    Raises UsageError for options, DataError for data that cannot be read or are not valid.
    """
    known = set(option_names())
    request, options = split(
        loss(name, **{k: v for k, v in keywords.items() if k not in known})._request,
        {k: v for k, v in keywords.items() if k in known},
    )

    def source(side: Any, role: str) -> Source:
        return open_side(side, role, request.losses, options) if isinstance(side, str) else ArraySource(side, role)

    first = request.losses[0]
    if isinstance(pred, tuple) and len(pred) == len(first.sides):
        refuse_same(first, dict(zip(first.sides, pred, strict=True)))
    sides, goal = opened(first, pred, target, source)
    if options.match is not None:
        texts = {role: side for role, side in (("pred", pred), ("target", target)) if isinstance(side, str)}
        options = columns_of(texts, {"pred": sides[0], "target": goal}, options)
    return evaluate_requests([request], sides, goal, options)[0]


def opened(
    loss: Loss, pred: Any, target: Any, source: Callable[[Any, str], Source]
) -> tuple[tuple[Source, ...], Source | None]:
    """Return the sources of the predictions and of the target, each by its role.

    Raises UsageError where a loss of several sides does not get them, as a tuple.
    """
    several = len(loss.sides) > 1
    if several and not (isinstance(pred, tuple) and len(pred) == len(loss.sides)):
        call = f"{loss.name.replace('-', '_')}(({', '.join(loss.sides)}){', y' * loss.has_target})"
        raise UsageError(f"{loss.name} takes its {len(loss.sides)} sides in a tuple", hint=call)
    sides = tuple(map(source, pred if several else (pred,), loss.sides))
    return sides, None if target is None else source(target, loss.operands[-1])
