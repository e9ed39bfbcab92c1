"""All array expressions: a function (xp, pred, target, **settings) for each loss."""

from __future__ import annotations

from lossctl.bench.rivals import boxes, numbers, public, regions, scores

EXPRESSIONS = public((boxes, numbers, scores, regions))
