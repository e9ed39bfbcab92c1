"""The losses that others build on, by name."""

from lossctl.losses.box import ciou, diou, giou, iou


def base_value(p, g, base, gate):
    """Return the value of the loss called `base`."""
    if base == "giou":
        return giou.value(p, g)
    if base == "diou":
        return diou.value(p, g)
    if base == "ciou":
        return ciou.value(p, g, gate)
    return iou.value(p, g, "linear")


def base_slope(p, g, base, gate):
    """Return the slope of the loss called `base`."""
    if base == "giou":
        return giou.slope(p, g)
    if base == "diou":
        return diou.slope(p, g)
    if base == "ciou":
        return ciou.slope(p, g, gate)
    return iou.slope(p, g, "linear")
