"""What benchmarks/results.py keeps, goes on with and says. Nothing here is timed."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lossctl.bench.record import Row, read
from lossctl.errors import UsageError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.exists():
    pytest.skip("benchmarks/ is not here", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

import judge  # noqa: E402
import kept  # noqa: E402
import marks  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import scaling  # noqa: E402


def row(loss="giou", rival="torch", ratio=1.0, **more):
    told = {"data": "random", "items": 10**6, "dtype": "float64", "threads": 2, "layout": "", "result": "value"}
    told |= {"stage": "compute", "seconds": 1e-3, "mad": 1e-5, "rival_seconds": ratio and 1e-3 * ratio, "ratio": ratio}
    told |= {"ratio_low": ratio, "ratio_high": ratio, "bandwidth_share": 0.9}
    return Row(loss=loss, rival=rival, **told | more)


def begun(tmp_path, resume=False):
    return kept.Kept(str(tmp_path / "r.json"), resume, {"rounds": 5, "seconds": 1.0, "seed": 1})


def test_a_race_that_is_over_is_on_disk(tmp_path):
    first = begun(tmp_path)
    first.add("giou 10 float64, 2 threads, torch", lambda: [row()], {2: 1e9})
    with pytest.raises(KeyboardInterrupt):
        first.add("mse", lambda: (_ for _ in ()).throw(KeyboardInterrupt), {})
    again = begun(tmp_path, resume=True)
    assert again.rows == [row()] == read(str(tmp_path / "r.json")).rows
    assert list(again.done) == ["giou 10 float64, 2 threads, torch"]
    assert again.document.bandwidth == {"2": 1e9}
    assert len(again.document.settings["loads"]) == 2
    again.forget(["giou"])
    assert (again.rows, again.done) == ([], {})


def test_only_what_is_not_there_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results.Measure, "rows", lambda self, cells: [row(cells[0].asked.name, rival="numpy")])
    options = results.parsed(["--losses", "mse,giou", "--rivals", "numpy", "--divide", "4000"])
    results.run(options, begun(tmp_path))
    assert "4 races to go, 0 done" in capsys.readouterr().out
    more = results.parsed(["--losses", "mse,mae", "--rivals", "numpy", "--divide", "4000"])
    state = begun(tmp_path, resume=True)
    results.run(more, state)
    assert "2 races to go, 4 done" in capsys.readouterr().out
    assert [judge.name_of(each) for each in state.rows] == ["giou", "giou", "mse", "mse", "mae", "mae"]
    assert [judge.name_of(each) for each in report.in_order(state.rows)] == [*["giou"] * 2, *["mae"] * 2, *["mse"] * 2]


def test_times_of_another_machine_are_not_gone_on_with(tmp_path, monkeypatch):
    begun(tmp_path).save()
    monkeypatch.setattr(kept, "machine", lambda: {"cpu": "Abacus"})
    with pytest.raises(UsageError, match="two machines"):
        begun(tmp_path, resume=True)


def test_every_work_is_one_race_of_all_its_rivals():
    options = results.parsed(["--losses", "lovasz-softmax,ce"])
    keys = [race.key for race in results.races(options, results.Measure())]
    assert len(keys) == len(set(keys)) == 4 * 4
    assert keys[0] == f"ce NC 5 505 024 float32 native, {options.threads} threads, numpy, torch, torch-compile"
    assert not any("lovasz-softmax" in key and "native" in key for key in keys)
    assert all(("numpy" in key) == ("with gradient" not in key) for key in keys)


def test_what_falls_short():
    rows = [
        row("giou", "torch", 1.5), row("giou", "torch-compile", 1.2), row("ciou", "torch-compile", 0.5),
        row("mse", "torch", 1.1, bandwidth_share=0.35), row("mse", "torch-compile", 1.1),
        row("bce", "torch", None, problem="torch raised"), row("iou", "numpy", 3.0, seconds=4e-3),
    ]  # fmt: skip
    found = judge.shorts(rows)
    assert found[0].loss == "bce"
    texts = {short.text for short in found}
    assert "giou, float64, value: 1.50 × torch eager (1.50–1.50) for 2 ×" in texts
    assert "ciou, float64, value: 0.50 × torch.compile (0.50–0.50) for 1 ×" in texts
    assert "mse, float64, value: 35 % of the read bandwidth for 70 %" in texts
    assert "iou, float64, value: 4.0 ns a pair for 3 ns" in texts
    assert "bce, float64, value: torch eager could not be raced, torch raised" in texts
    # Twice as fast as torch is more than memory gives.
    assert not any("mse" in text and "eager" in text for text in texts)


def test_means():
    rows = [row(ratio=2.0), row("mse", ratio=8.0), row("mse", ratio=None)]
    assert judge.means(rows) == {("torch", "float64", "value"): (pytest.approx(4), 2)}
    assert judge.over_all(rows, "torch") == pytest.approx(4)
    assert judge.over_all(rows, "numpy") is None


def test_pages(tmp_path, monkeypatch):
    for name in ("RESULTS.md", "README.md"):
        mark = "speed" if name == "README.md" else "measured"
        (tmp_path / name).write_text(f"a\n<!-- {mark}: begin -->\nold\n<!-- {mark}: end -->\nz\n")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(report, "README", tmp_path / "README.md")
    monkeypatch.setattr(report, "_why", lambda: {"losses": {"giou": "It is far."}, "shapes": {}, "commands": {}})
    state = begun(tmp_path)
    grown = [row("mse", "none", None, items=10**k, seconds=10.0**k * 1e-9) for k in range(3, 8)]
    threads = row("ce(x=1)", kept.ONE_THREAD, 1.5, layout="NC", rival_seconds=0.02)
    raced = [row(ratio=0.5), replace(row(ratio=3.0), result="gradient"), row("bce", ratio=3.0)]
    for key, few in enumerate((raced, grown, [threads])):
        state.add(f"race {key}", lambda few=few: few, {2: 1e9})
    report.write(state)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "**giou.** It is far.\n\n- giou, float64, value: 0.50 × torch eager" in text
    assert "| mse | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.000 |" in text
    assert "| ce NC | float64, value | 20.0 ms | **1.50** (1.50–1.50) |" in text
    page = (tmp_path / "README.md").read_text()
    assert "| giou | 0.5 × / 3.0 × |" in page
    assert "old" not in page
    assert (page[:2], page[-3:]) == ("a\n", "\nz\n")
    with pytest.raises(ValueError, match="has no marks"):
        marks.replace(tmp_path / "README.md", "other", [])


def test_sizes_stay_within_memory():
    cells = list(scaling.sized(["giou", "mse"], 2))
    assert max(cell.size for cell in cells if cell.asked.name == "mse") == 10**8
    assert max(cell.size for cell in cells if cell.asked.name == "giou") == 10**7
    assert scaling.slope([row(rival="none", items=10**6, seconds=1.0)]) is None
