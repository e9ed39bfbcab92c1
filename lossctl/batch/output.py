"""The output of a batch read again: ids, values of each loss, groups, weights, and what they were computed under."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lossctl.batch.plan import GIVEN
from lossctl.data.number import shown
from lossctl.data.sheet import read_sheet
from lossctl.data.table import columns_of
from lossctl.errors import DataError
from lossctl.requests import COMMA

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Output(NamedTuple):
    """What a batch wrote: a row for each pair. Groups, weights and signatures are None where there are none."""

    path: str
    ids: list[str]
    losses: dict[str, npt.NDArray[np.float64]]
    groups: list[str] | None
    weights: npt.NDArray[np.float64] | None
    signatures: list[str] | None
    lines: Sequence[int]

    def places(self) -> dict[str, int]:
        """Return the row of each id. Raises DataError for one that is there twice."""
        found = {name: place for place, name in enumerate(self.ids)}
        if len(found) < len(self.ids):
            seen: dict[str, int] = {}
            for line, name in zip(self.lines, self.ids, strict=True):
                if name in seen:
                    raise self.error(f"id {shown(name, 200)} is also in line {seen[name]}", line)
                seen[name] = line
        return found

    def parts(self, loss: str, signature: str) -> list[str]:
        """Return the parts of a row's signature that are of one loss: `ciou(gate=0)`, `reduction=mean`, …"""
        first, *others = signature.split("|")
        texts = COMMA.split(first)
        return [texts[[*self.losses].index(loss)] if len(texts) == len(self.losses) else first, *others]

    def told(self, loss: str) -> str:
        """Return the signature of a loss: what all rows have in common, and whether they differ in anything else."""
        found = [self.parts(loss, signature) for signature in dict.fromkeys(self.signatures or ())]
        common = [part for part in found[0] if all(part in parts for parts in found)] if found else []
        return "|".join([*common, *(["options=by row"] * (len(found) > 1))])

    def error(self, message: str, line: int | None = None, hint: str | None = None) -> DataError:
        """Return an error of this file."""
        return DataError(message, hint=hint, path=shown(self.path, 4096), line=line)


def errors_path(output: str) -> str:
    """Return the name of the file of failures: out.csv has out.errors.csv."""
    return f"{output.rpartition('.')[0]}.errors.csv"


def read_output(path: str) -> Output:
    """Return what `lossctl batch -o` wrote. Raises UsageError, and DataError for what is no such file."""
    names = columns_of(path)
    losses = [name for name in names if not GIVEN.fullmatch(name)]
    texts = ["id", *(name for name in ("group", "signature") if name in names)]
    weighted = ["weight"] * ("weight" in names)
    if not losses and "id" in names:
        raise DataError("no column of a loss", hint=f"there are {', '.join(names[:20])}", path=shown(path, 4096))
    sheet = read_sheet(path, texts, [*weighted, *losses], blank=["group"])
    weights = sheet.numbers.pop("weight", None)
    output = Output(
        path, sheet.texts["id"], sheet.numbers, sheet.texts.get("group"), weights, sheet.texts.get("signature"),
        sheet.lines,
    )  # fmt: skip
    if weights is not None:
        for place in ((weights < 0) | ~(weights < float("inf"))).nonzero()[0][:1]:
            raise output.error(f"weight is {weights[place]:g}; expected a number ≥ 0", output.lines[place])
    return output
