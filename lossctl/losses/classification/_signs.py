"""Labels of two classes as signs."""

DOMAIN = "targets have to be -1 or 1 (with --labels 01: 0 or 1)"


def sign(target, labels):
    """Return -1 or 1."""
    if labels == "01":
        return 2.0 * target - 1.0
    return target


def is_label(target, labels):
    """Tell whether a target is one of the two labels."""
    y = sign(target, labels)
    return (y == 1.0) | (y == -1.0)


def gap(pred, target, margin, labels):
    """Return what a score lacks to the margin on its label's side."""
    return margin - sign(target, labels) * pred
