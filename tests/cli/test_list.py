"""`list` answers which loss to choose."""

import re

import pytest


def found(here, *words):
    return [line.split("\t")[0] for line in here("list", *words).out.splitlines()]


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (["segmentation", "imbalance"], {"dice", "tversky", "focal-tversky", "focal"}),
        (["outlier"], {"huber", "mae", "cauchy"}),
        (["small", "objects"], {"nwd", "dice"}),
        (["noisy labels"], {"wiou", "js"}),
        (["disjoint"], {"giou", "diou", "ciou", "nwd"}),
        (["heat map"], {"gaussian-focal"}),
        (["Calibration"], {"bce", "ce", "brier"}),
        (["quantile"], {"quantile"}),
    ],
)
def test_words_find_what_is_good_at_them(here, words, among):
    assert among <= set(found(here, *words))


def test_what_fails_at_something_is_no_answer(here):
    # bce and ce mention the imbalance that they fail under.
    assert not {"bce", "ce"} & set(found(here, "imbalance"))
    table = here("list", "imbalance", "segmentation", "--format=table").out
    assert table.endswith("\nMentioned elsewhere in: bce, ce\n")
    assert re.search("  dice +Segmentation under class imbalance", table)


def test_what_nobody_is_good_at_is_looked_for_everywhere(here):
    assert {"giou", "focal"} <= set(found(here, "torchvision"))


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["segmentaton"], "no loss mentions segmentaton; did you mean 'segmentation'?", "lossctl list shows them all"),
        (
            ["outleir", "bx"],
            "no loss mentions outleir and bx; did you mean 'outlier box'?",
            "lossctl list shows them all",
        ),
        (
            ["charbonnier", "quantile"],
            "no loss mentions charbonnier and quantile",
            r"charbonnier alone: \d+, quantile .*",
        ),
        (["zzzz"], "no loss mentions zzzz", "lossctl list shows them all"),
    ],
)
def test_near_words_are_offered(here, words, message, hint):
    answer = here("list", *words)
    assert answer.code == 2
    assert answer.error() == message
    assert re.fullmatch(hint, answer.hint)
