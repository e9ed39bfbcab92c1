"""Pictures: time against size, or ratios as bars. Needs matplotlib."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from typing import Any

from lossctl.bench.formats import circumstances, heading, seconds
from lossctl.bench.record import Document, Row
from lossctl.data.output import check_writable, replacing
from lossctl.errors import DataError, UsageError

ENDINGS = (".png", ".svg")
OURS = "lossctl"
COLOURS = ("#1b6ca8", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#2e4057", "#a3a3a3", "#00798c")


def check_plot(path: str) -> None:
    """Raise UsageError, OutputError where the picture could not be drawn or written."""
    check_writable(path, ENDINGS)
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib, which is not installed", hint="pip install 'lossctl[plot]'")


def plot(document: Document, path: str) -> None:
    """Draw a document: with several sizes their times, else the ratios. Raises DataError where nothing was timed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in document.rows if row.seconds is not None]
    if not rows:
        raise DataError("nothing was timed, so there is nothing to plot")
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    if len({row.items for row in rows}) > 1:
        _times(figure, rows)
    else:
        _ratios(figure, rows)
    figure.suptitle(heading(rows), fontsize=10, wrap=True)
    figure.text(0.01, 0.0, circumstances(document)[0], fontsize=6, color="#666666", va="bottom")
    out = io.BytesIO()
    figure.savefig(out, format=path.lower().rpartition(".")[2], dpi=160, bbox_inches="tight")
    with replacing(path) as file:
        file.write(out.getvalue())


def _series(rows: Sequence[Row]) -> dict[str, list[tuple[int, float, float, float]]]:
    """Return (items, seconds, low, high) by who computed, and what: in each a loss where there are several."""
    varied = [
        name for name in ("loss", "dtype", "threads", "layout", "result") if len({getattr(r, name) for r in rows}) > 1
    ]
    found: dict[str, dict[int, tuple[int, float, float, float]]] = {}
    for row in rows:
        what = " ".join(f"{getattr(row, name)}" + (" threads" if name == "threads" else "") for name in varied)
        sides = [(OURS, row.seconds, row.low, row.high), (row.rival, row.rival_seconds, row.rival_low, row.rival_high)]
        for who, middle, low, high in sides:
            if middle is not None and low is not None and high is not None:
                # Against several rivals we were timed several times: the first stands for all.
                found.setdefault(f"{who} {what}".strip(), {}).setdefault(row.items, (row.items, middle, low, high))
    return {name: [points[size] for size in sorted(points)] for name, points in found.items()}


def _times(figure: Any, rows: Sequence[Row]) -> None:
    figure.set_size_inches(8, 5)
    axes = figure.add_subplot()
    whose = list(dict.fromkeys(name.partition(" ")[0] for name in _series(rows)))
    drawn: dict[str, int] = {}
    for name, points in _series(rows).items():
        who = name.partition(" ")[0]
        style = ("-", "--", ":", "-.")[drawn.get(who, 0) % 4]
        drawn[who] = drawn.get(who, 0) + 1
        sizes, middles, lows, highs = zip(*points, strict=True)
        colour = COLOURS[whose.index(who) % len(COLOURS)]
        axes.plot(sizes, middles, style, marker="o", markersize=4, color=colour, label=name)
        axes.fill_between(sizes, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="items", ylabel="time of one call")
    axes.yaxis.set_major_formatter(lambda x, _: seconds(x))
    axes.grid(True, which="major", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)


def _ratios(figure: Any, rows: Sequence[Row]) -> None:
    rows = [row for row in rows if row.ratio is not None]
    if not rows:
        raise DataError("one size and no rival: nothing to plot", hint="-L size=1e4,1e6 or -L rival=numpy")
    varied = [
        name
        for name in ("loss", "dtype", "threads", "layout", "result", "rival")
        if len({getattr(r, name) for r in rows}) > 1
    ]
    labels = [" ".join(str(getattr(row, name)) for name in varied or ["loss"]) for row in rows]
    rivals = list(dict.fromkeys(row.rival for row in rows))
    figure.set_size_inches(8, 1.4 + 0.28 * len(rows))
    axes = figure.add_subplot()
    places = range(len(rows))
    middles = [row.ratio or 0.0 for row in rows]
    errors = [
        [middle - (row.ratio_low or middle) for middle, row in zip(middles, rows, strict=True)],
        [(row.ratio_high or middle) - middle for middle, row in zip(middles, rows, strict=True)],
    ]
    colours = [COLOURS[rivals.index(row.rival) % len(COLOURS)] for row in rows]
    axes.barh(places, middles, xerr=errors, color=colours, height=0.7, error_kw={"elinewidth": 1, "ecolor": "#333333"})
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_yticks(places, labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("time of the rival over time of lossctl (above 1 lossctl is faster)")
    axes.grid(True, axis="x", alpha=0.3)
