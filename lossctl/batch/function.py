"""A batch as a Python function: what the command does, but for what it prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from lossctl.batch.job import Job, Scribe
from lossctl.batch.plan import Plan
from lossctl.batch.totals import Summary
from lossctl.errors import UsageError
from lossctl.requests import requests
from lossctl.run.foreground import Foreground, scheme
from lossctl.run.options import Options, option_names

_PATHS = ("pred", "target", "manifest", "output", "junit")


class _Silent:
    """Progress that nobody looks at."""

    def begin(self, pairs: int, kept: int) -> None:
        """Say nothing."""

    def watch(self) -> None:
        """Look at no clock."""

    def step(self, pairs: int, read: int, failed: int) -> None:
        """Say nothing."""


def batch(
    losses: str, keywords: Mapping[str, Any], scribe: Callable[[Plan, str | None, str | None], Scribe]
) -> Summary:
    """Return the summary of losses over pairs of files, written by a `scribe`. Raises LossctlError of any kind."""
    own = {field.name for field in fields(Job)}
    told = {name: keywords[name] for name in own & keywords.keys()}
    told |= {name: os.fspath(told[name]) for name in _PATHS if told.get(name) is not None}
    if told.get("pair") is not None:
        told["pair"] = tuple(map(os.fspath, told["pair"]))
        if len(told["pair"]) != 2:
            raise UsageError("pair takes two patterns", hint="pair=('{id}_pred.npy', '{id}_gt.npy')")
    known = own | {*option_names()}
    asked = requests(losses, {name: setting for name, setting in keywords.items() if name not in known})
    options = _options({name: keywords[name] for name in option_names() if name in keywords})
    job = Job(**told)
    plan = job.plan(asked, options, job.pairing())
    job.check_outputs(plan)
    return job.run(plan, _Silent(), scribe(plan, job.output, job.junit))


def _options(given: dict[str, Any]) -> Options:
    weights = given.get("weights")
    if weights is not None and not isinstance(weights, Foreground):
        given["weights"] = scheme(weights) if isinstance(weights, str) else None
        if given["weights"] is None:
            hint = "foreground(power=2), or a column weight of the manifest"
            raise UsageError("weights of items in a batch", hint=hint)
    return Options(**given)
