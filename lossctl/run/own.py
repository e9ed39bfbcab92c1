"""A loss file of the user's own that raises, or that cannot be compiled, is theirs to mend and no bug of lossctl."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from pathlib import Path

from lossctl.errors import LossctlError, UsageError
from lossctl.loss import SHELF, Loss


def blamed(error: Exception, losses: Sequence[Loss]) -> UsageError | None:
    """Return the error of the loss file that raised `error`; None when none of the user's own is to blame."""
    own = [Path(loss.source) for loss in losses if SHELF not in Path(loss.source).parents]
    if isinstance(error, LossctlError) or not own:
        return None
    text = f"{type(error).__name__}: {error}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) in own:
            return UsageError(text, path=frame.filename, line=frame.lineno)
    if type(error).__module__.startswith("numba"):
        for file in own:
            # The last place that the compiler names is the innermost.
            places = re.findall(rf"{re.escape(str(file))} \((\d+)\)", text)
            if places:
                hint = "many numbers are computed by compiled code: arithmetic and lossctl.maths alone"
                return UsageError("cannot be compiled", hint=hint, path=str(file), line=int(places[0]))
    return None
