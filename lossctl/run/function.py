"""A loss as a Python function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lossctl.data.source import Source, open_source
from lossctl.errors import UsageError
from lossctl.loss import Request, Setting, requests
from lossctl.run.columns import open_side
from lossctl.run.evaluate import evaluate as evaluate_requests
from lossctl.run.options import Options, option_names
from lossctl.run.result import Result
from lossctl.run.sides import ArraySource

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


class LossFunction:
    """One loss under fixed parameters, called on arrays.

    Boxes are (N, 4); numbers and binary scores any shape, the same on both sides; class scores (N, C), (C, H, W),
    (N, C, H, W) or (N, H, W, C) against class indices or distributions; regions images (H, W), (N, H, W) or class
    scores. All take the keywords of `Options` (reduction, weights, normalizer, ignore_index, box_format, input,
    layout, aggregate, absent, threads, …) and the loss's own parameters by name.

    Raises UsageError for options, DataError for data that are not valid.
    """

    def __init__(self, request: Request) -> None:
        """Hold the loss and its parameters."""
        self._request = request

    def __repr__(self) -> str:
        """Write it as it can be asked for again."""
        return f"lossctl.loss('{self._request}')"

    @property
    def name(self) -> str:
        """The loss's name."""
        return self._request.loss.name

    @property
    def parameters(self) -> dict[str, Setting]:
        """The parameters in force."""
        return dict(self._request.settings)

    @property
    def formula(self) -> str:
        """The formula, as `lossctl explain` prints it."""
        return self._request.loss.sections.get("Formula", "")

    @property
    def reference(self) -> str:
        """Where the formula comes from."""
        return self._request.loss.sections.get("Reference", "")

    def __call__(self, pred: Any, target: Any = None, **keywords: Any) -> Any:
        """Return the loss: a float, or under reduction="none" an array with one value per item."""
        return self._run(pred, target, keywords, with_gradient=False)[0]

    def gradient(self, pred: Any, target: Any = None, **keywords: Any) -> Floats:
        """Return d loss / d pred under the reduction, in the prediction's shape, as float64."""
        return self.value_and_gradient(pred, target, **keywords)[1]

    def value_and_gradient(self, pred: Any, target: Any = None, **keywords: Any) -> tuple[Any, Floats]:
        """Return the loss and its gradient."""
        value, gradient = self._run(pred, target, keywords, with_gradient=True)
        assert gradient is not None
        return value, gradient

    def _run(
        self, pred: Any, target: Any, keywords: Mapping[str, Any], with_gradient: bool
    ) -> tuple[Any, Floats | None]:
        import numpy as np

        request, options = split(self._request, keywords)
        source = ArraySource(pred, "pred")
        goal = None if target is None else ArraySource(target, "target")
        sink = _Pieces()
        result = evaluate_requests([request], source, goal, options, [sink] if with_gradient else [])[0]
        value = result.value if result.value is not None else np.asarray(result.values, np.float64)
        return value, np.concatenate(sink.pieces).reshape(np.shape(pred)) if with_gradient else None


class _Pieces:
    """A gradient in memory."""

    def begin(self, shape: tuple[int, ...]) -> None:
        """Start anew."""
        self.pieces: list[Any] = []

    def append(self, flat: Any) -> None:
        """Keep a piece."""
        import numpy as np

        self.pieces.append(np.asarray(flat, np.float64))


def split(request: Request, keywords: Mapping[str, Any]) -> tuple[Request, Options]:
    """Split keywords into the loss's parameters and the options. Raises UsageError for those that are neither."""
    known = set(option_names())
    options = {name: setting for name, setting in keywords.items() if name in known}
    parameters = {name: setting for name, setting in keywords.items() if name not in known}
    if options.get("weights") is not None and not isinstance(options["weights"], Source):
        weights = options["weights"]
        options["weights"] = (
            open_source(weights, role="weights", width=1)
            if isinstance(weights, str)
            else ArraySource(weights, "weights")
        )
    if parameters:
        request = Request.of(request.loss, {**request.given, **parameters})
    return request, Options(**options)


def loss(name: str, **parameters: Any) -> LossFunction:
    """Return the loss of that name as a function: `giou`, `tversky(fp_weight=0.3)` or a loss file `./mine.py`.

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
    sides = [
        open_side(side, role, [request.loss], options)
        if isinstance(side, str)
        else None
        if side is None
        else ArraySource(side, role)
        for side, role in ((pred, "pred"), (target, "target"))
    ]
    assert sides[0] is not None
    return evaluate_requests([request], sides[0], sides[1], options)[0]
