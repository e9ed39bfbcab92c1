"""Kept times: files that are whole, machines that differ, and what is slower."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lossctl.bench import history
from lossctl.bench.axes import levels
from lossctl.bench.compare import compare, slower, threshold_of
from lossctl.bench.formats import as_csv, bar, labels, markdown, plain, seconds
from lossctl.bench.record import SCHEMA, Document, Row, read
from lossctl.bench.saving import Exports
from lossctl.errors import DataError, UsageError


def row(loss="giou", scale=1.0, **given):
    """Return a row whose times swing by about one per cent."""
    times = tuple(scale * np.random.default_rng(len(loss)).normal(1e-3, 1e-5, 20))
    told = {"data": "random", "items": 100, "dtype": "float64", "threads": 1, "layout": "", "result": "value"}
    told |= {"stage": "compute", "rival": "numpy", "seconds": float(np.median(times)), "times": times} | given
    return Row(loss=loss, **told)


def document(*rows, cpu="one", numpy="2"):
    return Document({"cpu": cpu, "cpus": "2", "system": "x"}, {"numpy": numpy}, {"rounds": 20, "seed": 1}, rows=[*rows])


def test_slower_is_only_what_is_beyond_the_threshold_in_all_of_its_interval():
    before = document(row("a"), row("bb"), row("ccc"))
    now = document(row("a", 1.0), row("bb", 1.2), row("ccc", 0.5))
    found = compare(before, now).changes
    assert [change.verdict for change in found] == ["no difference", "slower", "faster"]
    assert found[1].ratio.median == pytest.approx(1.2)
    assert [change.now.loss for change in slower(found, 0.05)] == ["bb"]
    assert slower(found, 0.2) == []
    assert found[1].ratio.low < 1.2 < found[1].ratio.high


def test_machines_are_not_compared_in_silence():
    one, other = document(row()), document(row(), cpu="other", numpy="3")
    with pytest.raises(UsageError, match="two machines: cpu one, now other"):
        compare(one, other)
    assert compare(one, other, across_machines=True).notes == [
        "across machines: cpu one, now other", "across versions: numpy 2, now 3",
    ]  # fmt: skip


def test_versions_are_compared_and_told():
    assert compare(document(row()), document(row(), numpy="3")).notes == ["across versions: numpy 2, now 3"]


def test_cells_are_told_apart():
    one = document(row(), row(items=10), row(rival="torch"))
    assert len(compare(one, document(row(items=10), row(dtype="float32"))).changes) == 1
    assert compare(one, document(row(items=10), row(dtype="float32"))).notes == [
        "1 cells are new, 2 are in the baseline alone"
    ]
    with pytest.raises(DataError, match="no cell is in both"):
        compare(one, document(row(items=11)))
    with pytest.raises(DataError, match="no cell is in both"):
        compare(one, document(row(times=(), problem="not the same loss")))


@pytest.mark.parametrize(("text", "found"), [("5%", 0.05), (" 0 % ", 0.0), ("12.5%", 0.125)])
def test_thresholds(text, found):
    assert threshold_of(text) == pytest.approx(found)


@pytest.mark.parametrize("text", ["5", "-1%", "%", "x%", "nan%", "inf%"])
def test_what_is_no_threshold(text):
    with pytest.raises(UsageError, match="expected a percentage"):
        threshold_of(text)


def test_what_is_read_is_what_was_written(tmp_path):
    path = tmp_path / "d.json"
    written = document(row(), row("mse", problem="no"))
    path.write_text(written.as_json())
    assert read(str(path)) == written
    assert json.loads(path.read_text())["schema"] == SCHEMA == "lossctl.bench/1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"), ("[]", "it has no schema"),
        ('{"schema": "lossctl.bench/9"}', "its schema is lossctl.bench/9"),
        ('{"schema": "lossctl.bench/1"}', "not whole"), ('{"schema": "lossctl.bench/1", "rows": [{}]}', "not whole"),
        ('{"schema": "lossctl.bench/1", "rows": [], "odd": 1}', "not whole"),
    ],
)  # fmt: skip
def test_files_that_are_no_documents(tmp_path, text, message):
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(DataError, match=message) as told:
        history.find(str(tmp_path / "d.json"))
    assert told.value.path == str(tmp_path / "d.json")


def test_a_file_that_is_older_than_an_axis(tmp_path):
    path = tmp_path / "d.json"
    text = document(row()).as_json()
    assert '"arithmetic": "float64", "input": "", ' in text
    path.write_text(text.replace('"arithmetic": "float64", "input": "", ', ""))
    assert read(str(path)).rows == [row()]


def test_names(tmp_path, monkeypatch):
    monkeypatch.setenv("LOSSCTL_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="nothing is saved as 'before'"):
        history.find("before")
    path = history.place_to_save("before")
    assert path == str(tmp_path / "bench" / "before.json")
    (tmp_path / "bench" / "before.json").write_text(document(row()).as_json())
    assert history.find("before").rows[0].loss == "giou"
    with pytest.raises(DataError, match="did you mean 'before'") as told:
        history.find("befor")
    assert told.value.hint == "saved: before"
    assert history.place_to_save("./x.json") == "./x.json"
    for name in ("../up", "a/b", "", "-x"):
        with pytest.raises(UsageError, match="is no name"):
            history.place(name)


def test_exports_are_whole_after_every_row(tmp_path):
    paths = [str(tmp_path / name) for name in ("d.json", "d.csv", "d.md")]
    exports = Exports(paths, 3)
    growing = document()
    for count, loss in enumerate(("a", "bb"), 1):
        growing.rows.append(row(loss))
        exports.save(growing)
        assert read(paths[0]) == growing
        assert len((tmp_path / "d.csv").read_text().splitlines()) == 1 + count
        assert f"| {loss} |" in (tmp_path / "d.md").read_text()
    exports.done()


def test_units():
    assert [seconds(x) for x in (2.0, 0.0123456, 1e-3, 4.5e-6, 7e-9, None)] == [
        "2.00 s", "12.3 ms", "1.00 ms", "4.50 µs", "7.00 ns", "",
    ]  # fmt: skip


def test_bars():
    assert [bar(part, 4, False) for part in (0, 1 / 8, 0.5, 1)] == ["", "▌", "██", "████"]
    assert [bar(part, 4, True) for part in (0, 0.5, 1)] == ["", "##", "####"]


def test_rows_are_named_by_what_tells_them_apart():
    rows = [row("iou(form=linear)"), row("giou", items=5000, dtype="float32")]
    assert labels(rows) == ["iou 100 f64", "giou 5 000 f32"]
    assert labels([row("iou(form=linear)"), row("iou(form=log)")]) == ["iou(form=linear)", "iou(form=log)"]


def test_formats_hold_the_row():
    found = document(replace(row(), ratio=2.0, ratio_low=1.5, ratio_high=2.5, rival_seconds=0.002))
    assert plain(found).split("\t")[:4] == ["giou", "random", "100", "float64"]
    assert plain(found).rstrip("\n").split("\t")[-4:] == ["2.0", "1.5", "2.5", ""]
    assert "| 2.00 ms | 2.00 | 1.50–2.50 |" in markdown(found)
    axes = "loss,data,items,dtype,threads,layout,result,stage,rival,arithmetic,input"
    assert as_csv(found).splitlines()[0].startswith(f"{axes},seconds")


def test_levels():
    assert levels(["size=1e3,20", "dtype=f32", "size=20"]) == {"size": [1000, 20], "dtype": ["float32"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size", "expected axis=level,level"), ("size=", "expected axis"), ("sise=3", "did you mean 'size'"),
        ("size=1.5", "whole number"), ("size=0", "whole number"), ("size=inf", "whole number"), ("size=nan", "whole"),
        ("dtype=f16", "expected f32 or f64"),
        ("arithmetic=f32", "float64 or native"), ("input=q", "logits or probs"),
        ("threads=0", "> 0"), ("gradient=1", "yes or no"), ("layout=HW", "NC, NCHW or NHW"),
    ],
)  # fmt: skip
def test_levels_that_are_none(text, message):
    with pytest.raises(UsageError, match=message):
        levels([text])
