"""All array expressions: a function (xp, pred, target, **settings) for each loss."""

from __future__ import annotations

from lossctl.bench.rivals import boxes, numbers, public, ranking, regions, rotated, scores

EXPRESSIONS = public((boxes, rotated, numbers, scores, regions, ranking))
