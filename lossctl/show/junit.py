"""A batch as a report of tests, which build servers show: a case for each pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from lossctl.batch.plan import Plan
from lossctl.data.output import replacing
from lossctl.show.results import number


def write_junit(records: Iterable[dict[str, Any]], plan: Plan, limits: Mapping[str, float], path: str) -> None:
    """Write a case for each pair: an error where it could not be computed, a failure where it is above pair:LOSS.

    Raises OutputError where it cannot be written.
    """
    with replacing(path) as file:
        file.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite name="lossctl batch">\n')
        for record in records:
            file.write(_case(record, plan, limits).encode())
        file.write(b"</testsuite>\n</testsuites>\n")


def _case(record: dict[str, Any], plan: Plan, limits: Mapping[str, float]) -> str:
    name = f"  <testcase classname={_quoted(record.get('group') or 'pairs')} name={_quoted(record['id'])}"
    if "error" in record:
        return f"{name}><error message={_quoted(record['error']['message'])}/></testcase>\n"
    above = "; ".join(_above(record, plan, limits))
    return f"{name}><failure message={_quoted(above)}/></testcase>\n" if above else f"{name}/>\n"


def _above(record: dict[str, Any], plan: Plan, limits: Mapping[str, float]) -> Iterator[str]:
    for name, result in zip(plan.names, record["results"], strict=True):
        value, limit = float(result["value"]), limits.get(f"pair:{name}")
        if limit is not None and not value <= limit:
            yield f"{name} {number(value)} is above {number(limit)}"


def _quoted(text: str) -> str:
    """Return an attribute; XML has no way to hold control characters."""
    return quoteattr("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))
