"""The commands that evaluate: `lossctl box giou PRED TARGET` and its like, built from the loss files.

A loss's parameters are options of its command; options that it has no use for are not offered.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from lossctl.cli.shelf import COMMANDS, explanation, written
from lossctl.errors import LossctlError, UsageError
from lossctl.loss import Loss, Parameter, Request, find, names, requests
from lossctl.run import options as choices
from lossctl.run.checks import USES
from lossctl.run.options import Options, option_names

GATE_FAILED = 1
FORMATS = ("table", "plain", "json", "csv", "markdown")


def _one_of(kind: Any) -> str:
    return "|".join(get_args(kind))


# What the options of all these commands are: type, default, declaration and help.
OPTIONS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "reduction": (
        str,
        "mean",
        {"metavar": _one_of(choices.Reduction), "help": "How items become one number."},
    ),
    "weights": (
        str,
        None,
        {"metavar": "SOURCE", "help": "One weight per item: a file, file::column or numbers."},
    ),
    "normalizer": (
        float,
        None,
        {"metavar": "N", "help": "What the mean divides the sum by, instead of the count."},
    ),
    "ignore_index": (
        float,
        None,
        {"metavar": "N", "help": "Items with this target are as if they were not there."},
    ),
    "box_format": (
        str,
        "xyxy",
        {"metavar": _one_of(choices.BoxFormat), "help": "What the four numbers of a box are."},
    ),
    "pred_format": (str, None, {"metavar": "FORMAT", "help": "The same, of the prediction alone."}),
    "target_format": (str, None, {"metavar": "FORMAT", "help": "The same, of the target alone."}),
    "input": (
        str,
        None,
        {"metavar": _one_of(choices.Input), "help": "What the prediction is; never guessed."},
    ),
    "layout": (
        str,
        None,
        {"metavar": _one_of(choices.Layout), "help": "Axes of the prediction; inferred where only one fits."},
    ),
    "aggregate": (
        str,
        None,
        {"metavar": _one_of(choices.Aggregate), "help": "A ratio per image and class, or over all images."},
    ),
    "absent": (
        str,
        "skip",
        {"metavar": _one_of(choices.Absent), "help": "What an image without the class counts."},
    ),
    "activation": (
        str,
        None,
        {
            "metavar": _one_of(choices.Activation),
            "help": "From logits to probabilities; softmax for classes.",
        },
    ),
    "include_background": (bool, True, {"help": "Whether class 0 counts."}),
    "class_weights": (str, None, {"metavar": "W,W,…", "help": "One weight per class."}),
    "threads": (int, None, {"metavar": "N", "help": "Threads to compute with; never changes a digit."}),
}
OUTPUTS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "format": (
        str,
        None,
        {"metavar": "|".join(FORMATS), "help": "Output; table on a terminal, plain in a pipe."},
    ),
    "output": (
        str,
        None,
        {
            "metavar": "FILE",
            "declare": ("--output", "-o"),
            "help": "Write results to .csv .json .npy .parquet.",
        },
    ),
    "gradient": (
        str,
        None,
        {"metavar": "FILE", "help": "Write d loss / d PRED to .npy or .csv; {loss} is the name."},
    ),
    "fail_above": (str, None, {"metavar": "X", "help": "Exit 1 if a loss is above X, or giou=X,ciou=Y."}),
    "quiet": (bool, False, {"declare": ("--quiet", "-q"), "help": "No warnings."}),
    "verbose": (bool, False, {"declare": ("--verbose", "-v"), "help": "Tell what was read, and how."}),
}


def command(family: str, shelves: Sequence[str], text: str) -> Any:
    """Return the command of losses named `text` in a family. Raises UsageError for a loss that is not there."""
    if text == "all":
        found = [Request(loss, loss.settings({})) for name in names(shelves[0]) if _stands_alone(loss := find(name))]
    else:
        found = [Request(find(part.strip()), {}) for part in [text] if text.endswith(".py")] or _named(text)
    for request in found:
        loss = request.loss
        if loss.family not in shelves:
            there = COMMANDS.get(loss.family, loss.family)
            raise UsageError(f"{loss.name} is a {loss.family} loss", hint=f"lossctl {there} {text} …")
    single = found[0].loss if len(found) == 1 and "(" not in text and text != "all" else None
    app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    app.command(
        text, help=_help([request.loss for request in found]), no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )(_callback(found, single, text))  # fmt: skip
    return typer.main.get_command(app)


def _stands_alone(loss: Loss) -> bool:
    return not any(parameter.required for parameter in loss.parameters)


def _named(text: str) -> list[Request]:
    """Return the requests of a text; parameters that are required may still come as options."""
    if "(" in text or "," in text:
        return requests(text)
    return [Request(find(text), {})]


def _help(losses: Sequence[Loss]) -> str:
    if len(losses) > 1:
        return "\b\n" + "\n".join(f"{loss.name}: {loss.sentence.splitlines()[0]}" for loss in losses)
    # \b keeps a paragraph's line breaks.
    return "\n\n".join("\b\n" + part for part in explanation(losses[0]).strip().split("\n\n"))


def _callback(found: Sequence[Request], single: Loss | None, text: str) -> Any:
    losses = [request.loss for request in found]
    parameters = single.parameters if single else ()

    def run(**given: Any) -> None:
        settings = {p.name: given.pop(p.name) for p in parameters}
        told = {name: setting for name, setting in settings.items() if setting is not None}
        asked = [Request(single, single.settings(told))] if single else list(found)
        evaluate_command(asked, given, every=text == "all")

    hidden = {name for name, used in USES.items() if not any(map(used, losses))}
    shown = {name: entry for name, entry in OPTIONS.items() if name not in hidden}
    arguments = [_argument("pred", "PRED", str, "Path, path::columns, - or numbers: 1,2;3,4.")]
    if any(loss.has_target for loss in losses):
        arguments.append(_argument("target", "TARGET", str, "The same; row i belongs to row i."))
    options = [_option(name, *entry) for name, entry in {**shown, **OUTPUTS}.items()]
    run.__signature__ = inspect.Signature([*arguments, *map(_parameter, parameters), *options])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _argument(name: str, metavar: str, kind: type, text: str) -> inspect.Parameter:
    return _keyword(name, Annotated[kind, typer.Argument(metavar=metavar, help=text)], inspect.Parameter.empty)


def _option(name: str, kind: type, default: Any, details: dict[str, Any]) -> inspect.Parameter:
    details = dict(details)
    declared = details.pop("declare", ())
    optional: Any = kind | None if default is None else kind
    return _keyword(name, Annotated[optional, typer.Option(*declared, **details)], default)


def _parameter(parameter: Parameter) -> inspect.Parameter:
    """Return the option of a loss's parameter: a switch, or a text that the parameter itself understands."""
    default = "required" if parameter.required else f"default {written(parameter.default)}"
    if parameter.flag:
        return _keyword(
            parameter.name, Annotated[bool | None, typer.Option(help=f"{parameter.text} [{default}]")], None
        )
    option = typer.Option(metavar=str(parameter).replace(" ", ""), help=f"{parameter.text} [{default}]")
    return _keyword(parameter.name, Annotated[str | None, option], None)


def evaluate_command(asked: list[Request], given: dict[str, Any], every: bool) -> None:
    """Evaluate, show and gate. Raises LossctlError of any kind, and typer.Exit for a failed gate."""
    from lossctl.data.output import check_writable
    from lossctl.run.columns import open_side
    from lossctl.run.evaluate import evaluate

    form = given["format"] or ("table" if sys.stdout.isatty() else "plain")
    if form not in FORMATS:
        raise UsageError(f"format is '{form}'; expected {', '.join(FORMATS)}")
    gates = _gates(given["fail_above"], asked)
    sources = {role: given.get(role) for role in ("pred", "target", "weights")}
    if sum(text is not None and text.strip() == "-" for text in sources.values()) > 1:
        raise UsageError("standard input can be read only once", hint="give one of the sides as a file")
    if given["output"]:
        from lossctl.show.files import ENDINGS

        check_writable(given["output"], ENDINGS)
    options = _options(given)
    losses = [request.loss for request in asked]
    opened = {
        role: None if text is None else open_side(text.strip(), role, losses, options, sys.stdin.buffer)
        for role, text in sources.items()
    }
    if opened["weights"] is not None:
        options = _options(given | {"weights": opened["weights"]})
    pred, target = opened["pred"], opened["target"]
    assert pred is not None
    if every:
        asked = _fitting(asked, pred, target, options)
    with ExitStack() as stack:
        sinks = [_Gradient(path, pred.columns, stack) for path in _gradient_paths(given["gradient"], asked)]
        _refuse_overwriting([given["output"], *(sink.path for sink in sinks)], [s.path for s in opened.values() if s])
        results = evaluate(asked, pred, target, options, sinks)
    _report(results, given, form)
    _gate(results, gates)


def _options(given: dict[str, Any]) -> Options:
    known = {name: setting for name, setting in given.items() if name in option_names()}
    weights = known.get("class_weights")
    if weights is not None:
        try:
            known["class_weights"] = tuple(float(w) for w in weights.split(","))
        except ValueError:
            raise UsageError(f"class_weights is '{weights}'; expected numbers with commas between") from None
    return Options(**known)


def _fitting(asked: Sequence[Request], pred: Any, target: Any, options: Options) -> list[Request]:
    """Return, of all losses of a family, those that these data and options fit."""
    from lossctl.run.checks import check
    from lossctl.run.reading import read
    from lossctl.run.sides import Side

    fitting, refusals = [], []
    for request in asked:
        shape = request.loss.shape
        try:
            check([request.loss], options, target is not None)
            read(
                request.loss,
                Side(pred, "pred").shape(shape),
                Side(target, "target").shape(shape) if target else None,
                options,
            )
        except LossctlError as refusal:
            refusals.append(refusal)
        else:
            fitting.append(request)
    if not fitting:
        raise refusals[0]
    return fitting


def _gradient_paths(path: str | None, asked: Sequence[Request]) -> list[str]:
    if path is None:
        return []
    if len(asked) > 1 and "{loss}" not in path:
        raise UsageError(f"one gradient file for {len(asked)} losses", hint="--gradient 'gradient_{loss}.npy'")
    return [path.replace("{loss}", request.loss.name) for request in asked]


def _refuse_overwriting(outputs: Sequence[str | None], inputs: Sequence[str]) -> None:
    read = [Path(path) for path in inputs]
    for output in outputs:
        if output and Path(output).is_file() and any(path.exists() and path.samefile(output) for path in read):
            raise UsageError(f"{output} is an input", hint="write somewhere else")


class _Gradient:
    """A gradient on its way to a file."""

    def __init__(self, path: str, columns: Sequence[str] | None, stack: ExitStack) -> None:
        from lossctl.data.write import check_writable

        check_writable(path, (".npy", ".csv"))
        self.path, self._columns, self._stack = path, columns, stack

    def begin(self, shape: tuple[int, ...]) -> None:
        from lossctl.data.write import ArrayWriter

        columns = self._columns if self._columns and len(shape) == 2 else None
        self._writer = self._stack.enter_context(ArrayWriter(self.path, shape, columns))

    def append(self, flat: Any) -> None:
        self._writer.append(flat)


def _report(results: Sequence[Any], given: dict[str, Any], form: str) -> None:
    from lossctl.show.results import render

    if not given["quiet"]:
        for warning in dict.fromkeys(warning for result in results for warning in result.warnings):
            print(f"lossctl: warning: {warning}", file=sys.stderr)
    if given["verbose"]:
        for side in results[0].inputs:
            print(
                f"lossctl: {side.role}: {side.path} {'x'.join(map(str, side.shape))} {side.dtype}",
                file=sys.stderr,
            )
        for result in results:
            print(f"lossctl: {result.signature}", file=sys.stderr)
    if given["output"]:
        from lossctl.show.files import write

        write(results, given["output"])
        return
    width = shutil.get_terminal_size().columns
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    sys.stdout.write(render(results, form, width, colour))


def _gates(text: str | None, asked: Sequence[Request]) -> dict[str, float]:
    """Return the limit of each loss, from `0.2` or `giou=0.2,ciou=0.3`."""
    if text is None:
        return {}
    known = [request.loss.name for request in asked]
    gates: dict[str, float] = {}
    for part in text.split(","):
        name, equals, limit = part.rpartition("=")
        try:
            gates |= dict.fromkeys([name.strip()] if equals else known, float(limit))
        except ValueError:
            raise UsageError(f"fail-above is '{text}'; expected a number, or loss=number") from None
    for name in gates:
        if name not in known:
            raise UsageError(f"fail-above names {name}, which is not evaluated", hint=f"evaluated: {', '.join(known)}")
    return gates


def _gate(results: Sequence[Any], gates: dict[str, float]) -> None:
    failed = False
    for result in results:
        limit = gates.get(result.loss)
        if limit is None:
            continue
        worst = float(result) if result.value is not None else max(map(float, result.values))
        # Not `worst > limit`: a NaN passes no gate.
        if not worst <= limit:
            failed = True
            print(f"lossctl: gate: {result.loss} {worst:g} is above {limit:g}", file=sys.stderr)
    if failed:
        sys.stdout.flush()
        raise typer.Exit(GATE_FAILED)
