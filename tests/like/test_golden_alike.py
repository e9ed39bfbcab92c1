"""Numbers that the libraries themselves gave, for machines without them: see the files beside this one."""

import pytest

import lossctl
from lossctl.like.shelf import LIBRARIES

BOXES = [[0.02, 0.03, 0.08, 0.07], [0, 0, 0.2, 0.05], [0.2, 0, 0.4, 0.1], [0, 0, 0.09, 0.12]], [[0, 0, 0.1, 0.1]] * 4
HALF_SURE = [[1, 0, 0], [1, 0.25, 1]]
ROWS = [[2, 0.5, -1], [0.1, 0.2, 0.3]]
NUMBERS = [-3, -0.5, 0.2, 2]
# What stands on each side, and the options without which it cannot be read. The second mask is empty.
DATA = {
    "boxes": (*BOXES, {}),
    "logits": ([[2, -1, 0.5], [-3, 0, 4]], HALF_SURE, {"input": "logits"}),
    "probs": ([[1, 0.2, 0.5], [0.05, 0, 0.9]], HALF_SURE, {"input": "probs"}),
    "rows": (ROWS, [0, 2], {"input": "logits"}),
    "shares": (ROWS, [[0.1, 0.2, 0.7], [0.5, 0.5, 0]], {"input": "logits"}),
    "mask": (
        [[[1, -2], [0.5, 3]], [[-1, -2], [0.1, -0.3]]], [[[1, 0], [0, 1]], [[0, 0], [0, 0]]],
        {"input": "logits", "layout": "NHW"},
    ),
    "map": (
        [[[[2, -1], [0.5, 1]], [[0, 1], [-1, 0.3]], [[0.1, 0.2], [1.5, -2]]]], [[[0, 1], [0, 1]]],
        {"input": "logits", "layout": "NCHW"},
    ),
    "numbers": (NUMBERS, [1, -0.25, 0.5, 4], {}),
    "signs": (NUMBERS, [1, -1, -1, 1], {}),
}  # fmt: skip
GOLDEN = [
    ("torchvision", "giou", "boxes", {}, 0.7951576352087835),
    ("torchvision", "diou", "boxes", {}, 0.7748088838583439),
    ("torchvision", "ciou", "boxes", {}, 0.7798410948087283),
    ("torchvision", "focal", "logits", {}, 0.18339649326599258),
    ("torch", "bce", "probs", {}, 4.836230586847662),
    ("torch", "bce", "logits", {}, 0.8623585237987998),
    ("torch", "ce", "rows", {"class_weights": [1, 2, 3]}, 0.8117849603362224),
    ("torch", "ce", "shares", {"class_weights": [1, 2, 3], "label_smoothing": 0.1}, 4.48463772079892),
    ("torch", "kl", "shares", {}, 0.3830480686305197),
    ("torch", "box-l1", "boxes", {}, 0.04875),
    ("torch", "huber", "numbers", {}, 1.2690625),
    ("mmdet", "iou", "boxes", {}, 4.1530285391019826),
    ("mmdet", "giou", "boxes", {}, 0.7951553672316385),
    ("mmdet", "diou", "boxes", {}, 0.7748330097062999),
    ("mmdet", "ciou", "boxes", {}, 0.7749008155843403),
    ("mmdet", "extended-iou", "boxes", {}, 0.6785148504696693),
    ("mmdet", "siou", "boxes", {}, 0.5128260427364003),
    ("mmdet", "bounded-iou", "boxes", {}, 0.3014351009488618),
    ("mmdet", "giou", "boxes", {"normalizer": 3}, 1.0602071141800058),
    ("mmdet", "giou", "boxes", {"weights": [1, 2, 0, 0.5]}, 0.6800776836158193),
    ("mmdet", "focal", "logits", {}, 0.18339649326599258),
    ("mmdet", "quality-focal", "logits", {}, 1.605740616291549),
    ("mmdet", "varifocal", "logits", {}, 0.6111673882417364),
    ("mmdet", "gaussian-focal", "probs", {}, 0.48115241986883306),
    ("mmdet", "ce", "rows", {"class_weights": [1, 2, 3]}, 1.6235699206724448),
    ("mmdet", "smooth-l1", "numbers", {}, 1.2690625),
    ("ultralytics", "iou", "boxes", {}, 0.6659920416922798),
    ("ultralytics", "giou", "boxes", {}, 0.7951568465652756),
    ("ultralytics", "diou", "boxes", {}, 0.774809453538527),
    ("ultralytics", "ciou", "boxes", {}, 0.7798416604915401),
    ("ultralytics", "focal", "logits", {}, 0.4182004326455515),
    ("monai", "dice", "map", {}, 0.6133765595075668),
    ("monai", "dice", "mask", {}, 0.6195393877591937),
    ("monai", "jaccard", "map", {}, 0.7272788838676737),
    ("monai", "jaccard", "mask", {}, 0.6929518081350599),
    ("monai", "tversky", "map", {}, 0.6133727724320938),
    ("monai", "tversky", "mask", {}, 0.619535382688442),
    ("monai", "mcc", "map", {}, 0.8027605786302799),
    ("monai", "mcc", "mask", {}, 0.7589954447533678),
    ("keras", "bce", "probs", {}, 1.3411512681375932),
    ("keras", "focal", "probs", {}, 0.5231266280775556),
    ("keras", "dice", "map", {}, 0.5039594585736458),
    ("keras", "dice", "mask", {}, 0.415808572344291),
    ("keras", "tversky", "map", {}, 0.5039594647741525),
    ("keras", "mape", "numbers", {}, 152.5),
    ("keras", "hinge", "signs", {}, 1.425),
    ("smp", "dice", "map", {}, 0.28004701330747467),
    ("smp", "dice", "mask", {}, 0.4158085622090749),
    ("smp", "jaccard", "map", {}, 0.3939478471952611),
    ("smp", "jaccard", "mask", {}, 0.5873796405924994),
    ("smp", "tversky", "map", {}, 0.28004701330747467),
    ("smp", "tversky", "mask", {}, 0.4158085622090749),
    ("smp", "mcc", "mask", {}, 0.570491671678131),
    ("smp", "focal", "logits", {}, 0.5569077214896813),
    ("smp", "bce", "logits", {"label_smoothing": 0.1}, 0.9206918571321333),
    ("smp", "ce", "rows", {"label_smoothing": 0.1}, 0.7016270724432006),
]


@pytest.mark.parametrize(("library", "name", "kind", "more", "expected"), GOLDEN)
def test_golden(library, name, kind, more, expected):
    pred, target, options = DATA[kind]
    assert lossctl.loss(name)(pred, target, like=library, **options, **more) == pytest.approx(expected, rel=1e-12)


def test_every_library_has_some():
    assert {case[0] for case in GOLDEN} == set(LIBRARIES)
