"""The options of the commands that evaluate: what they are called, what they take and what they are for."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from lossctl.convention import Library
from lossctl.errors import UsageError
from lossctl.run import options as choices
from lossctl.run.options import Options, option_names

FORMATS = ("table", "plain", "json", "csv", "markdown")


class Entry(NamedTuple):
    """One option. `takes` is the kind of its value and `metavar` what stands for it; a flag has none."""

    group: str
    metavar: str
    text: str
    takes: type = str
    default: Any = None
    short: str = ""


def _one_of(kind: Any) -> str:
    *others, last = get_args(kind)
    return f"{', '.join(others)} or {last}"


OPTIONS: dict[str, Entry] = {
    "box_format": Entry(
        "Data", "FORMAT", f"what the numbers of a box are: {_one_of(choices.BoxFormat)} [xyxy]", default="xyxy"
    ),
    "pred_format": Entry("Data", "FORMAT", "the same, of the prediction alone"),
    "target_format": Entry("Data", "FORMAT", "the same, of the target alone"),
    "degrees": Entry("Data", "", "the angle of a box cx,cy,w,h,angle is in degrees [radians]", bool, default=False),
    "input": Entry("Data", "KIND", f"what the prediction is, never guessed: {_one_of(choices.Input)}"),
    "layout": Entry("Data", "AXES", f"axes of the prediction: {_one_of(choices.Layout)} [the one that fits]"),
    "activation": Entry(
        "Data", "NAME", f"from logits to probabilities: {_one_of(choices.Activation)} [softmax for classes]"
    ),
    "ignore_index": Entry("Data", "N", "items with this target are as if they were not there", float),
    "nonfinite": Entry(
        "Data", "HOW", f"NaN and infinity in the data: {_one_of(choices.Nonfinite)} [error]", default="error"
    ),
    "include_background": Entry("Result", "", "whether class 0 counts [yes]", bool, default=True),
    "aggregate": Entry(
        "Result",
        "HOW",
        f"a ratio for each image and class, for each class, or for all at once: {_one_of(choices.Aggregate)}",
    ),
    "absent": Entry(
        "Result",
        "HOW",
        f"what an image without the class counts, `count` as any other: {_one_of(choices.Absent)} [skip]",
        default="skip",
    ),
    "class_weights": Entry("Result", "W,W,…", "one weight for each class"),
    "pairs": Entry("Data", "all", "every prediction against every target: row i, column j of a matrix"),
    "match": Entry(
        "Data", "METHOD", f"pair predictions with targets by IoU first: {_one_of(choices.Method)} (needs scipy)"
    ),
    "match_threshold": Entry("Data", "IOU", "the smallest IoU of a matched pair [0.5]", float),
    "match_by": Entry("Data", "COLUMNS", "columns of both files that have to agree, such as image,class"),
    "match_score": Entry("Data", "COLUMN", "greedy goes by this column of PRED, falling, as COCO does [by IoU]"),
    "weights": Entry(
        "Result", "SOURCE", "one weight for each item: a file, file::column, numbers, or foreground(power=2)"
    ),
    "reduction": Entry(
        "Result", "HOW", f"how items become one number: {_one_of(choices.Reduction)} [mean; of all pairs none]"
    ),
    "normalizer": Entry("Result", "N", "what the mean divides the sum by, instead of the count", float),
    "group_by": Entry("Result", "SOURCE", "a result for each group beside the total: file::column, class or image"),
    "like": Entry("Result", "LIBRARY", f"as it computes the loss, see lossctl explain: {_one_of(Library)}"),
    "arithmetic": Entry(
        "Result",
        "HOW",
        f"what a float32 or float16 PRED is computed in: {_one_of(choices.Arithmetic)}; sums stay float64 [float64]",
        default="float64",
    ),
    "threads": Entry("Result", "N", "threads to compute with; changes no digit [one for each CPU]", int),
    "max_memory": Entry(
        "Result",
        "SIZE",
        "refuse what has to hold more data at once, such as 500M or 2G [three quarters of what is free]",
    ),
}
OUTPUTS: dict[str, Entry] = {
    "format": Entry(
        "Output", "FORMAT", f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]} [table on a terminal, else plain]"
    ),
    "output": Entry("Output", "FILE", "write results to a .csv, .json, .npy or .parquet instead", short="-o"),
    "gradient": Entry(
        "Output",
        "FILE",
        "write d loss / d PRED to a .npy or .csv; of several losses to 'g_{loss}.npy', of several sides to "
        "'g_{side}.npy'",
    ),
    "fail_above": Entry("Output", "X", "exit 1 if a loss is above X; or giou=X,ciou=Y"),
    "quiet": Entry("Output", "", "no warnings", bool, default=False, short="-q"),
    "verbose": Entry("Output", "", "say on stderr what was read, and how", bool, default=False, short="-v"),
}


def chosen(given: dict[str, Any]) -> Options:
    """Return the Options that a command line's texts mean. Raises UsageError."""
    known = {name: setting for name, setting in given.items() if name in option_names()}
    for name, text in known.items():
        if OPTIONS[name].takes in (int, float) and text is not None:
            known[name] = _number(name, text, OPTIONS[name].takes)
    if known.get("reduction") is None:
        known["reduction"] = "none" if known.get("pairs") else "mean"
    weights = known.get("class_weights")
    if weights is not None:
        try:
            known["class_weights"] = tuple(float(w) for w in weights.split(","))
        except ValueError:
            raise UsageError(f"class_weights is '{weights}'; expected numbers with commas between") from None
    return Options(**known)


def _number(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} is '{text.strip()}'; expected {expected}") from None
