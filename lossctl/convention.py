"""What another library does where it computes a loss that we have too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from lossctl.parameters import Setting

Library = Literal["torchvision", "torch", "mmdet", "ultralytics", "monai", "keras", "smp"]


class Counted(NamedTuple):
    """What a mean may be taken over.

    `used` items count, `seen` are there, ignored ones too; items are numbers, boxes or rows of `classes` scores.
    `shape` is the prediction's where an item is a number, with None for what only reading to the end tells; `target` is
    what the target holds (labels, shares, …), and `ignoring` whether an ignore index was given.
    """

    used: int
    seen: int
    shape: tuple[int | None, ...]
    classes: int
    target: str
    ignoring: bool


class Convention(NamedTuple):
    """How a library computes one loss: only what is not our way.

    `value` and `value_of_probs` (where probabilities are given, if that is another function) take the data and the
    parameters of our loss's `value`, and other sums of a region loss if they like. `lacks` are parameters and options
    that its function has not, `aggregates` the ways in which it can pool regions, its default first. `divisor` returns
    what its mean divides by, None for our own way; `normalizes`: given rows are divided by their sum.
    """

    called: str
    differs: str = ""
    value: Callable[..., Any] | None = None
    value_of_probs: Callable[..., Any] | None = None
    defaults: Mapping[str, Setting] = {}
    lacks: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("logits", "probs")
    reductions: tuple[str, ...] = ("none", "sum", "mean")
    aggregates: tuple[str, ...] = ()
    divisor: Callable[[Counted], float | None] | None = None
    added_to_normalizer: float = 0.0
    one_channel: bool = False
    normalizes: bool = False
