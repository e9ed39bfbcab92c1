"""Distillation loss: the divergence of a student's softened classes from a teacher's.

Good at
    Teaching a small model what probability a large one gives to every class, the wrong ones too; needs no labels.

Fails
    The teacher's mistakes and its confidence are copied as well.

Formula
    T² · KL(softmax(t / T) ‖ softmax(z / T))        z: student's logits, t: teacher's, T = temperature

Range
    0 (equal) to infinity.

Parameters
    temperature    how far both distributions are softened; T² keeps the slope's size

Elsewhere
    Many scripts call torch's kl_div with reduction `mean`, which divides by the number of classes as well.
    Usually joined with ce on the true labels.

Reference
    Hinton, Vinyals & Dean (2015), Distilling the Knowledge in a Neural Network, arXiv:1503.02531.

Examples
    2,.5,-1 1,1,0 = 0.32351949697011049
    2,.5,-1 1,1,0 --temperature 4 = 0.36819588849920711
"""

from lossctl.loss import Positive
from lossctl.maths import log, times

SHAPE = "classes"


def value(log_q, y, temperature: Positive = 1.0):
    return temperature * temperature * times(y, log(y) - log_q)


def slope(log_q, y, temperature):
    return -temperature * temperature * y
