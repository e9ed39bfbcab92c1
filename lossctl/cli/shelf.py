"""`lossctl list` and `lossctl explain`: what the loss files say of themselves, without numpy."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence

from lossctl.errors import UsageError
from lossctl.like.shelf import told
from lossctl.loss import Loss, Parameter, find, names

COMMANDS = {"region": "pixel"}
# Sections whose lines may be broken elsewhere.
PROSE = ("Range", "Elsewhere", "Reference")
INDENT = "    "


def list_losses(words: Sequence[str], form: str) -> None:
    """Print the losses whose name, family or text has all the words."""
    form = form or ("table" if sys.stdout.isatty() else "plain")
    if form not in ("table", "plain", "json"):
        raise UsageError(f"format is '{form}'; expected table, plain or json")
    losses = [loss for loss in map(find, names()) if all(_mentions(loss, word) for word in words)]
    if not losses:
        raise UsageError(f"no loss mentions {' and '.join(words)}", hint="lossctl list shows them all")
    if form == "json":
        records = [{"name": loss.name, "family": loss.family, "text": loss.sentence} for loss in losses]
        print(json.dumps(records, ensure_ascii=False))
    elif form == "plain":
        for loss in losses:
            print(f"{loss.name}\t{loss.family}\t{' '.join(loss.sentence.split())}")
    else:
        print(_table(losses), end="")


def _mentions(loss: Loss, word: str) -> bool:
    text = " ".join([loss.name, loss.family, loss.sentence, *loss.sections.values()])
    return word.lower() in text.lower()


def _table(losses: Sequence[Loss]) -> str:
    from lossctl.cli.help import defined, paragraphs

    families: dict[str, list[tuple[str, str]]] = {}
    for loss in losses:
        families.setdefault(loss.family, []).append((loss.name, loss.sentence))
    titles = {name: f"{name}   (lossctl {COMMANDS.get(name, name)} LOSS PRED TARGET)" for name in families}
    return paragraphs(*(defined(titles[name], rows) for name, rows in families.items()))


def explain(name: str) -> None:
    """Print all that a loss file says, its parameters with their ranges and its examples as commands."""
    from lossctl.cli.help import width

    loss = find(name)
    print(f"{loss.name} ({loss.family})\n\n{explained(loss, width())}")


def explained(loss: Loss, width: int, without: Sequence[str] = ()) -> str:
    """Return a loss's text, prose wrapped: one source for `explain` and for `--help`."""
    parts = [_filled(loss.sentence, width)]
    for title, body in loss.sections.items():
        if title in without:
            continue
        if title == "Parameters":
            body = "\n".join(parameter_lines(loss.parameters))
        elif title == "Examples":
            body = "\n".join(_examples(loss))
        elif title in PROSE:
            body = _filled(body, width - len(INDENT))
        parts.append(f"{title}\n{textwrap.indent(body, INDENT)}")
        if title == "Elsewhere" and "Like" not in without and (likes := _likes(loss, width)):
            parts.append(likes)
    return "\n\n".join(parts)


def _likes(loss: Loss, width: int) -> str:
    """Return what --like does, a paragraph for each library that has the loss."""
    lines = []
    for library, text in told(loss):
        filler = textwrap.TextWrapper(
            width - len(INDENT), subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
        )
        lines.append(filler.fill(f"{library} {text}"))
    return f"Like\n{textwrap.indent(chr(10).join(lines), INDENT)}" if lines else ""


def _filled(text: str, width: int) -> str:
    return textwrap.fill(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


def _examples(loss: Loss) -> list[str]:
    """Return the examples as commands, each with its result."""
    family = COMMANDS.get(loss.family, loss.family)
    examples = [(f"lossctl {family} {loss.name} {arguments}", expected) for arguments, expected in loss.examples()]
    longest = max(len(command) for command, _ in examples)
    return [f"{command.ljust(longest)}   {expected}" for command, expected in examples]


def parameter_lines(parameters: Sequence[Parameter]) -> list[str]:
    """Return one line per parameter: name, default, range, text."""
    rows = [(p.option, "required" if p.required else written(p.default), str(p), p.text) for p in parameters]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return ["   ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows]


def written(setting: object) -> str:
    """Return a setting as it is typed."""
    if setting is None or isinstance(setting, bool):
        return {None: "none", True: "yes", False: "no"}[setting]
    return f"{setting:g}" if isinstance(setting, float) else str(setting)
