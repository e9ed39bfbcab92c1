"""lossctl cache: info, warm, clear."""

import json

from lossctl.engine import cache as engine_cache


def facts(command, *arguments, **options):
    answer = command("cache", *arguments, "--format", "json", **options)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_warm_info_clear(command, tmp_path):
    env = {"LOSSCTL_CACHE_DIR": str(tmp_path / "own")}
    assert facts(command, "info", env=env)["kernels"] == 0
    warm = facts(command, "warm", "mae", env=env)
    # Value and slopes are one kernel; float32 and float64, with slopes and without.
    assert warm["kernels"] == 4
    assert warm["bytes"] > 10_000
    other = tmp_path / "own" / "kernels-0123"
    other.mkdir()
    (other / "x.kernel").write_bytes(b"1234567")
    kept = tmp_path / "own" / "notes.txt"
    kept.write_text("mine")
    assert facts(command, "info", env=env)["bytes of other versions"] == 7
    cleared = facts(command, "clear", env=env)
    assert cleared == {"removed folders": 2, "removed bytes": warm["bytes"] + 7}
    assert kept.exists()
    assert not other.exists()


def test_what_it_refuses(here):
    assert here("cache", "wram").error() == "unknown action 'wram'"
    assert here("cache", "clear", "giou").error() == "cache clear takes no losses"
    assert here("cache", "warm", "goiu").error() == "unknown loss 'goiu'; did you mean 'giou'?"
    assert here("cache", "info", "--format", "xml").error() == "format is 'xml'; expected plain or json"


def test_a_folder_of_somebody_else_is_left_alone(here, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("precious")
    root = tmp_path / "cache"
    root.mkdir()
    (root / "kernels-link").symlink_to(elsewhere)
    monkeypatch.setenv("LOSSCTL_CACHE_DIR", str(root))
    engine_cache.cache_directory.cache_clear()
    try:
        assert here("cache", "clear").code == 0
    finally:
        engine_cache.cache_directory.cache_clear()
    assert (elsewhere / "file").read_text() == "precious"
