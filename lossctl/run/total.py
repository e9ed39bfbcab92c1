"""From a recipe to its total: every term over its own data, one after the other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lossctl.data.source import Source
from lossctl.run.columns import open_side
from lossctl.run.foreground import scheme
from lossctl.run.joint import added, evaluate
from lossctl.run.options import Options
from lossctl.run.recipe import TOTAL, Recipe, RecipeTerm, blamed, read_recipe
from lossctl.run.result import Result, Total
from lossctl.run.sides import Sink
from lossctl.run.slopes import Weighted


class OpenTerm(NamedTuple):
    """A term with its data, of which nothing is read yet."""

    term: RecipeTerm
    pred: Source
    target: Source | None
    options: Options

    @property
    def paths(self) -> list[str]:
        """The paths that are read."""
        sides = (self.pred, self.target, self.options.weights)
        return [side.path for side in sides if isinstance(side, Source)]


def open_terms(recipe: Recipe) -> list[OpenTerm]:
    """Open the data of every term. Raises DataError for what cannot be read."""
    return [_opened(term, recipe.path) for term in recipe.terms]


def _opened(term: RecipeTerm, path: str) -> OpenTerm:
    with blamed(path, term.name):
        weighing = scheme(term.sides.get("weights", ""))
        texts = {role: text for role, text in term.sides.items() if role != "weights" or weighing is None}
        sides = {role: open_side(text, role, term.request.losses, term.options) for role, text in texts.items()}
    options = replace(term.options, weights=weighing or sides.get("weights"))
    return OpenTerm(term, sides["pred"], sides.get("target"), options)


def evaluate_terms(recipe: Recipe, terms: Sequence[OpenTerm], sinks: Mapping[str, Sink] = {}) -> Total:
    """Return the total of a recipe whose terms are open.

    `sinks`: for each term by its name, what takes d (weight · term) / d pred. Raises what an evaluation raises.
    """
    return added(Total, TOTAL, [_evaluated(recipe, each, sinks.get(each.term.name)) for each in terms])


def _evaluated(recipe: Recipe, opened: OpenTerm, sink: Sink | None) -> Result:
    term = opened.term
    with blamed(recipe.path, term.name):
        sinks = [] if sink is None else [Weighted(term.weight, sink)]
        result = evaluate([term.request], opened.pred, opened.target, opened.options, sinks)[0]
    warnings = tuple(f"{term.name}: {warning}" for warning in result.warnings)
    return replace(result, name=term.name, weight=term.weight, warnings=warnings)


def joint(path: str | os.PathLike[str], weights: Mapping[str, float] = {}, **run: Any) -> Total:
    """Return the total of the recipe in a file; `run` are threads and max_memory. Raises LossctlError of any kind."""
    recipe = read_recipe(os.fspath(path), weights, run)
    return evaluate_terms(recipe, open_terms(recipe))
