"""Which file belongs to which: by the names of files in two folders, or by patterns."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lossctl.data.number import shown
from lossctl.data.remote import is_url, listed, local, told
from lossctl.errors import DataError, UsageError

# What is taken from a folder; a glob takes whatever it matches.
ENDINGS = (".npy", ".csv", ".gz")
MARK = "{id}"
TOLD = 3


# Options by their names, those of one pair.
Settings = tuple[tuple[str, Any], ...]


class Pair(NamedTuple):
    """A prediction and its target, each a path, perhaps with a selector; and the options that are theirs alone."""

    id: str
    pred: str
    target: str
    group: str = ""
    weight: float = 1.0
    options: Settings = ()


class Pairing(NamedTuple):
    """All pairs in the order of the output, and the files that have no partner.

    Of a manifest its path, the options that its rows may set, and the line in which each set of them is first.
    """

    pairs: list[Pair]
    unmatched: tuple[list[str], list[str]] = ([], [])
    grouped: bool = False
    weighted: bool = False
    by_row: tuple[str, ...] = ()
    settings: Mapping[Settings, int] = {}
    path: str = ""

    def digest(self) -> str:
        """Return what tells this pairing from any other."""
        known = hashlib.sha256()
        for pair in self.pairs:
            known.update(repr(tuple(pair)).encode())
        return known.hexdigest()

    def refuse_unmatched(self) -> None:
        """Raise DataError where a file has no partner."""
        for files, kind, other in zip(self.unmatched, ("prediction", "target"), ("target", "prediction"), strict=True):
            if files:
                what = f"{len(files)} {kind}s have" if len(files) > 1 else f"a {kind} has"
                hint = "--dry-run shows the pairing; --unmatched skip leaves them out"
                raise DataError(f"{what} no {other}: {_listed(files)}", hint=hint)


def _listed(files: Sequence[str]) -> str:
    told = ", ".join(shown(file, 200) for file in files[:TOLD])
    return f"{told}, …" if len(files) > TOLD else told


def by_folders(pred: str, target: str, how: str) -> Pairing:
    """Pair the files of two folders or globs by `stem`, `name` or `regex:…`, in the order of their ids.

    Raises UsageError for what is no such way, DataError for no files, and for two of one id.
    """
    name_of = _namer(how)
    sides = [_by_id(_files(text, role), name_of, role) for text, role in ((pred, "pred"), (target, "target"))]
    return _joined(*sides)


def by_patterns(pred: str, target: str) -> Pairing:
    """Pair the files of two patterns such as `out/{id}_pred.npy` by what stands for `{id}`."""
    sides = []
    for pattern, role in ((pred, "pred"), (target, "target")):
        if pattern.partition("::")[0].count(MARK) != 1:
            raise UsageError(
                f"--pair: {shown(pattern, 200)} has no single {MARK}", hint="--pair 'p/{id}.npy' 't/{id}.npy'"
            )
        path, mark, selector = pattern.partition("::")
        path = local(path) or path
        before, after = map(re.escape, path.split(MARK))
        wanted = re.compile(f"{before}([^/]+){after}", re.DOTALL)
        if is_url(path):
            found = listed(path.replace(MARK, "*"))
        else:
            found = sorted(glob.glob(glob.escape(path).replace(MARK, "*")))  # noqa: PTH207 - keeps ./ as typed
        if not found:
            raise DataError(f"{role}: no file is like {shown(pattern, 200)}")

        def name_of(file: str, wanted: re.Pattern[str] = wanted) -> str | None:
            match = wanted.fullmatch(file)
            return match[1] if match else None

        sides.append(_by_id([(file, f"{file}{mark}{selector}") for file in found], name_of, role))
    return _joined(*sides)


def _files(text: str, role: str) -> list[tuple[str, str]]:
    """Return each file of a folder or a glob, and the text that opens it with the selector that was typed."""
    path, mark, selector = text.partition("::")
    path = local(path) or path
    if is_url(path):
        found = [file for file in listed(path) if "*" in path or file.lower().endswith(ENDINGS)]
        if not found:
            hint = "a folder that ends in /, or a glob in quotes: 's3://bucket/pred/*.npy'"
            raise DataError(f"{role}: no file matches {told(path)}", hint=hint)
    elif os.path.isdir(path):  # noqa: PTH112
        entries = sorted(entry.path for entry in os.scandir(path) if not entry.name.startswith("."))
        found = [file for file in entries if file.lower().endswith(ENDINGS)]
        if not found:
            raise DataError(f"{role}: no {' '.join(ENDINGS)} in the folder {shown(path, 200)}")
    else:
        found = sorted(file for file in glob.glob(path, recursive=True) if not os.path.isdir(file))  # noqa: PTH112, PTH207
        if not found:
            hint = "a folder, or a glob in quotes: 'pred/*.npy'"
            raise DataError(f"{role}: no file matches {shown(path, 200)}", hint=hint)
    return [(file, f"{file}{mark}{selector}") for file in found]


def _namer(how: str) -> Callable[[str], str | None]:
    kind, _, pattern = how.partition(":")
    if how == "stem":
        return lambda file: re.sub(r"(\.[^.]+?)(\.gz)?$", "", os.path.basename(file)) or None  # noqa: PTH119
    if how == "name":
        return lambda file: os.path.basename(file)  # noqa: PTH119
    if kind != "regex" or not pattern:
        raise UsageError(f"match-files is '{shown(how, 200)}'; expected stem, name or regex:PATTERN")
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"match-files: no pattern: {error}") from None

    def name_of(file: str) -> str | None:
        match = wanted.search(os.path.basename(file))  # noqa: PTH119
        return None if match is None else match[1] if wanted.groups else match[0]

    return name_of


def _by_id(files: Iterable[tuple[str, str]], name_of: Callable[[str], str | None], role: str) -> dict[str, str]:
    """Return the text of each file by its id; one that has none is under its own path, where nothing finds it."""
    found: dict[str, str] = {}
    for file, text in files:
        name = name_of(file) or f"\0{file}"
        if name in found:
            hint = "--match-files name or regex:… tells them apart"
            raise DataError(f"{role}: {found[name]} and {text} are both '{shown(name, 200)}'", hint=hint)
        found[name] = text
    return found


def _joined(preds: dict[str, str], targets: dict[str, str]) -> Pairing:
    pairs = [
        Pair(name, preds[name], targets[name]) for name in sorted(preds.keys() & targets.keys()) if name[0] != "\0"
    ]
    matched = {pair.id for pair in pairs}
    lonely = tuple(sorted(text for name, text in side.items() if name not in matched) for side in (preds, targets))
    if not pairs:
        hint = f"{lonely[0][0]} and {lonely[1][0]}, for example; see --match-files and --pair"
        raise DataError("no prediction has a target of its name", hint=hint)
    return Pairing(pairs, (lonely[0], lonely[1]))
