"""What is computed, as it travels to another machine: losses by their names, loss files of one's own by their text.

Both sides have to be of one build, for another one may compute other bits.
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from lossctl import __version__
from lossctl.batch.plan import Plan, parts_of, weights_of
from lossctl.loss import SHELF, find
from lossctl.requests import Asked, Joint, Request, Term
from lossctl.run.options import Options

PACKAGE = Path(__file__).parent.parent


class Part(NamedTuple):
    """A loss that is asked for: its weight in a sum, its name or the path of its file, and the parameters given."""

    weight: float
    loss: str
    given: dict[str, object]


class Order(NamedTuple):
    """A plan but for its pairs. `asked`: of each request its parts, and whether it is a sum; `files`: by their paths.

    `compiled`: whether it is worth it for all of them; `part` is how many bytes of a pair are one task.
    """

    asked: list[tuple[bool, list[Part]]]
    files: dict[str, bytes]
    options: Options
    grouped: bool
    weighted: bool
    compiled: bool
    part: int


@functools.cache
def build() -> dict[str, str]:
    """Return all that decides the bits, beside the data and what is asked for."""
    known = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        known.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + file.read_bytes())
    libraries = {name: version(name) for name in ("numpy", "numba", "llvmlite")}
    return {"lossctl": __version__, "sources of lossctl": known.hexdigest()[:16], **libraries}


def differences(theirs: Mapping[str, str]) -> str:
    """Return in words how another build differs from this one; nothing where it is the same."""
    return ", ".join(
        f"{name} {here} and not {theirs.get(name)}" for name, here in build().items() if theirs.get(name) != here
    )


def order_of(plan: Plan, compiled: bool, part: int) -> Order:
    """Write a plan as an order."""
    files: dict[str, bytes] = {}

    def written(weight: float, request: Request) -> Part:
        source = request.loss.source
        if SHELF in Path(source).parents:
            return Part(weight, request.loss.name, dict(request.given))
        files[source] = Path(source).read_bytes()
        return Part(weight, source, dict(request.given))

    asked = [
        (isinstance(each, Joint), [written(*part) for part in zip(weights_of(each), parts_of(each), strict=True)])
        for each in plan.asked
    ]
    pairing = plan.pairing
    return Order(asked, files, plan.options, pairing.grouped, pairing.weighted, compiled, part)


def asked_of(order: Order) -> tuple[Sequence[Asked], dict[str, str]]:
    """Read what is asked for; also return where loss files of one's own now lie, and what their paths were.

    Raises UsageError for a loss file that does not run here.
    """
    moved = {path: _kept(path, content) for path, content in order.files.items()}
    # A file is read once, so that all its requests are of one loss.
    losses = {name: find(moved.get(name, name)) for _, parts in order.asked for _, name, _ in parts}
    asked: list[Asked] = []
    for joint, parts in order.asked:
        terms = [Term(weight, Request.of(losses[name], given)) for weight, name, given in parts]
        asked.append(Joint(tuple(terms)) if joint else terms[0].request)
    return asked, {here: there for there, here in moved.items()}


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder of this user alone, for as long as the process lives."""
    return tempfile.TemporaryDirectory(prefix="lossctl-", ignore_cleanup_errors=True)


def _kept(path: str, content: bytes) -> str:
    """Write a loss file where it can be found, under its own name, which is that of the loss."""
    folder = Path(_folder().name, hashlib.sha256(path.encode() + b"\0" + content).hexdigest()[:16])
    folder.mkdir(exist_ok=True)
    file = folder / Path(path).name
    file.write_bytes(content)
    return str(file)
