"""`lossctl list` and `lossctl explain`: what the loss files say of themselves, without numpy."""

from __future__ import annotations

import difflib
import json
import re
import sys
import textwrap
from collections.abc import Sequence

from lossctl.errors import UsageError
from lossctl.like.shelf import told
from lossctl.loss import Loss, Parameter, find, names

COMMANDS = {"region": "pixel"}
# Sections whose lines may be broken elsewhere.
PROSE = ("Good at", "Fails", "Range", "Kinks", "Elsewhere", "Reference")
AFTER_CURVE = ("Elsewhere", "Reference", "Examples")
INDENT = "    "
# Of two words, so alike that one may be the other misspelt.
NEAR = 0.75


def list_losses(words: Sequence[str], form: str) -> None:
    """Print the losses that are good at all the words; where none claims to be, those whose text has them anywhere."""
    form = form or ("table" if sys.stdout.isatty() else "plain")
    if form not in ("table", "plain", "json"):
        raise UsageError(f"format is '{form}'; expected table, plain or json")
    losses, others = _found(words)
    if form == "json":
        records = [{"name": loss.name, "family": loss.family, "text": loss.sentence} for loss in losses]
        print(json.dumps(records, ensure_ascii=False))
    elif form == "plain":
        for loss in losses:
            print(f"{loss.name}\t{loss.family}\t{' '.join(loss.sentence.split())}")
    else:
        print(_table(losses, others, bool(words)), end="")


def _found(words: Sequence[str]) -> tuple[list[Loss], list[Loss]]:
    """Return the losses that are good at all the words, and those that mention them elsewhere.

    Where none is good at them the second become the first; raises UsageError where there is none at all.
    """
    losses = list(map(find, names()))
    good = [loss for loss in losses if _has(_praise(loss), words)]
    others = [loss for loss in losses if loss not in good and _has(_text(loss), words)]
    if not (good or others):
        raise _nothing(losses, words)
    return (good, others) if good else (others, [])


def _nothing(losses: Sequence[Loss], words: Sequence[str]) -> UsageError:
    counts = {word: sum(_has(_text(loss), [word]) for loss in losses) for word in words}
    known = {word for loss in losses for word in re.findall(r"[a-z][a-z-]+", _text(loss).lower())}
    unknown = [word for word, count in counts.items() if not count]
    close = [near for word in unknown for near in difflib.get_close_matches(word.lower(), known, 1, NEAR)]
    offer = f"; did you mean '{' '.join(close)}'?" if close else ""
    alone = ", ".join(f"{word} alone: {count}" for word, count in counts.items() if count)
    return UsageError(f"no loss mentions {' and '.join(words)}{offer}", hint=alone or "lossctl list shows them all")


def _has(text: str, words: Sequence[str]) -> bool:
    return all(word.lower() in text.lower() for word in words)


def _praise(loss: Loss) -> str:
    return " ".join([loss.name, loss.family, loss.sentence, *loss.sections.get("Good at", "").split()])


def _text(loss: Loss) -> str:
    return " ".join([loss.name, loss.family, loss.sentence, *" ".join(loss.sections.values()).split()])


def _table(losses: Sequence[Loss], others: Sequence[Loss], asked: bool) -> str:
    """Return the losses by family: each with its sentence, or where words were asked for with what it is good at."""
    from lossctl.cli.help import SIDES, defined, paragraphs, wrapped

    families: dict[str, list[tuple[str, str]]] = {}
    for loss in losses:
        text = loss.sections.get("Good at", loss.sentence) if asked else loss.sentence
        families.setdefault(loss.family, []).append((loss.name, " ".join(text.split())))
    operands = {loss.family: SIDES if loss.operands[0] != "pred" else "PRED TARGET" for loss in losses}
    titles = {name: f"{name}   (lossctl {COMMANDS.get(name, name)} LOSS {operands[name]})" for name in families}
    tables = (defined(titles[name], rows) for name, rows in families.items())
    mentions = wrapped(f"Mentioned elsewhere in: {', '.join(loss.name for loss in others)}") if others else ""
    return paragraphs(*tables, mentions)


def explain(name: str) -> None:
    """Print all that a loss file says, its parameters with their ranges, its curve, and its examples as commands."""
    from lossctl.cli.help import width
    from lossctl.show.curve import curve

    loss = find(name)
    drawn = curve(loss, width() - len(INDENT), ascii_only=not _is_unicode())
    print(f"{loss.name} ({loss.family})\n\n{explained(loss, width(), curve=drawn)}")


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().startswith("utf")


def explained(loss: Loss, width: int, without: Sequence[str] = (), curve: str = "") -> str:
    """Return a loss's text, prose wrapped: one source for `explain` and for `--help`."""
    parts = [_filled(loss.sentence, width)]
    sections = dict(loss.sections)
    if curve:
        last = {title: sections.pop(title) for title in AFTER_CURVE if title in sections}
        sections |= {"Curve": curve} | last
    for title, body in sections.items():
        if title in without:
            continue
        if title == "Parameters":
            body = "\n".join(parameter_lines(loss.parameters, width - len(INDENT)))
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


def parameter_lines(parameters: Sequence[Parameter], width: int) -> list[str]:
    """Return name, default, range and text of each parameter, in columns where there is room for them."""
    rows = [(p.option, "required" if p.required else written(p.default), str(p), p.text) for p in parameters]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    indent = sum(widths) + 9
    lines = []
    for *cells, text in rows:
        head = "   ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True))
        # Where the columns leave less than half of the width, the text stands below them.
        beside = indent <= width // 2
        hanging = " " * (indent if beside else len(INDENT))
        wrapped = textwrap.wrap(
            text, width, initial_indent=f"{head}   " if beside else hanging, subsequent_indent=hanging,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        lines += wrapped if beside else [head.rstrip(), *wrapped]
    return lines


def written(setting: object) -> str:
    """Return a setting as it is typed."""
    if setting is None or isinstance(setting, bool):
        return {None: "none", True: "yes", False: "no"}[setting]
    return f"{setting:g}" if isinstance(setting, float) else str(setting)
