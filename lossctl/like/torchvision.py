"""torchvision.ops."""

from lossctl.convention import Convention
from lossctl.like._boxes import diagonal2, far, measured, shape_gap

CHECKED = "0.28"
EPS = 1e-7


def giou(p, g):
    m = measured(p, g)
    enclosing = m.cw * m.ch
    return 1.0 - (m.intersection / (m.union + EPS) - (enclosing - m.union) / (enclosing + EPS))


def diou(p, g):
    m = measured(p, g)
    return 1.0 - m.intersection / (m.union + EPS) + far(m) / (diagonal2(m) + EPS)


def ciou(p, g, gate: float):
    m = measured(p, g)
    v = shape_gap(m.w, m.h, m.gw, m.gh)
    iou = m.intersection / (m.union + EPS)
    return diou(p, g) + v / (1.0 - iou + v + EPS) * v


CONVENTIONS = {
    "ciou": Convention(
        "complete_box_iou_loss", "1e-7 is added to the union, to c2 and to the denominator of a", ciou,
        lacks=("gate", "weights"),
    ),
    "diou": Convention("distance_box_iou_loss", "1e-7 is added to the union and to c2", diou, lacks=("weights",)),
    "focal": Convention("sigmoid_focal_loss", inputs=("logits",), lacks=("weights",)),
    "giou": Convention("generalized_box_iou_loss", "1e-7 is added to both denominators", giou, lacks=("weights",)),
}  # fmt: skip
