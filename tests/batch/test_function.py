"""`lossctl.batch`: what the command does, from Python."""

import json

import numpy as np
import pytest
from pairs_of_files import sides

import lossctl


def test_the_same_as_the_command(here, few, tmp_path):
    answer = here("batch", "giou,ciou", *sides(few), "-o", tmp_path / "a.csv", "--worst", 2, "--format", "json")
    found = lossctl.batch("giou,ciou", few / "pred", few / "target", output=tmp_path / "b.csv", worst=2)
    record = json.loads(answer.out)
    assert (found.pairs, found.failures) == (record["pairs"], [])
    for score, told in zip(found.scores, record["results"], strict=True):
        assert (score.loss, score.total, score.count) == (told["loss"], told["total"], told["count"])
        assert score.spread.mean == told["pairs"]["mean"]
        assert [{"id": name, "value": value} for name, value in score.worst] == told["worst"]
        assert score.signature == told["signature"]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_ways_to_pair_and_parameters(few):
    whole = lossctl.batch("ciou", str(few / "pred"), str(few / "target"), gate=0.5)
    assert whole.scores[0].signature.startswith("ciou(gate=0.5)|")
    pair = few / "pred/{id}.npy", few / "target/{id}.npy"
    assert lossctl.batch("ciou", pair=pair, gate=0.5, threads=1) == whole
    (few / "m.csv").write_text("id,pred,target\nim002,pred/im002.npy,target/im002.npy\n")
    assert lossctl.batch("ciou", manifest=few / "m.csv").pairs == 1


def test_failures_and_how_to_go_on(few):
    good = np.load(few / "pred/im006.npy")
    np.save(few / "pred/im006.npy", good[:, ::-1])
    places = few / "pred", few / "target"
    with pytest.raises(lossctl.DataError, match=r"pair im006: .*inverted box"):
        lossctl.batch("giou", *places, output=few / "rows.csv")
    with pytest.raises(lossctl.UsageError, match="a run that did not finish"):
        lossctl.batch("giou", *places, output=few / "rows.csv")
    found = lossctl.batch("giou", *places, output=few / "rows.csv", resume=True, on_error="skip")
    assert [failure.id for failure in found.failures] == ["im006"]
    assert (few / "rows.errors.csv").exists()
    np.save(few / "pred/im006.npy", good)
    found = lossctl.batch("giou", *places, output=few / "rows.csv", resume=True)
    assert (found.pairs, found.failures) == (12, [])
    assert not (few / "rows.errors.csv").exists()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({}, "a batch of which files?"),
        ({"pred": "p"}, "no --target"),
        ({"pair": ("{id}",)}, "pair takes two patterns"),
        ({"pred": "p", "target": "t", "outptu": "x.csv"}, "giou has no parameter 'outptu'"),
        ({"pred": "p", "target": "t", "on_error": "go"}, "on-error is 'go'; expected stop or skip"),
        ({"pred": "p", "target": "t", "resume": True}, "--resume and --restart are of a run with -o"),
        ({"pred": "p", "target": "t", "shard": "3/2", "output": "s.jsonl"}, "shard is '3/2'"),
        ({"pred": "p", "target": "t", "weights": [1, 2]}, "weights of items in a batch"),
        ({"pred": "p", "target": "t", "box_format": "xyx"}, "box_format is 'xyx'"),
    ],
)
def test_keywords_that_are_wrong(keywords, message):
    with pytest.raises(lossctl.UsageError) as raised:
        lossctl.batch("giou", **keywords)
    assert str(raised.value).startswith(message)


def test_a_loss_that_is_called_as_a_column_is(few):
    (few / "weight.py").write_text('"""Mine."""\n\n\ndef value(pred, target):\n    return abs(pred - target)\n')
    with pytest.raises(lossctl.UsageError, match="a loss called 'weight' in a batch"):
        lossctl.batch(str(few / "weight.py"), few / "pred", few / "target")
