"""Pictures of the answers, for people. Only who wants one needs matplotlib."""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["bars", "figure"]

_OURS, _THEIRS = "tab:blue", "0.7"


@contextmanager
def figure(folder: pathlib.Path, name: str, columns: int = 1, height: float = 4.5) -> Generator[Any, None, None]:
    """Hand out the axes of a new picture, or several side by side; save it as *name* in *folder* on leaving."""
    import matplotlib as mpl  # noqa: PLC0415 - see above

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - see above

    drawn, axes = plt.subplots(1, columns, figsize=(9 if columns == 1 else 5.5 * columns, height))
    yield axes
    drawn.tight_layout()
    drawn.savefig(folder / f"{name}.png", dpi=120)
    plt.close(drawn)


def bars(folder: pathlib.Path, name: str, title: str, unit: str, values: Mapping[str, Sequence[float]]) -> None:
    """Draw one bar for each of *values*: the median, with a line from the lowest round to the highest; ours is the first."""
    names = list(values)
    medians = [statistics.median(values[each]) for each in names]
    low = [middle - min(values[each]) for each, middle in zip(names, medians, strict=True)]
    high = [max(values[each]) - middle for each, middle in zip(names, medians, strict=True)]
    with figure(folder, name, height=1.5 + 0.45 * len(names)) as axes:
        colours = [_OURS] + [_THEIRS] * (len(names) - 1)
        drawn = axes.barh(names, medians, xerr=(low, high), color=colours, ecolor="0.3", capsize=3)
        axes.bar_label(drawn, labels=[f" {value:,.0f}" for value in medians], label_type="edge", padding=6)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.15 * max(max(each) for each in values.values()))
        axes.set_xlabel(unit)
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
