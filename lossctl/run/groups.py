"""Labels and scores of boxes, by which they are matched: from columns of their files, or as they are given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lossctl.data.opening import open_source
from lossctl.data.source import Source
from lossctl.errors import UsageError
from lossctl.run.options import Options

WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
ROWS = 1 << 20


class Groups(NamedTuple):
    """One label for each prediction and each target; `name` says what they are."""

    name: str
    pred: Sequence[Any]
    target: Sequence[Any]


class Scores(NamedTuple):
    """One score for each prediction; `name` says where they are from."""

    name: str
    values: Sequence[float]


def columns_of(texts: Mapping[str, str | None], sources: Mapping[str, Source | None], options: Options) -> Options:
    """Return options whose labels and scores are read from the columns they name, of the files that were typed.

    Raises UsageError where a side is no file that can be read again, DataError where it has no such column.
    """
    from lossctl.data.labels import read_rows
    from lossctl.data.origin import split

    if isinstance(options.match_by, str):
        chosen = options.match_by
        if not chosen.strip():
            raise UsageError("match_by is an empty text", hint="columns of both files, such as image,class")
        labels = []
        for role in ("pred", "target"):
            name = split(_again(role, texts.get(role), sources[role], "match_by"))[0]
            labels.append([tuple(map(_plain, row)) for row in read_rows(f"{name}::{chosen}")])
        options = replace(options, match_by=Groups(chosen.replace(" ", ""), *labels))
    if isinstance(options.match_score, str):
        column = options.match_score.strip()
        name = split(_again("pred", texts.get("pred"), sources["pred"], "match_score"))[0]
        read = open_source(f"{name}::{column}", role="scores", width=1)
        values = [float(x) for block in read.blocks(ROWS) for x in block.flat]
        options = replace(options, match_score=Scores(column, values))
    return options


def _again(role: str, text: str | None, source: Source | None, option: str) -> str:
    from lossctl.data.inline import is_inline

    if text is None or is_inline(text):
        raise UsageError(f"{option} names columns, and {role} is no file", hint="a CSV with a header has columns")
    if source is None or not source.rereadable:
        raise UsageError(f"{option} reads {role} again, and a pipe can be read only once", hint="save it to a file")
    return text


def _plain(label: str) -> str:
    """Return a label without the `.0` that tables with a missing number put behind whole ones."""
    found = WHOLE.fullmatch(label)
    return found[1] if found else label


def settled(options: Options) -> Options:
    """Return options whose labels and scores, if given as arrays, are known to be such."""
    groups, scores = options.match_by, options.match_score
    if isinstance(groups, str) or isinstance(scores, str):
        raise UsageError("a column of what? the sides are arrays", hint="give match_by and match_score as sequences")
    if groups is not None and not isinstance(groups, Groups):
        if len(groups) != 2:
            raise UsageError("match_by is no pair", hint="labels of the predictions and labels of the targets")
        groups = Groups("given", *map(_hashable, groups))
    if scores is not None and not isinstance(scores, Scores):
        scores = Scores("given", [float(x) for x in scores])
    return replace(options, match_by=groups, match_score=scores)


def _hashable(labels: Any) -> list[Any]:
    """Return labels that can be looked up; a row of several is one label."""
    labels = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    return [tuple(label) if isinstance(label, list) else label for label in labels]
