"""Calls of a loss function like one before: of the same options, on arrays of the same types and shapes.

Most of what a call does by itself decides how data are to be read and whether they may be; the answer is the same for
all that look alike. So it is kept, and what is left of a call is its kernels and their sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np

from lossctl.data.source import Source
from lossctl.requests import Asked, Request
from lossctl.run.finish import known_factor
from lossctl.run.items import CHUNK, IN_MEMORY, carrying, found_of, prepared
from lossctl.run.options import Options
from lossctl.run.sides import canonical
from lossctl.run.spare import Spare
from lossctl.run.walk import Chunk, Walk
from lossctl.run.workers import Workers

# Kinds of calls that are kept in mind.
KINDS = 64
# Keywords under which data may be given, or other ways through them.
APART = {"weights", "group_by", "pairs", "match", "match_by", "match_score"}
# Types of other keywords: those that are equal mean the same.
PLAIN = {str, int, float, bool, NoneType}


def kind(preds: Sequence[Any], target: Any, keywords: Mapping[str, Any], with_gradient: bool) -> tuple[Any, ...] | None:
    """Return what calls that look alike have in common; None where a call may be like no other."""
    if not APART.isdisjoint(keywords) or not PLAIN.issuperset(map(type, keywords.values())):
        return None
    key: list[Any] = [with_gradient, *keywords.items(), *map(type, keywords.values())]
    for array in (*preds, target):
        if array is None:
            key.append(None)
        elif type(array) is np.ndarray and array.flags.c_contiguous and array.ndim:
            key += (array.dtype, array.shape)
        else:
            return None
    return tuple(key)


class Calls:
    """What is known of the calls of one loss function."""

    def __init__(self) -> None:
        """Know nothing."""
        # None after the first of a kind.
        self.known: dict[Any, Again | None] = {}
        self._spare = Spare()

    def answered(
        self, preds: Sequence[Any], target: Any, keywords: Mapping[str, Any], with_gradient: bool
    ) -> tuple[Any, tuple[Any, Sequence[Any]] | None]:
        """Return the kind of a call, and what `Again` returns; None where nothing is known of it."""
        key = kind(preds, target, keywords, with_gradient)
        again = self.known.get(key)
        return key, None if again is None else again(preds, target)

    def remember(
        self, key: Any, asked: Asked, options: Options, sides: tuple[Source, ...], target: Source | None
    ) -> None:
        """Make ready for more calls of that kind, once there were two."""
        if key is None:
            return
        if len(self.known) >= KINDS:
            self.known.clear()
        self.known[key] = Again.of(asked, options, sides, target, key[0], self._spare) if key in self.known else None


class Again:
    """What is known of calls of one kind."""

    def __init__(self, walk: Walk, with_gradient: bool) -> None:
        """Hold a walk at its beginning."""
        self._walk, self._with_gradient = walk, with_gradient
        self._factor = known_factor(walk) if with_gradient else None
        # Walks back at their beginning: as many as there were calls at the same time.
        self._idle: list[Walk] = []

    @staticmethod
    def of(
        asked: Asked, options: Options, pred: tuple[Source, ...], target: Source | None, with_gradient: bool,
        spare: Spare,
    ) -> Again | None:  # fmt: skip
        """Return it, by the data of one call; None where calls depend on their data, or take more than one step."""
        if not isinstance(asked, Request) or asked.loss.whole or "auto" in asked.settings.values() or options.by_item:
            return None
        # It has nothing of its own that had to be closed: a step only spreads its blocks.
        workers = Workers(options.workers)
        sides, (walk,) = prepared([asked], pred, target, options, workers, with_gradient)
        walk.landing = spare
        size = math.prod(filter(None, sides.pred.source.shape))
        return Again(walk, with_gradient) if size <= walk.chunk(IN_MEMORY * CHUNK) * walk.per_pred else None

    def __call__(self, preds: Sequence[Any], target: Any) -> tuple[Any, Sequence[Any]] | None:
        """Return the value, and the slopes by each side if they are asked for; None where data are not valid.

        Raises DataError where they are, but there is nothing to average.
        """
        try:
            walk = self._idle.pop()
        except IndexError:
            walk = self._walk.afresh()
        factor = self._factor
        flat, *more = [canonical(pred.reshape(-1), "pred") for pred in preds]
        goal = [] if target is None else canonical(target.reshape(-1), "target")
        chunk = Chunk(0, len(flat) // walk.per_pred, flat, goal, None, more)
        values = walk.options.reduction == "none"
        bad, slopes = walk.step(chunk, 1.0 if factor is None else factor, values, slopes=factor is not None)
        if bad:
            return None
        found = found_of(walk)
        if self._with_gradient and factor is None:
            slopes = carrying(walk)(chunk)
        walk.begin()
        self._idle.append(walk)
        return answer(found), slopes if more else (slopes,)


def answer(found: Any) -> Any:
    """Return what a call returns: a float, or an array of values."""
    return found if isinstance(found, float) else np.asarray(found, np.float64)
