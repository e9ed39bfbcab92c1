"""Options that a loss needs, and options that would do nothing: better refused than ignored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossctl.errors import UsageError
from lossctl.loss import BOX_WIDTHS, Loss
from lossctl.run.foreground import Foreground
from lossctl.run.likeness import refuse
from lossctl.run.options import Options

DEFAULTS = Options()
# For each option that not every loss has a use for: which losses have.
USES: dict[str, Callable[[Loss], bool]] = {
    "box_format": lambda loss: loss.shape == "boxes",
    "pred_format": lambda loss: loss.shape == "boxes",
    "target_format": lambda loss: loss.shape == "boxes",
    "degrees": lambda loss: loss.shape == "rotated",
    "pairs": lambda loss: loss.shape in BOX_WIDTHS,
    "match": lambda loss: loss.shape == "boxes",
    "match_threshold": lambda loss: loss.shape == "boxes",
    "match_by": lambda loss: loss.shape == "boxes",
    "match_score": lambda loss: loss.shape == "boxes",
    "input": lambda loss: loss.takes_scores or loss.needs_logits,
    "layout": lambda loss: loss.shape in ("classes", "regions"),
    "aggregate": lambda loss: loss.shape == "regions",
    "absent": lambda loss: loss.shape == "regions",
    "activation": lambda loss: loss.shape == "regions",
    "include_background": lambda loss: loss.shape == "regions",
    "class_weights": lambda loss: "class_weight" in loss.data,
    "arithmetic": lambda loss: not loss.whole,
    "ignore_index": lambda loss: loss.shape not in BOX_WIDTHS and loss.has_target and loss.target_input is None,
}


def check(losses: Sequence[Loss], options: Options, has_target: bool, with_slopes: bool = False) -> None:
    """Raise UsageError for an option that is missing, or that no loss has a use for."""
    named = ", ".join(loss.name for loss in losses)
    for option, used in USES.items():
        if getattr(options, option) != getattr(DEFAULTS, option) and not any(map(used, losses)):
            raise UsageError(f"{option} has no effect on {named}")
    for loss in losses:
        refuse(loss, options, with_slopes)
        if loss.takes_scores and options.input is None:
            raise UsageError(
                f"{loss.name} needs to know what the prediction is", hint="--input logits or --input probs"
            )
        if loss.needs_logits and options.input == "probs":
            raise UsageError(f"{loss.name} takes logits", hint="--input logits")
        if loss.root is not None and options.reduction != "mean":
            raise UsageError(f"{loss.name} is one number for all items; it has no reduction '{options.reduction}'")
        _check_groups(loss, options)
        if options.aggregate == "all" and (loss.whole or loss.pooled):
            raise UsageError(f"{loss.name} does not add up its classes", hint="--aggregate per-image or global")
        scored = loss.takes_scores and loss.shape != "regions"
        if isinstance(options.weights, Foreground) and not scored:
            raise UsageError(f"{loss.name} has no foreground to weigh", hint="the scheme is for losses of class scores")
        if with_slopes and loss.slope is None:
            raise UsageError(f"{loss.name} has no slope, so no gradient", hint=f"define slope in {loss.source}")
        if loss.has_target and not has_target:
            raise UsageError(f"{loss.name} compares a prediction with a target; the target is missing")
        if not loss.has_target and has_target:
            raise UsageError(f"{loss.name} looks at the prediction alone and takes no target")


def _check_groups(loss: Loss, options: Options) -> None:
    by = options.group_by
    if isinstance(by, str) and by not in ("class", "image"):
        raise UsageError(f"group_by is '{by}'; expected class, image or file::column")
    imaged = loss.shape in ("classes", "regions")
    if isinstance(by, str) and not imaged and not (by == "class" and loss.shape == "binary"):
        raise UsageError(f"{loss.name} knows nothing of a {by}", hint="--group-by FILE::COLUMN")
