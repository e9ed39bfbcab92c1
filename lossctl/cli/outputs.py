"""The files that a command writes: none is an input, none is written twice. Arrays on their way."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from lossctl.errors import UsageError
from lossctl.requests import Asked


def paths_of(path: str | None, names: Sequence[str], what: str = "gradient", mark: str = "loss") -> list[str]:
    """Return one path for each loss (or what else the mark stands for), or none; `what` is written there.

    Raises UsageError for one path of several losses.
    """
    if path is None:
        return []
    if len(names) > 1 and f"{{{mark}}}" not in path:
        several = f"{len(names)} {mark}{'es' if mark.endswith('s') else 's'}"
        option = "--gradient" if what == "gradient" else "-o"
        raise UsageError(f"one {what} file for {several}", hint=f"{option} '{what}_{{{mark}}}.npy'")
    return [path.replace(f"{{{mark}}}", name) for name in names]


def gradient_paths(path: str | None, asked: Sequence[Asked]) -> list[list[str]]:
    """Return for each loss one path for each side, or none at all. Raises UsageError."""
    sides = [request.losses[0].sides for request in asked]
    for several in sides:
        if path is not None and len(several) > 1 and "{side}" not in path:
            told = f"one gradient file for the sides {', '.join(several)}"
            raise UsageError(told, hint="--gradient 'gradient_{side}.npy'")
    paths = paths_of(path, [request.name for request in asked])
    return [[path.replace("{side}", side) for side in of_loss] for path, of_loss in zip(paths, sides, strict=False)]


def gradient(paths: Sequence[str], columns: Sequence[Sequence[str] | None], stack: ExitStack) -> Any:
    """Return what writes the gradient of a loss, by each of its sides to a file of its own."""
    from lossctl.run.ranked import Apart

    writers = [ArrayFile(path, names, stack) for path, names in zip(paths, columns, strict=True)]
    return Apart(writers) if len(writers) > 1 else writers[0]


class ArrayFile:
    """A gradient or a matrix on its way to a file."""

    def __init__(self, path: str, columns: Sequence[str] | None, stack: ExitStack) -> None:
        """Check that the file can be written; it is begun when the shape is known."""
        from lossctl.data.write import check_writable

        check_writable(path, (".npy", ".csv"))
        self._path, self._columns, self._stack = path, columns, stack

    def begin(self, shape: tuple[int, ...]) -> None:
        """Open the file; columns of a table keep their names."""
        from lossctl.data.write import ArrayWriter

        columns = self._columns if self._columns and len(shape) == 2 else None
        self._writer = self._stack.enter_context(ArrayWriter(self._path, shape, columns))

    def append(self, flat: Any) -> None:
        """Write the next numbers."""
        self._writer.append(flat)
