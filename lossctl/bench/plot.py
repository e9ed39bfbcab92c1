"""Pictures: time against size, or ratios as bars. Needs matplotlib."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from typing import Any

from lossctl.bench.formats import circumstances, heading, labels, seconds
from lossctl.bench.record import Document, Row
from lossctl.data.output import check_writable, replacing
from lossctl.errors import DataError, UsageError

ENDINGS = (".png", ".svg")
OURS = "lossctl"
COLOURS = ("#1b6ca8", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#2e4057", "#a3a3a3", "#00798c")
STYLES = ("-", "--", ":", "-.")


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
    if any(len(points) > 1 for points in _series(rows).values()):
        _times(figure, rows)
    else:
        _ratios(figure, rows)
    figure.suptitle(heading(rows), fontsize=10, wrap=True)
    figure.text(0.01, 0.0, circumstances(document)[0], fontsize=6, color="#666666", va="bottom")
    out = io.BytesIO()
    figure.savefig(out, format=path.lower().rpartition(".")[2], dpi=160, bbox_inches="tight")
    with replacing(path) as file:
        file.write(out.getvalue())


def _series(rows: Sequence[Row]) -> dict[tuple[str, str], list[tuple[int, float, float, float]]]:
    """Return (items, seconds, low, high) by who computed, and what."""
    found: dict[tuple[str, str], dict[int, tuple[int, float, float, float]]] = {}
    for what, row in zip(labels(rows, without=("items", "rival")), rows, strict=True):
        sides = [(OURS, row.seconds, row.low, row.high), (row.rival, row.rival_seconds, row.rival_low, row.rival_high)]
        for who, middle, low, high in sides:
            if middle is not None and low is not None and high is not None:
                # Against several rivals we were timed several times: the first stands for all.
                found.setdefault((who, what), {}).setdefault(row.items, (row.items, middle, low, high))
    return {key: [points[size] for size in sorted(points)] for key, points in found.items()}


def _times(figure: Any, rows: Sequence[Row]) -> None:
    figure.set_size_inches(8, 5)
    axes = figure.add_subplot()
    series = _series(rows)
    whose, what = (list(dict.fromkeys(key[i] for key in series)) for i in range(2))
    for (who, loss), points in series.items():
        sizes, middles, lows, highs = zip(*points, strict=True)
        colour = COLOURS[whose.index(who) % len(COLOURS)]
        style = STYLES[what.index(loss) % len(STYLES)]
        axes.plot(sizes, middles, style, marker="o", markersize=4, color=colour, label=f"{who} {loss}")
        axes.fill_between(sizes, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="items", ylabel="time of one call")
    axes.yaxis.set_major_formatter(lambda x, _: seconds(x))
    axes.grid(True, which="major", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)


def _ratios(figure: Any, rows: Sequence[Row]) -> None:
    rows = [row for row in rows if row.ratio is not None]
    if not rows:
        raise DataError("one size and no rival: nothing to plot", hint="-L size=1e4,1e6 or -L rival=numpy")
    rivals = list(dict.fromkeys(row.rival for row in rows))
    figure.set_size_inches(8, 1.2 + 0.24 * len(rows))
    axes = figure.add_subplot()
    middles = [row.ratio or 0.0 for row in rows]
    errors = [
        [middle - (row.ratio_low or middle) for middle, row in zip(middles, rows, strict=True)],
        [(row.ratio_high or middle) - middle for middle, row in zip(middles, rows, strict=True)],
    ]
    axes.set_xscale("log")
    # Bars begin at 1, where both take the same time: to the right lossctl is faster, to the left the rival.
    axes.barh(
        range(len(rows)),
        [middle - 1 for middle in middles],
        left=1,
        height=0.7,
        color=[COLOURS[(1 + rivals.index(row.rival)) % len(COLOURS)] for row in rows],
    )
    axes.errorbar(middles, range(len(rows)), xerr=errors, fmt="none", elinewidth=1, ecolor="#333333")
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_yticks(range(len(rows)), labels(rows), fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_xlabel("time of the rival over time of lossctl (above 1 lossctl is faster)")
    axes.grid(True, axis="x", alpha=0.3)
