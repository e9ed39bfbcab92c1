"""The rows of a comparison, one for each pair that is in both, to a file by the ending of its name."""

from __future__ import annotations

from collections.abc import Iterator

from lossctl.batch.joined import Joined
from lossctl.show.results import Cell
from lossctl.show.sheet import write_sheet


def write_differences(joined: Joined, path: str) -> None:
    """Write id, group and weight if there are, and for each loss both values and their difference."""
    groups, weights = joined.groups(), joined.weights()
    weighted = any(output.weights is not None for output in (joined.base, joined.new))
    columns: dict[str, type] = (
        {"id": str} | ({"group": str} if groups else {}) | ({"weight": float} if weighted else {})
    )
    for loss in joined.losses:
        columns |= dict.fromkeys((f"base_{loss}", f"new_{loss}", f"difference_{loss}"), float)

    def rows() -> Iterator[list[Cell]]:
        for place, name in enumerate(joined.ids):
            row: list[Cell] = [name, *([groups[place]] if groups else []), *([float(weights[place])] * weighted)]
            for loss in joined.losses:
                base, new = (float(side[loss][at[place]]) for side, at in joined.sides())
                row += [base, new, new - base]
            yield row

    write_sheet(rows(), columns, path)
