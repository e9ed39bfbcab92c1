"""Detections matched with targets, so that their boxes can be compared pair by pair.

Only boxes of the same group (image, class) with an IoU of at least the threshold can be matched, each box once.
`greedy` takes pairs by falling IoU; with scores it goes through the predictions by falling score, as COCO does, and
gives each the free target of the highest IoU. Ties go to the first (in pycocotools, of equal targets to the last).
`hungarian` maximises the sum of the IoU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lossctl.data.source import Source
from lossctl.errors import DataError, UsageError
from lossctl.loss import find
from lossctl.requests import Request
from lossctl.run.checks import check
from lossctl.run.groups import Groups, settled
from lossctl.run.items import evaluate_items
from lossctl.run.options import Options
from lossctl.run.pairs import Boxes, checked
from lossctl.run.result import Matching, Result
from lossctl.run.sides import ArraySource, Sink
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Indices = npt.NDArray[np.intp]
    Floats = npt.NDArray[np.float64]

# For each shape of boxes, the loss that is 1 - IoU.
DISTANCE = {"boxes": "iou"}
# Candidates whose IoU is computed at once.
BATCH = 1 << 20


def match(
    pred: Any,
    target: Any,
    method: str = "greedy",
    threshold: float = 0.5,
    pred_groups: Sequence[Any] | None = None,
    target_groups: Sequence[Any] | None = None,
    scores: Sequence[float] | None = None,
    **keywords: Any,
) -> Matching:
    """Return which predictions are matched with which targets.

    `pred` (N, 4) and `target` (M, 4) are boxes; `pred_groups` and `target_groups` have one label for each, and only
    boxes with equal labels are matched. `method` is `greedy`, with `scores` by falling score and else by falling IoU,
    or `hungarian`, the largest sum of IoU (needs scipy). Keywords: box_format, pred_format, target_format, nonfinite,
    threads. Raises UsageError for these, DataError for boxes that are not valid.
    """
    if (pred_groups is None) != (target_groups is None):
        raise UsageError("groups of one side", hint="give pred_groups and target_groups, or neither")
    groups = None if pred_groups is None else (pred_groups, target_groups)
    asked = {"match": method, "match_threshold": threshold, "match_by": groups, "match_score": scores}
    options = settled(Options(**{**keywords, **asked}))
    sources = ArraySource(pred, "pred"), ArraySource(target, "target")
    distance = _distance("boxes")
    return _matched(distance, Boxes.of(*sources, [distance.loss], options), options).matching


def _distance(shape: str) -> Request:
    """Return the loss that is 1 - IoU of boxes of that shape."""
    return Request.of(find(DISTANCE[shape]), {})


def evaluate_matched(
    asked: Sequence[Request], pred: Source, target: Source | None, options: Options, sinks: Sequence[Sink] = ()
) -> list[Result]:
    """Return the result of each request over the matched pairs, in the order of the predictions.

    A gradient has the shape of all predictions, and 0 for those that are not matched. Raises UsageError for options,
    DataError for boxes that are not valid or when nothing matches.
    """
    losses = [request.loss for request in asked]
    options = settled(options)
    check(losses, options, target is not None, with_slopes=bool(sinks))
    assert target is not None
    if options.weights is not None:
        raise UsageError("weights with match", hint="the pairs are not known before they are matched")
    boxes = Boxes.of(pred, target, losses, options)
    distance = _distance(losses[0].shape)
    found = _matched(distance, boxes, options)
    if not found.matching.matched:
        raise _nothing(found, options)
    rows = _table(boxes, 0)
    gradients = [_Scattered(sink, found.matching.pred, rows.shape) for sink in sinks]
    sides = (
        ArraySource(_table(boxes, 0, as_read=True)[found.matching.pred], "pred"),
        ArraySource(_table(boxes, 1, as_read=True)[found.matching.target], "target"),
    )
    results = evaluate_items(asked, *sides, options, gradients)
    inputs = tuple(side.described() for side in boxes.sides)
    return [replace(result, inputs=inputs, matching=found.matching) for result in results]


class _Found(NamedTuple):
    """A matching, and the smallest 1 - IoU of a pair that was looked at (infinite if there was none)."""

    matching: Matching
    closest: float


def _nothing(found: _Found, options: Options) -> DataError:
    matching = found.matching
    counts = f"{_counted(matching.spurious, 'prediction')}, {_counted(matching.missed, 'target')}"
    hint = f"the highest IoU is {1 - found.closest:.3g}, --match-threshold {options.threshold:g}"
    if found.closest == float("inf"):
        hint = "there are no boxes on a side"
        groups = options.match_by
        if groups is not None and groups.pred and groups.target:
            shown = [",".join(map(str, x)) if isinstance(x, tuple) else x for x in (groups.pred[0], groups.target[0])]
            hint = f"no label is on both sides: predictions begin with '{shown[0]}', targets with '{shown[1]}'"
    return DataError(f"nothing to average: nothing matches ({counts})", hint=hint)


def _table(boxes: Boxes, side: int, as_read: bool = False) -> Floats:
    """Return the boxes of a side as an array, one a row: in float64, or as they were read."""
    import numpy as np

    flat = np.asarray(boxes.flats[side], None if as_read else np.float64)
    return flat.reshape(-1, boxes.sides[side].shape("boxes")[1] or 4)


def _matched(distance: Request, boxes: Boxes, options: Options) -> _Found:
    """Match; raises DataError for boxes that are not valid, or labels and scores that are not one for each box."""
    import numpy as np

    pred, target = _table(boxes, 0), _table(boxes, 1)
    groups, scores = options.match_by, options.match_score
    if groups is not None:
        for side, labels, rows in zip(boxes.sides, (groups.pred, groups.target), (pred, target), strict=True):
            _same_number(side.role, len(labels), "label", len(rows))
    if scores is not None:
        _same_number("pred", len(scores.values), "score", len(pred))
        if not all(x == x for x in scores.values):
            raise DataError("pred: a score is NaN", hint="scores put the predictions in order")
    # No loss of pairs is asked for yet: what is read here is the IoU alone.
    plain = replace(
        options, reduction="none", normalizer=None, match=None, match_threshold=None, match_by=None, match_score=None,
        nonfinite="error" if options.nonfinite == "error" else "propagate", arithmetic="float64",
    )  # fmt: skip
    with Workers(options.workers) as workers:
        checked(distance, boxes, plain, workers)
    parts = []
    closest = float("inf")
    for i, j in _candidates(pred, target, groups):
        sides = ArraySource(pred[i], "pred"), ArraySource(target[j], "target")
        losses = np.asarray(evaluate_items([distance], *sides, plain)[0].values)
        closest = min(closest, float(np.nanmin(losses, initial=np.inf)))
        # The sum, rounded, is 1 where both are decimals of numbers that add up to 1; a NaN is never near.
        near = losses + options.threshold <= 1
        parts.append((i[near], j[near], losses[near]))
    none = np.empty(0, np.intp)
    i, j, losses = (np.concatenate(column) for column in zip((none, none, np.empty(0)), *parts, strict=True))
    if options.match == "hungarian":
        taken = _hungarian(i, j, losses, len(pred), len(target))
    else:
        ranks = None if scores is None else np.argsort(np.argsort(-np.asarray(scores.values, float), kind="stable"))
        taken = _greedy(i, j, losses, ranks, len(pred), len(target))
    taken = taken[np.argsort(i[taken], kind="stable")]
    matching = Matching(i[taken], j[taken], len(target) - len(taken), len(pred) - len(taken))
    return _Found(matching, closest)


def _same_number(role: str, count: int, what: str, boxes: int) -> None:
    if count != boxes:
        raise DataError(f"{role}: {_counted(count, what)} for {_counted(boxes, 'box', 'boxes')}")


def _counted(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


def _candidates(pred: Floats, target: Floats, groups: Groups | None) -> Iterator[tuple[Indices, Indices]]:
    """Yield the pairs of boxes of one group as indices, prediction after prediction, in batches."""
    import numpy as np

    known: dict[Any, int] = {}
    codes = [np.zeros(len(boxes), np.intp) for boxes in (pred, target)]
    if groups is not None:
        codes = [
            np.array([known.setdefault(label, len(known)) for label in labels], np.intp)
            for labels in (groups.pred, groups.target)
        ]
    order = np.argsort(codes[1], kind="stable")
    begin, end = (np.searchsorted(codes[1][order], codes[0], side) for side in ("left", "right"))
    counts = end - begin
    ends = np.cumsum(counts)
    first = 0
    while first < len(pred):
        done = ends[first] - counts[first]
        last = max(first + 1, int(np.searchsorted(ends, done + BATCH, "right")))
        times = counts[first:last]
        i = np.repeat(np.arange(first, last), times)
        place = np.arange(len(i)) - np.repeat(ends[first:last] - times - done, times)
        if len(i):
            yield i, order[np.repeat(begin[first:last], times) + place]
        first = last


def _greedy(i: Indices, j: Indices, losses: Floats, ranks: Indices | None, n: int, m: int) -> Indices:
    """Return which of the pairs are taken, when they are offered by rank of the prediction and falling IoU."""
    import numpy as np

    order = np.lexsort((j, i, losses) if ranks is None else (j, losses, ranks[i]))
    free_pred, free_target = [True] * n, [True] * m
    taken = []
    for place, a, b in zip(order.tolist(), i[order].tolist(), j[order].tolist(), strict=True):
        if free_pred[a] and free_target[b]:
            free_pred[a] = free_target[b] = False
            taken.append(place)
    return np.array(taken, np.intp)


def _hungarian(i: Indices, j: Indices, losses: Floats, n: int, m: int) -> Indices:
    """Return which of the pairs are taken, so that the sum of their IoU is the largest.

    Boxes that are connected by no chain of pairs are assigned apart from each other.
    """
    import numpy as np

    try:
        from scipy.optimize import linear_sum_assignment
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components
    except ImportError:
        raise UsageError("match hungarian needs scipy", hint="pip install 'lossctl[scipy]'") from None
    graph = coo_array((np.ones(len(i), bool), (i, n + j)), shape=(n + m, n + m))
    part = connected_components(graph, directed=False)[1][i]
    order = np.argsort(part, kind="stable")
    taken: list[int] = []
    for pairs in np.split(order, np.flatnonzero(np.diff(part[order])) + 1) if len(i) else ():
        if len(pairs) == 1:
            taken.append(int(pairs[0]))
            continue
        rows, row = np.unique(i[pairs], return_inverse=True)
        columns, column = np.unique(j[pairs], return_inverse=True)
        cost = np.ones((len(rows), len(columns)))
        place = np.full(cost.shape, -1, np.intp)
        cost[row, column] = losses[pairs]
        place[row, column] = pairs
        chosen = place[linear_sum_assignment(cost)]
        taken += chosen[chosen >= 0].tolist()
    return np.array(taken, np.intp)


class _Scattered:
    """A gradient of matched predictions on its way to one of all predictions."""

    def __init__(self, sink: Sink, pred: Indices, shape: tuple[int, ...]) -> None:
        """Take where the matched ones go."""
        self._sink, self._pred, self._shape = sink, pred, shape

    def begin(self, shape: tuple[int, ...]) -> None:
        """Begin with the shape of all."""
        self._parts: list[Any] = []
        self._missing = shape[0] * shape[1]
        self._sink.begin(self._shape)

    def append(self, flat: Any) -> None:
        """Keep the numbers; hand them all on when they are complete."""
        import numpy as np

        self._parts.append(np.asarray(flat, np.float64))
        self._missing -= len(flat)
        if not self._missing:
            whole = np.zeros(self._shape)
            whole[self._pred] = np.concatenate(self._parts).reshape(-1, self._shape[1])
            self._sink.append(whole.reshape(-1))
