"""torch: its own functions where it has them, the expressions elsewhere; eager, or through torch.compile."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit

from lossctl.bench.rivals import Function, bound, converted, regions
from lossctl.bench.rivals.expressions import EXPRESSIONS
from lossctl.requests import Request


@torch.compiler.disable
def _distances(masks):
    return torch.from_numpy(regions._distances(masks.numpy()))


OWN: dict[str, Function] = {
    "bce": lambda z, y: F.binary_cross_entropy_with_logits(z, y),
    "ce": lambda z, y, label_smoothing: F.cross_entropy(z, y, label_smoothing=label_smoothing),
    "mae": lambda x, t: F.l1_loss(x, t),
    "mse": lambda x, t: F.mse_loss(x, t),
    "smooth-l1": lambda x, t, beta: F.smooth_l1_loss(x, t, beta=beta),
    "huber": lambda x, t, delta: F.huber_loss(x, t, delta=delta),
    "margin-ranking": lambda sides, y, margin: F.margin_ranking_loss(sides[0], sides[1], y, margin=margin),
    "hinge-embedding": lambda x, y, margin: F.hinge_embedding_loss(x, y, margin=margin),
    "cosine-embedding": lambda sides, y, margin: F.cosine_embedding_loss(sides[0], sides[1], y, margin=margin),
    "pairwise-logistic": lambda sides, y: F.softplus(-y * (sides[0] - sides[1])).mean(),
    # Its default eps is part of every difference of entries: another number.
    "triplet": lambda sides, _, margin, p: F.triplet_margin_loss(
        sides[0], sides[1], sides[2], margin=margin, p=float(p), eps=0.0
    ),
    "hausdorff": functools.partial(regions.hausdorff, torch, distances=_distances),
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
        sides = tuple(map(torch.from_numpy, array)) if isinstance(array, tuple) else torch.from_numpy(array)
        return sides, None if goal is None else torch.from_numpy(goal)

    def value(self, pred: Any, target: Any) -> Any:
        """Compute the mean, without recording what a gradient would need."""
        with torch.inference_mode():
            return self._function(pred, target).item()

    def value_and_gradient(self, pred: Any, target: Any) -> Any:
        """Compute the mean, and its gradient by autograd."""
        several = isinstance(pred, tuple)
        leaves = tuple(side.detach().requires_grad_() for side in (pred if several else (pred,)))
        mean = self._function(leaves if several else leaves[0], target)
        mean.backward()
        gradients = tuple(leaf.grad.numpy() for leaf in leaves)
        return mean.item(), gradients if several else gradients[0]


def contender(name: str, request: Request, input: str) -> Tensors:
    """Return the loss in torch, or raise Absent."""
    function = bound(name, request, input, OWN, BY_TORCH)
    if name == "torch-compile":
        torch._dynamo.reset()
        function = torch.compile(function, dynamic=False)
    return Tensors(request, function)
