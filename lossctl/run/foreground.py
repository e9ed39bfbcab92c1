"""`--weights foreground(power=2)`: weights that the prediction itself gives to its items."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lossctl.engine.kernels import SMALL, foreground_kernel
from lossctl.engine.sums import tile_width
from lossctl.errors import UsageError

if TYPE_CHECKING:
    from lossctl.run.walk import Chunk, SummedWalk


class Foreground(NamedTuple):
    """Each item weighs (1 - q_fg)^power · q_bg: much where the background is right, little where the object is."""

    power: float = 2.0

    def __str__(self) -> str:
        """Write it as it can be asked for again."""
        return f"foreground(power={self.power:g})"


def scheme(text: str) -> Foreground | None:
    """Return the scheme that a text names; None where it is the name of something else.

    Raises UsageError for a scheme that is not there, or a power below 0.
    """
    written = re.fullmatch(r"\s*foreground\s*(?:\((?:\s*power\s*=\s*([^()]*))?\))?\s*", text)
    if written is None:
        if text.strip().startswith("foreground("):
            raise UsageError(f"cannot read the weights '{text.strip()}'", hint="foreground or foreground(power=2)")
        return None
    try:
        power = 2.0 if written[1] is None else float(written[1])
    except ValueError:
        power = -1.0
    if not 0 <= power < float("inf"):
        raise UsageError(f"power is {written[1].strip()}; expected ≥ 0", hint="foreground(power=2)")
    return Foreground(power)


def weigh(walk: SummedWalk, chunk: Chunk, power: float) -> Any:
    """Return one weight for each item of a chunk."""
    import numpy as np

    classes = walk.reading.classes
    whole = classes == 1 or walk.reading.rows_first
    images, inner = (1, len(chunk.pred) // classes) if whole else (chunk.units, walk.per_weight)
    fast = len(chunk.pred) > SMALL
    source = "sigmoid" if classes == 1 and walk.source == "logits" else walk.source
    kernel = foreground_kernel(source, fast)
    width = tile_width(classes)
    out = np.zeros(images * inner)
    heat = walk.settings.get("temperature")
    temperature = None if heat is None else float(heat)
    grid = walk.reading.grid(images, inner)
    pred = np.asarray(chunk.pred, np.float64) if isinstance(chunk.pred, list) else chunk.pred
    walk.spread(fast, images * -(-inner // width), kernel, grid, width, pred, temperature, power, out)
    return out
