"""Files to arrays, and files to a number: what stands around the computation."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lossctl.bench.cases import Array, Case
from lossctl.bench.contest import Bout, agree_on_value, tolerance_of, unopposed
from lossctl.bench.rivals import Absent, Contender
from lossctl.data.source import Source
from lossctl.errors import UsageError
from lossctl.requests import Asked
from lossctl.run.columns import open_side
from lossctl.run.items import CHUNK
from lossctl.run.joint import evaluate
from lossctl.run.options import Options
from lossctl.run.sides import Side

# How far sums of what both sides read may lie apart.
SAME = 1e-9


class Files(NamedTuple):
    """Where prediction and target are: paths, with their columns if need be, as on the command line."""

    pred: str
    target: str | None

    @property
    def bytes(self) -> int:
        """How large they are."""
        return sum(Path(text.partition("::")[0]).stat().st_size for text in self if text is not None)


def write_case(case: Case, folder: Path) -> Files:
    """Write the arrays of a case to NPY files."""
    if isinstance(case.pred, tuple):
        raise UsageError(f"{case.asked.name} takes several files", hint="--stage compute")
    sides = {"pred.npy": case.pred} | ({} if case.target is None else {"target.npy": case.target})
    for name, side in sides.items():
        np.save(folder / name, side)
    return Files(str(folder / "pred.npy"), None if case.target is None else str(folder / "target.npy"))


def read_case(asked: Asked, files: Files, options: dict[str, Any], dtype: str | None) -> Case:
    """Return the case of the user's files, read into arrays. Raises DataError, UsageError."""
    pred, target = (None if source is None else source for source in _opened(asked, files, Options(**options)))
    assert pred is not None
    shape = asked.losses[0].shape
    array = _array(pred, "pred", shape)
    array = array.astype(dtype or (array.dtype if array.dtype in (np.float32, np.float64) else np.float64), copy=False)
    goal = None if target is None else _array(target, "target", shape)
    if goal is not None and goal.dtype in (np.float32, np.float64):
        goal = goal.astype(array.dtype, copy=False)
    return Case(asked, array, goal, options)


def _opened(asked: Asked, files: Files, options: Options) -> list[Source | None]:
    sides = zip(files, ("pred", "target"), strict=True)
    return [None if text is None else open_side(text, role, asked.losses, options) for text, role in sides]


def _array(source: Source, role: str, shape: str) -> Array:
    side = Side(source, role)
    pieces = [np.asarray(block.flat) for block in source.blocks(CHUNK)]
    whole = np.concatenate(pieces) if pieces else np.empty(0)
    return whole.reshape([-1 if n is None else n for n in side.shape(shape)])


def of_files(case: Case, files: Files, stage: str, contender: Contender | None) -> Bout:
    """Return what is timed at the stages `load` and `all`. Raises Absent where the rival does not take part."""
    options = Options(**case.options)
    load = functools.partial(_read, case.asked, files, options)
    whole = functools.partial(_evaluate, case.asked, files, options)
    if contender is None:
        return Bout(load if stage == "load" else whole, None, unopposed)
    if not all(text is None or text.endswith(".npy") for text in files):
        raise Absent("rivals read .npy files alone")
    if stage == "load":
        sums = _sum_of(case.asked, files, options), _sum_of_loaded(files)
        return Bout(
            load, functools.partial(_prepare, contender, files), lambda ours, theirs: agree_on_value(*sums, SAME)
        )
    theirs = functools.partial(_from_files, contender, files)
    return Bout(whole, theirs, functools.partial(agree_on_value, tolerance=tolerance_of(case)))


def _read(asked: Asked, files: Files, options: Options) -> None:
    for source in _opened(asked, files, options):
        for _ in source.blocks(CHUNK) if source is not None else ():
            pass


def _evaluate(asked: Asked, files: Files, options: Options) -> float:
    pred, target = _opened(asked, files, options)
    assert pred is not None
    return float(evaluate([asked], pred, target, options)[0])


def _prepare(contender: Contender, files: Files) -> tuple[Any, Any]:
    return contender.prepare(np.load(files.pred), None if files.target is None else np.load(files.target))


def _from_files(contender: Contender, files: Files) -> Any:
    return contender.value(*_prepare(contender, files))


def _sum_of(asked: Asked, files: Files, options: Options) -> float:
    sources = [source for source in _opened(asked, files, options) if source is not None]
    return sum(float(np.sum(block.flat, dtype=np.float64)) for source in sources for block in source.blocks(CHUNK))


def _sum_of_loaded(files: Files) -> float:
    return sum(float(np.load(path).sum(dtype=np.float64)) for path in files if path is not None)
