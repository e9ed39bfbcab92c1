"""Focal-EIoU loss: EIoU loss weighted by iou^gamma, so that well-placed boxes lead the training.

Good at
    Detection with an imbalance of poor boxes: many bad anchors do not drown the few good ones.

Fails
    As a score it ranks backwards: worse boxes weigh less, disjoint ones nothing, and lossctl warns of those. Alone it
    never pulls disjoint boxes in.

Formula
    item    iou^γ · eiou
    mean    Σ iou^γ · eiou / Σ iou^γ        iou^γ is held constant in the slope

Range
    0 (identical) upwards; a disjoint pair weighs nothing.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    gamma    how strongly good boxes are preferred; 0 is plain eiou

Elsewhere
    Many forks take the plain mean of iou^γ · eiou. When every pair is disjoint the mean is an error.

Reference
    Zhang et al. (2021), Focal and Efficient IOU Loss, arXiv:2101.08158.

Examples
    5,5,15,15 0,0,10,10 --reduction none = 0.36596560085
    2,3,8,7 0,0,10,10 --reduction none = 0.627069374152
    0,0,20,5 0,0,10,10 --reduction sum = 0.709659705879
    20,0,40,10 0,0,10,10 --reduction sum = 0
    0,0,20,5 0,0,10,10 = 1.22916666667
"""

from lossctl.loss import Exponent
from lossctl.losses.box import eiou
from lossctl.losses.box._geometry import measure
from lossctl.maths import held, power

SHAPE = "boxes"
WEIGHTLESS = "a disjoint pair counts for nothing, so that worse boxes can have the lower loss"


def value(p, g, gamma: Exponent = 0.5):
    return held(weight(p, g, gamma)) * eiou.value(p, g)


def slope(p, g, gamma):
    focus = weight(p, g, gamma)
    x1, y1, x2, y2 = eiou.slope(p, g)
    return focus * x1, focus * y1, focus * x2, focus * y2


def weight(p, g, gamma):
    return power(measure(p, g).iou, gamma)
