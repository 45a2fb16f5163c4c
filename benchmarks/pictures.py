"""Pictures of the results. Only they need matplotlib."""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["bars", "figure"]

_OURS, _THEIRS = "tab:blue", "0.7"


@contextmanager
def figure(path: pathlib.Path, columns: int = 1, height: float = 4.5) -> Generator[Any, None, None]:
    """Return the axes of a new picture, or several side by side; save it as *path* on leaving."""
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - see above

    drawn, axes = plt.subplots(1, columns, figsize=(11 if columns == 1 else 5.5 * columns, height))
    try:
        yield axes
        drawn.tight_layout()
        drawn.savefig(path, dpi=120)
    finally:
        plt.close(drawn)


def bars(path: pathlib.Path, title: str, unit: str, values: Mapping[str, Sequence[float]]) -> None:
    """Draw one bar for each of *values*: the median, with a line from the lowest round to the highest.

    Bars whose name begins with ours are in colour.
    """
    names = list(values)
    medians = [statistics.median(values[each]) for each in names]
    low = [middle - min(values[each]) for each, middle in zip(names, medians, strict=True)]
    high = [max(values[each]) - middle for each, middle in zip(names, medians, strict=True)]
    with figure(path, height=1.5 + 0.5 * len(names)) as axes:
        colours = [_OURS if name.startswith("cometconn") else _THEIRS for name in names]
        drawn = axes.barh(names, medians, xerr=(low, high), color=colours, ecolor="0.3", capsize=3)
        axes.bar_label(drawn, labels=[f" {value:,.0f}" for value in medians], label_type="edge", padding=6)
        axes.invert_yaxis()
        axes.tick_params(axis="y", labelsize=8)
        axes.set_xlim(0, 1.15 * max(max(each) for each in values.values()))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel(unit)
        axes.set_title(title, loc="right")
        axes.spines[["top", "right"]].set_visible(False)
