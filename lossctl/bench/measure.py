"""All cells, those of one race together: each ends as a row of the document."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lossctl.bench.axes import Cell
from lossctl.bench.cases import Case, has_native, make
from lossctl.bench.contest import Bout, Disagreement, by_item, first_call, of_arrays, raced, use_threads
from lossctl.bench.machine import bandwidth, peak
from lossctl.bench.record import Row
from lossctl.bench.rivals import NONE, Absent, Contender, check_options, find_rival
from lossctl.bench.stages import Files, of_files, read_case, write_case
from lossctl.errors import DataError, LossctlError, UsageError

STAGES = ("compute", "load", "all")


@dataclass
class Measure:
    """Measures cells. `own` holds rivals of the user's by name, `files` the user's data, `options` how to read them.

    Raises DataError when a rival of the user's computes something else; one of the known rivals that does, or that
    raises, makes a row that says so. If `lenient`, so does a loss that does not fit the user's data.
    """

    rounds: int = 15
    seconds: float = 10.0
    seed: int = 1
    stage: str = "compute"
    files: Files | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Contender] = field(default_factory=dict)
    lenient: bool = False

    def __post_init__(self) -> None:
        """Begin without data, and without a kernel that has been called."""
        self._made: tuple[object, Case | None] = (None, None)
        self._written: tuple[Case | None, Files | None] = (None, None)
        self._first: dict[object, tuple[float, bool]] = {}
        self.bandwidths: dict[int, float] = {}
        self.misfit: LossctlError | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Measure:
        """Make room for files."""
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lossctl-bench-")))
        return self

    def __exit__(self, *_: object) -> None:
        """Remove them."""
        self._stack.close()

    def bandwidth(self, threads: int) -> float:
        """Return the bytes a second that so many threads read, measured once."""
        if threads not in self.bandwidths:
            self.bandwidths[threads] = bandwidth(threads)
        return self.bandwidths[threads]

    def rows(self, cells: Sequence[Cell]) -> list[Row]:
        """Measure cells that differ in their rivals alone, in one race.

        What known rivals warn of is not the user's to mend, and is not shown.
        """
        with warnings.catch_warnings():
            if not any(cell.rival in self.own for cell in cells):
                warnings.simplefilter("ignore")
            return list(self._rows(cells))

    def _rows(self, cells: Sequence[Cell]) -> Iterator[Row]:
        cell = cells[0]
        use_threads(cell.threads)
        try:
            case = self._case(cell)
            files = self._on_disk(case) if self.stage != "compute" else None
            alone = self._bout(case, cell.gradient, files, None)
            first, compiled, ours = first_call(alone.ours)
        except (DataError, UsageError) as error:
            if self.files is None or not self.lenient:
                raise
            self.misfit = self.misfit or error
            yield from (Row(**self._named(cell, None), problem=f"does not fit: {error}") for cell in cells)
            return
        # A kernel is called for the first time once.
        first, compiled = self._first.setdefault((*cell.kernel, case.items), (first, compiled))
        told = [self._named(cell, case) | {"first": first, "compiled": compiled} for cell in cells]
        bouts = []
        for each, row in zip(cells, told, strict=True):
            bout, more = self._against(each, case, files, alone, ours)
            row |= more
            bouts.append(bout)
        del ours
        racing = [bout for bout in bouts if bout is not None]
        timed = iter(raced(racing, self.rounds, self.seconds, self.seed))
        size = case.bytes if files is None else files.bytes
        for bout, row in zip(bouts, told, strict=True):
            if bout is not None:
                row |= next(timed)
                row["items_per_second"] = case.items / row["seconds"]
                row["gigabytes_per_second"] = 1e-9 * size / row["seconds"]
                row["bandwidth_share"] = size / row["seconds"] / self.bandwidth(cell.threads)
                row["peak_bytes"] = peak()
            yield Row(**row)

    def _named(self, cell: Cell, case: Case | None) -> dict[str, Any]:
        """Return the axes of a row; without a case its data could not be read."""
        options = {} if case is None else case.options
        return {
            "loss": str(cell.asked),
            "data": "random" if self.files is None else " ".join(filter(None, self.files)),
            "items": 0 if case is None else case.items,
            "dtype": cell.dtype or "" if case is None else str(case.sides[0].dtype),
            "threads": cell.threads,
            "layout": str(options.get("layout") or ""),
            "result": "gradient" if cell.gradient else "value",
            "stage": self.stage,
            "rival": cell.rival,
            "arithmetic": "float64" if case is None else _arithmetic(case),
            "input": str(options.get("input") or ""),
        }

    def _case(self, cell: Cell) -> Case:
        """Return the data of a cell: those of the cell before where they are the same."""
        key = (str(cell.asked), cell.layout, cell.size, cell.dtype, cell.input)
        if self._made[0] != key:
            self._made = (None, None)  # gone before the next are made
            if self.files is not None:
                made = read_case(cell.asked, self.files, dict(self.options), cell.dtype)
            else:
                assert cell.size is not None
                dtype = cell.dtype or "float64"
                made = make(cell.asked, cell.size, dtype, cell.layout, self.seed, input=cell.input)
            self._made = (key, made)
        case = self._made[1]
        assert case is not None
        return case._replace(options=case.options | {"threads": cell.threads, "arithmetic": cell.arithmetic})

    def _on_disk(self, case: Case) -> Files:
        if self.files is not None:
            return self.files
        if self._written[0] is None or self._written[0].pred is not case.pred:
            self._written = (case, write_case(case, self._folder))
        assert self._written[1] is not None
        return self._written[1]

    def _bout(self, case: Case, gradient: bool, files: Files | None, contender: Contender | None) -> Bout:
        if files is None:
            return of_arrays(case, gradient, contender)
        return of_files(case, files, self.stage, contender)

    def _against(
        self, cell: Cell, case: Case, files: Files | None, alone: Bout, ours: Any
    ) -> tuple[Bout | None, dict[str, Any]]:
        """Return the bout with a cell's rival and what there is to say of it; None for a rival of other numbers."""
        if cell.rival == NONE:
            return alone, {}
        try:
            bout, first = self._opposed(cell, case, files, alone, ours)
        except Absent as absent:
            return alone, {"problem": str(absent)}
        except Disagreement as told:
            if cell.rival in self.own:
                hint = "only what computes the same is timed"
                raise DataError(f"rival {cell.rival} is not {cell.asked}: {told}", hint=hint) from None
            text = told.args[0].replace("it says", f"{cell.rival} says")
            return None, {"problem": f"not the same loss: {text}"}
        return bout, {"rival_first": first}

    def _opposed(self, cell: Cell, case: Case, files: Files | None, alone: Bout, ours: Any) -> tuple[Bout, float]:
        """Return the bout with a rival that agrees, and how long the rival's first call took.

        Raises Absent for a rival that does not take part or that raises, Disagreement for another number.
        """
        own = self.own.get(cell.rival)
        if own is None:
            check_options(cell.rival, case.options)
        contender = own or find_rival(cell.rival, cell.asked, str(case.options.get("input") or "logits"))
        use_threads(cell.threads)
        # What is ours is the same work against every rival: it has one time.
        bout = self._bout(case, cell.gradient, files, contender)._replace(ours=alone.ours)
        assert bout.theirs is not None
        try:
            first, _, theirs = first_call(bout.theirs)
        except (Absent, LossctlError):
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if own is not None:
                raise DataError(f"rival {cell.rival} raised {text}") from None
            raise Absent(f"{cell.rival} raised {text}") from None
        if own is not None and not cell.gradient and self.stage == "compute":
            every = by_item(case, bout, theirs)
            if every is not bout:
                bout, ours = every, every.ours()
        bout.agree(ours, theirs)
        return bout, first


def _arithmetic(case: Case) -> str:
    """Return what lossctl computes a case in."""
    single = all(side.dtype == np.float32 for side in case.sides) and has_native(case.asked)
    return "native" if single and case.options.get("arithmetic") == "native" else "float64"
