"""The cases of lossctl.bench at the sizes that are measured here."""

from __future__ import annotations

from lossctl.bench.cases import SIZES, Case, Kind, default_size, make, requested
from lossctl.loss import find

BOXES = SIZES["boxes"]


def case_of(kind: Kind, dtype: str, threads: int | None = None, divide: int = 1) -> Case:
    """Return the case of a loss; `divide` makes it that much smaller."""
    size = default_size(find(kind.name), kind.layout) // divide
    return make(requested(kind.name), size, dtype, kind.layout, options={"threads": threads}, input=kind.input)
