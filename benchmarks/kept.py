"""What results.py has measured so far, in a file of schema lossctl.bench/1 that is whole after every race."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from targets import Target

from lossctl.bench.compare import moves
from lossctl.bench.machine import load, machine, versions
from lossctl.bench.record import Document, Row, read
from lossctl.bench.rivals import NONE
from lossctl.data.output import replacing
from lossctl.engine.cache import sources_digest

# The rival of rows that compare several threads with one.
ONE_THREAD = "one thread"


class Kept:
    """A document, and in its settings what is done: for each race the kernels, and how busy others kept the CPUs."""

    def __init__(self, path: str, resume: bool, settings: dict[str, Any]) -> None:
        """Begin anew, or go on with a file. Raises DataError for another file, UsageError for another machine's."""
        self.path = path
        self.document = Document(machine(), versions(), settings | {"done": {}, "loads": [], "targets": []})
        if resume:
            before = read(path)
            moves(before, self.document, across_machines=False)
            # Where libraries have moved on meanwhile, the file says both.
            for name, version in self.document.versions.items():
                if version not in before.versions.setdefault(name, version).split(" and "):
                    before.versions[name] += f" and {version}"
            self.document = before
        self.document.settings["loads"].append(load())

    @property
    def done(self) -> dict[str, Any]:
        """What is done, by race."""
        return self.document.settings["done"]

    @property
    def targets(self) -> list[Target]:
        """The targets of commands and files that were measured."""
        return [Target(*each) for each in self.document.settings["targets"]]

    @property
    def rows(self) -> list[Row]:
        """The rows of losses against their rivals."""
        return [row for row in self.document.rows if row.rival not in (NONE, ONE_THREAD)]

    def of(self, rival: str) -> list[Row]:
        """Return the rows against one rival."""
        return [row for row in self.document.rows if row.rival == rival]

    def forget(self, losses: Iterable[str]) -> None:
        """Drop what was measured of losses, so that it is measured again."""
        names = set(losses)
        self.document.rows = [row for row in self.document.rows if row.loss.partition("(")[0] not in names]
        self.document.settings["done"] = {
            key: told for key, told in self.done.items() if key.partition(" ")[0] not in names
        }

    def add(self, key: str, race: Callable[[], Sequence[Row]], bandwidths: dict[int, float]) -> Sequence[Row]:
        """Measure a race, note what went on meanwhile, and save."""
        before = _busy(), time.perf_counter()
        rows = race()
        after = _busy(), time.perf_counter()
        others = None
        if before[0] is not None and after[0] is not None:
            others = max(0.0, (after[0] - before[0]) / (after[1] - before[1]))
        self.document.rows += rows
        self.document.bandwidth |= {str(n): x for n, x in bandwidths.items()}
        self.done[key] = {"kernels": sources_digest(), "others": others}
        self.save()
        return rows

    def save(self) -> None:
        """Write the file anew, whole or not at all."""
        with replacing(self.path) as file:
            file.write(self.document.as_json().encode())


def _busy() -> float | None:
    """Return the seconds that all CPUs have worked for others so far; None where the system does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _, _, irq, soft, *steal = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    ticks = user + nice + system + irq + soft + sum(steal[:1])
    return ticks / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])
