"""`lossctl list` and `lossctl explain`: what the loss files say of themselves, without numpy."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence

from lossctl.errors import UsageError
from lossctl.loss import Loss, Parameter, find, names

COMMANDS = {"region": "pixel"}


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
    width = shutil.get_terminal_size().columns
    indent = " " * (max(len(loss.name) for loss in losses) + 4)
    lines: list[str] = []
    family = ""
    for loss in losses:
        if loss.family != family:
            family = loss.family
            lines += [f"{chr(10) if lines else ''}{family}   (lossctl {COMMANDS.get(family, family)} LOSS PRED TARGET)"]
        head = f"  {loss.name}".ljust(len(indent))
        lines += textwrap.wrap(loss.sentence, max(40, width), initial_indent=head, subsequent_indent=indent)
    return "\n".join(lines) + "\n"


def explain(name: str) -> None:
    """Print all that a loss file says, its parameters with their ranges and its examples as commands."""
    print(explanation(find(name)), end="")


def explanation(loss: Loss) -> str:
    """Return a loss's text: one source for `explain` and for `--help`."""
    parts = [f"{loss.name} ({loss.family})", loss.sentence]
    for title, body in loss.sections.items():
        if title == "Parameters":
            body = "\n".join(parameter_lines(loss.parameters))
        if title == "Examples":
            commands = [f"lossctl {COMMANDS.get(loss.family, loss.family)} {loss.name} {a}" for a, _ in loss.examples()]
            width = max(map(len, commands))
            body = "\n".join(f"{c.ljust(width)}   {x}" for c, (_, x) in zip(commands, loss.examples(), strict=True))
        parts.append(f"{title}\n{textwrap.indent(body, '    ')}")
    return "\n\n".join(parts) + "\n"


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
