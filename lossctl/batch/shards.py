"""Shards: the records of a share of the pairs in a file of their own, and all shares together again."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lossctl.batch.journal import SCHEMA, Journal, line_of, record_of, refuse_other
from lossctl.batch.pairing import Pairing
from lossctl.batch.plan import Plan
from lossctl.data.output import replacing
from lossctl.errors import DataError
from lossctl.requests import requests
from lossctl.run.foreground import scheme
from lossctl.run.options import Options


def write_shard(journal: Journal, header: dict[str, Any], numbers: Sequence[int], path: str) -> None:
    """Write the lines of pairs in order, below the header; the file appears whole or not at all."""
    with replacing(path) as file:
        file.write(line_of(header))
        for line in journal.lines(numbers):
            file.write(line)


class Shards:
    """A context in which the shards of a batch are open, all of them and of the same batch."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Read them once, and find every pair. Raises DataError for what is no shard, or does not fit the others."""
        self._stack = ExitStack()
        try:
            self._files = [self._stack.enter_context(_opened(path)) for path in paths]
            self._paths = paths
            self.header = self._begin(0)
            if self.header["pairs"] > sum(Path(path).stat().st_size for path in paths):
                raise DataError("it is shorter than the pairs that it tells of", path=paths[0])
            self._where = array("q", [-1]) * self.header["pairs"]
            self._whose = array("q", [-1]) * self.header["pairs"]
            for place in range(len(paths)):
                self._find(place)
            self._refuse_gaps()
        except BaseException:
            self._stack.close()
            raise

    def _begin(self, place: int) -> dict[str, Any]:
        header = record_of(self._files[place].readline(1 << 20))
        if header is None or header.get("schema") != SCHEMA:
            raise DataError(
                "not a shard of lossctl", hint="lossctl batch … --shard 1/2 -o s1.jsonl", path=self._paths[place]
            )
        return header

    def _find(self, place: int) -> None:
        file, path = self._files[place], self._paths[place]
        file.seek(0)
        refuse_other(self._begin(place) | {"shard": ""}, self.header | {"shard": ""}, path)
        at = file.tell()
        for number, line in enumerate(file, 2):
            record = record_of(line)
            if record is None or not 0 <= record["i"] < len(self._where):
                raise DataError("a line is torn or was changed", hint="run this shard again", path=path, line=number)
            if self._where[record["i"]] >= 0:
                other = self._paths[self._whose[record["i"]]]
                raise DataError(f"pair {record['id']} is also in {other}", path=path, line=number)
            self._where[record["i"]], self._whose[record["i"]] = at, place
            at += len(line)

    def _refuse_gaps(self) -> None:
        missing = sum(at < 0 for at in self._where)
        if missing:
            of = self.header["shard"].partition("/")[2]
            hint = f"a shard is missing: they are 1/{of} to {of}/{of}"
            raise DataError(f"{missing} of {len(self._where)} pairs are in no shard", hint=hint)

    def plan(self) -> Plan:
        """Return what was computed, without the paths of the pairs."""
        asked = [requests(text)[0] for text in self.header["losses"]]
        options = dict(self.header["options"])
        if "weights" in options:
            options["weights"] = scheme(options["weights"])
        header = self.header
        by_row = tuple(header.get("by_row", ()))
        pairing = Pairing([], grouped=header["grouped"], weighted=header["weighted"], by_row=by_row)
        return Plan(asked, Options(**options), pairing)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the record of every pair, in order."""
        for whose, at in zip(self._whose, self._where, strict=True):
            self._files[whose].seek(at)
            record = record_of(self._files[whose].readline())
            if record is None:
                raise DataError("the file changed while it was read", path=self._paths[whose])
            yield record

    def __enter__(self) -> Self:
        """Hold them open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of them."""
        self._stack.close()


def _opened(path: str) -> io.BufferedReader:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise DataError(f"cannot be opened: {(error.strerror or str(error)).lower()}", path=path) from None
