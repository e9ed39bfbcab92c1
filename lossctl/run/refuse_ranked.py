"""Which item of scores or embeddings is invalid, and what its owner should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from lossctl.errors import DataError
from lossctl.run.ranked import RankedWalk
from lossctl.run.refuse import index_of, refuse_numbers, row_of, such
from lossctl.run.walk import Chunk, settled

if TYPE_CHECKING:
    from lossctl.run.sides import Sides


def refuse_ranked(walk: RankedWalk, chunk: Chunk, sides: Sides) -> NoReturn:
    """Raise the DataError that names the first invalid item of a chunk."""
    import numpy as np

    loss = walk.loss
    flats = [np.asarray(flat, np.float64) for flat in (chunk.pred, *chunk.more)]
    known = np.asarray(chunk.target, np.float64)
    keep = known != walk.ignore if walk.per_target else np.ones(chunk.units, bool)
    for side, flat, per_unit in (
        *((side, flat, walk.per_pred) for side, flat in zip(sides.preds, flats, strict=True)),
        *([(sides.target, known, 1)] if sides.target is not None else []),
    ):
        if walk.options.nonfinite == "error":
            refuse_numbers(flat, np.repeat(keep, per_unit), chunk.first * per_unit, side, bounded=False)
    what, _, hint = loss.domain.partition("; ")
    if sides.target is not None and loss.inside is not None:
        # Of embeddings `inside` looks at y alone.
        scores = flats if loss.shape == "scores" else [np.ones(chunk.units)] * (len(loss.data) - 1)
        rows = zip(*(column.tolist() for column in (*scores, known)), strict=True)
        keep &= ~np.isnan(known)
        bad = [k for k, row in enumerate(rows) if keep[k] and not loss.inside(*row, *settled(walk.settings))]
        if bad:
            # What is neither of the two ways to mark a pair needs another hint than which way is meant.
            hint = hint if known[bad[0]] in (-1, 0, 1) else ""
            place = chunk.first + bad[0]
            more = such(sides.target, known, len(bad))
            message = f"{known[bad[0]]:.12g} at {index_of(sides.target, place)}: {what}{more}"
            raise sides.target.fault(message, hint or None, row_of(sides.target, place))
    raise DataError(f"{loss.name}: {what}", hint=hint or None)
