"""Help texts: for a family its losses, for a loss all that its file says and its options, as wide as the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

from lossctl.cli.options import OPTIONS, OUTPUTS, Entry
from lossctl.cli.shelf import explained, written
from lossctl.loss import Loss, Parameter

WIDEST, NARROWEST = 100, 40
# Longer terms stand on a line of their own.
TERM = 24
# What stands behind losses that do not take the same.
SIDES = "SIDES…"

Rows = Sequence[tuple[str, str]]


def width() -> int:
    """Return how wide a text may be: the terminal, within reason; in a pipe as wide as is good to read."""
    if not sys.stdout.isatty():
        return WIDEST
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))


def defined(title: str, rows: Rows) -> str:
    """Return a title and, for each row, a term with its text beside it."""
    if not rows:
        return ""
    room = width()
    indent = min(TERM, max(len(term) for term, _ in rows if len(term) <= TERM)) + 4 if room > 2 * TERM else 6
    lines = [title]
    for term, text in rows:
        head = f"  {term}".ljust(indent)
        if len(f"  {term} ") > indent:
            lines.append(head)
            head = ""
        wrapped = textwrap.wrap(text, room - indent, break_long_words=False, break_on_hyphens=False)
        lines += [(" " * indent if place or not head else head) + line for place, line in enumerate(wrapped)]
    return "\n".join(line.rstrip() for line in lines)


def paragraphs(*parts: str) -> str:
    """Return the parts that are not empty, a blank line between them."""
    return "\n\n".join(part for part in parts if part) + "\n"


def wrapped(text: str, indent: str = "") -> str:
    """Return prose in lines of the right width."""
    return textwrap.fill(
        " ".join(text.split()), width(), initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def of_program(about: str, commands: Rows, options: Rows) -> str:
    """Return the help of `lossctl`."""
    return paragraphs(
        "Usage: lossctl COMMAND …",
        wrapped(about),
        defined("Commands", commands),
        defined("Options", options),
        "Example\n  lossctl box giou 0,0,10,10 5,5,15,15",
    )


def of_command(typed: str, about: str, operands: Rows, options: Rows, more: str = "") -> str:
    """Return the help of `lossctl list` and its like; `more` stands below it as it is."""
    usage = " ".join(["Usage:", typed, *(term for term, _ in operands), "[OPTIONS]"])
    return paragraphs(usage, wrapped(about), defined("Arguments", operands), defined("Options", options), more)


def of_family(family: str, about: str, losses: Sequence[Loss]) -> str:
    """Return the help of `lossctl box`."""
    operands = {operands_of([loss]) for loss in losses if loss.has_target or len(loss.sides) > 1}
    several = len(operands) > 1
    rows = [
        (
            f"{loss.name} {operands_of([loss])}" if several else loss.name,
            loss.sentence.partition(":")[2].strip().split(";")[0].removesuffix("."),
        )
        for loss in losses
    ]
    return paragraphs(
        f"Usage: lossctl {family} LOSS {SIDES if several else operands.pop()} [OPTIONS]",
        f"{about[0].upper()}{about[1:]}.",
        defined("Losses", rows),
        wrapped(
            "LOSS is a name, a name with parameters, a weighted sum 'a+0.5*b', several of those with commas between, "
            f"{'all, ' * (not several)}or a loss file ./mine.py. lossctl {family} LOSS --help tells all about one."
        ),
    )


def of_losses(typed: str, losses: Sequence[Loss], parameters: Sequence[Parameter], options: Mapping[str, Entry]) -> str:
    """Return the help of `lossctl box ciou`, or of several losses."""
    operands = operands_of(losses)
    if len(losses) == 1:
        text = explained(losses[0], width(), without=("Parameters", "Like"))
    else:
        text = defined("Losses", [(loss.name, loss.sentence) for loss in losses])
    sides = "a path, path::columns, - for standard input, or numbers: 1,2;3,4"
    sides += "; row i belongs to row i" if " " in operands else ""
    groups: dict[str, list[tuple[str, str]]] = {"Data": [], "Result": [], "Output": []}
    for name, entry in options.items():
        groups[entry.group].append((term_of(name, entry), entry.text))
    groups["Output"].append(("-h, --help", "show this and exit"))
    return paragraphs(
        f"Usage: {typed} {operands} [OPTIONS]",
        text,
        defined("Arguments", [(operands.replace(" ", ", "), sides)]),
        defined("Parameters", rows_of(parameters)),
        *(defined(title, rows) for title, rows in groups.items()),
    )  # fmt: skip


def operands_of(losses: Sequence[Loss]) -> str:
    """Return what stands behind the loss, or losses that take the same: `PRED TARGET`, `A P N`."""
    return max((" ".join(loss.operands).upper() for loss in losses), key=len)


def term_of(name: str, entry: Entry) -> str:
    """Return an option as it is typed."""
    long = f"--{name.replace('_', '-')}"
    if entry.takes is bool and entry.default:
        return f"{long}, --no-{long[2:]}"
    return " ".join(filter(None, (f"{entry.short}," if entry.short else "", long, entry.metavar)))


def rows_of(parameters: Sequence[Parameter]) -> Rows:
    """Return the options of a loss's parameters, each with its text."""
    return [(f"--{p.option} {_metavar(p)}".strip(), text_of(p)) for p in parameters]


def _metavar(parameter: Parameter) -> str:
    if parameter.flag:
        return ""
    return "X" if parameter.interval else "NAME"


def text_of(parameter: Parameter) -> str:
    """Return what help says of a loss's parameter."""
    default = "required" if parameter.required else written(parameter.default)
    return f"{parameter.text} ({parameter}) [{default}]"


def shown_options(hidden: set[str]) -> dict[str, Entry]:
    """Return the options of a command, but for those that its losses have no use for."""
    return {name: entry for name, entry in {**OPTIONS, **OUTPUTS}.items() if name not in hidden}
