"""Softmax focal loss: cross-entropy over classes that fades for rows that are already right.

Good at
    Class imbalance and the long tail in classification and segmentation with one class for each item: hard examples
    lead.

Fails
    Noisy labels lead too. Not a proper score: the calibration of its probabilities is off.

Formula
    -w_y (1 - q_y)^γ ln q_y        w: class weights
    mean: divided by the number of rows

Range
    0 to infinity.

Parameters
    gamma    how fast easy rows fade; 0 is ce

Elsewhere
    MONAI's FocalLoss(use_softmax=True) is this per class with its own reductions. Libraries differ in whether the mean
    divides by the class weights: here it does not.

Reference
    Lin et al. (2017), Focal Loss for Dense Object Detection, arXiv:1708.02002.

Examples
    '2,.5,-1;.1,.2,.3' 0,2 --input logits = 0.20617522539079868
"""

from lossctl.loss import Exponent
from lossctl.maths import power, times

SHAPE = "classes"


def value(r, log_q, y, class_weight, gamma: Exponent = 2.0):
    return -times(class_weight * y * power(r, gamma), log_q)


def slope(r, log_q, y, class_weight, gamma):
    weight = class_weight * y
    return -times(weight * gamma, times(log_q, power(r, gamma - 1.0))), -weight * power(r, gamma)


def alone(gamma):
    return True
