"""torch: its own functions where it has them, the expressions elsewhere; eager, or through torch.compile."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit

from lossctl.bench.rivals import Function, bound, converted
from lossctl.bench.rivals.expressions import EXPRESSIONS
from lossctl.requests import Request

OWN: dict[str, Function] = {
    "bce": lambda z, y: F.binary_cross_entropy_with_logits(z, y),
    "ce": lambda z, y, label_smoothing: F.cross_entropy(z, y, label_smoothing=label_smoothing),
    "mae": lambda x, t: F.l1_loss(x, t),
    "mse": lambda x, t: F.mse_loss(x, t),
    "smooth-l1": lambda x, t, beta: F.smooth_l1_loss(x, t, beta=beta),
    "huber": lambda x, t, delta: F.huber_loss(x, t, delta=delta),
}
BY_TORCH = {name: functools.partial(function, torch) for name, function in EXPRESSIONS.items()}


class Tensors:
    """A loss of tensors."""

    def __init__(self, request: Request, function: Function) -> None:
        self._loss = request.loss
        self._function = function

    def prepare(self, pred: Any, target: Any) -> tuple[Any, Any]:
        """Return tensors that share the memory of the arrays where they can."""
        array, goal = converted(self._loss, pred, target)
        return torch.from_numpy(array), None if goal is None else torch.from_numpy(goal)

    def value(self, pred: Any, target: Any) -> Any:
        """Compute the mean, without recording what a gradient would need."""
        with torch.inference_mode():
            return self._function(pred, target).item()

    def value_and_gradient(self, pred: Any, target: Any) -> Any:
        """Compute the mean, and its gradient by autograd."""
        leaf = pred.detach().requires_grad_()
        mean = self._function(leaf, target)
        mean.backward()
        return mean.item(), leaf.grad.numpy()


def contender(name: str, request: Request) -> Tensors:
    """Return the loss in torch, or raise Absent."""
    function = bound(name, request, OWN, BY_TORCH)
    if name == "torch-compile":
        torch._dynamo.reset()
        function = torch.compile(function, dynamic=False)
    return Tensors(request, function)
