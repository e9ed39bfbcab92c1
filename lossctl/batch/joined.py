"""Two outputs of a batch and the pairs that are in both, by their ids: as many rows, computed in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lossctl.batch.output import Output
from lossctl.data.number import shown

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_TOLD = 3


class Joined:
    """The pairs that are in both, in the order of their ids."""

    def __init__(self, base: Output, new: Output) -> None:
        """Find them. Raises DataError for an id that is twice in one, or no pair or loss in both."""
        self.base, self.new = base, new
        places = base.places(), new.places()
        self.unmatched = tuple(
            [name for name in output.ids if name not in other]
            for output, other in zip((base, new), reversed(places), strict=True)
        )
        self.ids = sorted(places[0].keys() & places[1].keys())
        if not self.ids:
            raise new.error(f"no pair of it is in {shown(base.path, 200)}", hint="rows belong together by their id")
        self.rows = self._rows_of(places[0]), self._rows_of(places[1])
        self.losses = [name for name in base.losses if name in new.losses]
        if not self.losses:
            told = [", ".join(output.losses) for output in (base, new)]
            raise new.error(f"no loss of it is in {shown(base.path, 200)}", hint=f"{told[0]} there, {told[1]} here")

    def _rows_of(self, places: Mapping[str, int]) -> npt.NDArray[np.intp]:
        import numpy as np

        return np.fromiter(map(places.__getitem__, self.ids), np.intp, len(self.ids))

    def sides(self) -> tuple[tuple[dict[str, Any], Any], tuple[dict[str, Any], Any]]:
        """Return the losses of base and of new, and the row of each pair in them."""
        return (self.base.losses, self.rows[0]), (self.new.losses, self.rows[1])

    def refuse_unmatched(self, hints: Sequence[str]) -> None:
        """Raise DataError for a pair that is in one alone; `hints` tell why it may not be in base, and not in new."""
        for output, other, names, hint in zip(
            (self.base, self.new), (self.new, self.base), self.unmatched, reversed(hints), strict=True
        ):
            if names:
                told = ", ".join(shown(name, 200) for name in names[:_TOLD]) + ", …" * (len(names) > _TOLD)
                what = f"{len(names)} pairs are" if len(names) > 1 else "a pair is"
                line = output.lines[output.places()[names[0]]]
                told = f"{what} not in {shown(other.path, 200)}: {told}"
                raise output.error(told, line, hint=f"{hint}--unmatched skip leaves out what is in one alone")

    def refuse_others(self) -> None:
        """Raise DataError for a pair that the two computed in different ways."""
        hint = "--across-signatures compares them all the same"
        for output in (self.base, self.new):
            if output.signatures is None:
                raise output.error("no column signature, so nothing tells how it was computed", hint=hint)
        assert self.base.signatures is not None
        assert self.new.signatures is not None
        old, now = self.base.signatures, self.new.signatures
        lines: dict[tuple[str, str], int] = {}
        for a, b in zip(*(rows.tolist() for rows in self.rows), strict=True):
            lines.setdefault((old[a], now[b]), self.new.lines[b])
        for (before, after), line in lines.items():
            for loss in self.losses:
                parts = self.base.parts(loss, before), self.new.parts(loss, after)
                if parts[0] != parts[1]:
                    told = f"{loss} is of {_differing(parts[1], parts[0])}"
                    told += f", in {shown(self.base.path, 200)} of {_differing(parts[0], parts[1])}"
                    raise self.new.error(told, line, hint=hint)

    def groups(self) -> list[str] | None:
        """Return the group of each pair. Raises DataError for a pair that changed it."""
        found = [
            None if output.groups is None else list(map(output.groups.__getitem__, rows.tolist()))
            for output, rows in zip((self.base, self.new), self.rows, strict=True)
        ]
        if found[0] is not None and found[1] is not None:
            for place, (a, b) in enumerate(zip(*found, strict=True)):
                if a != b:
                    self._moved(place, "group", shown(b, 200), shown(a, 200))
        return found[0] if found[0] is not None else found[1]

    def weights(self) -> npt.NDArray[np.float64]:
        """Return the weight of each pair. Raises DataError for a pair that changed it, and where nothing weighs."""
        import numpy as np

        found = [
            None if output.weights is None else output.weights[rows]
            for output, rows in zip((self.base, self.new), self.rows, strict=True)
        ]
        if found[0] is not None and found[1] is not None:
            for place in (found[0] != found[1]).nonzero()[0][:1]:
                self._moved(place, "weight", f"{found[1][place]:g}", f"{found[0][place]:g}")
        weights = found[0] if found[0] is not None else found[1]
        return np.ones(len(self.ids)) if weights is None else weights

    def _moved(self, place: int, what: str, now: str, before: str) -> None:
        told = f"pair {shown(self.ids[place], 200)} is of {what} {now}, in {shown(self.base.path, 200)} of {before}"
        raise self.new.error(told, self.new.lines[self.rows[1][place]])


def _differing(parts: Sequence[str], other: Sequence[str]) -> str:
    return "|".join(part for part in parts if part not in other) or "less"
