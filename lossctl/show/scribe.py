"""What a batch leaves behind: its rows, the pairs that failed, a test report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lossctl.batch.output import errors_path
from lossctl.batch.plan import Plan
from lossctl.batch.totals import Summary
from lossctl.show.rows import write_errors, write_rows


class Scribe:
    """Writes it, as much of it as is asked for."""

    def __init__(
        self, plan: Plan, output: str | None, junit: str | None = None, limits: Mapping[str, float] = {}
    ) -> None:
        """Take where to; the report tells of pairs above the `limits`."""
        self._plan, self._output, self._junit, self._limits = plan, output, junit, limits

    def rows(self, records: Iterable[dict[str, Any]]) -> None:
        """Write a row for each pair; take all records in any case."""
        if self._output:
            write_rows(records, self._plan, self._output)
        for _ in records:
            pass

    def failures(self, summary: Summary) -> None:
        """Write the pairs that failed beside the output; take away what an earlier run wrote there."""
        if self._output and summary.failures:
            write_errors(summary.failures, errors_path(self._output))
        elif self._output:
            Path(errors_path(self._output)).unlink(missing_ok=True)

    def report(self, records: Iterable[dict[str, Any]]) -> None:
        """Write a test report, if it is asked for."""
        if self._junit:
            from lossctl.show.junit import write_junit

            write_junit(records, self._plan, self._limits, self._junit)
