"""How broken conditions pile up: one step of a staircase for each."""

import numpy as np

from sevenconditions.display import ERROR, ESTIMATE, INK, MUTED, TRUE, Figure, panel
from sevenconditions.figures.ink import say


def waterfall(names, levels, *, title, caption, ylabel, predicted=None):
    """A staircase: each bar hangs between the level before its name and the level after it.

    Parameters
    ----------
    names : sequence of n str       In the order in which they come.
    levels : array_like, shape (n + 1,)     The level before the first, then after each.
    title, caption, ylabel : str
    predicted : float or None       What theory says of the last level.

    Returns
    -------
    Figure                          Readouts: the last level, and what was predicted.

    Examples
    --------
    >>> drawn = waterfall(["energy", "phases"], [0, 30, 20], title="Up and down",
    ...                   caption="Degrees.", ylabel="angle")
    >>> drawn.description
    'angle, from 0: energy +30, phases -10; at the end 20.'
    """
    levels = np.asarray(levels, float)
    if levels.shape != (len(names) + 1,):
        raise ValueError(
            f"levels: got shape {levels.shape}, expected one more than the {len(names)} names"
        )
    moves, rows = np.diff(levels), np.arange(len(names))
    figure, axes = panel(4.0, 0.75 + 0.3 * (len(names) + 1), left=1.05)
    inks = [ERROR if move >= 0 else MUTED for move in moves]
    axes.barh(rows, moves, 0.7, left=levels[:-1], color=inks, zorder=2)
    axes.barh(len(names), levels[-1], 0.7, color=ESTIMATE, zorder=2)
    for level, row in zip(levels[1:], rows, strict=True):
        axes.plot([level, level], [row - 0.35, row + 1.35], color=INK, lw=0.7, zorder=3)
    if predicted is not None:
        axes.plot([predicted] * 2, [len(names) - 0.45, len(names) + 0.45], color=TRUE, lw=2.5)
    top = max(90.0, levels.max())
    axes.set(xlim=(0, top), ylim=(len(names) + 0.6, -0.6), xlabel=ylabel)
    axes.set_yticks([*rows, len(names)], [*names, "together"])
    words = ", ".join(
        f"{n} {'+' if m >= 0 else '-'}{say(abs(m))}" for n, m in zip(names, moves, strict=True)
    )
    readouts = {"together": say(levels[-1])}
    if predicted is not None:
        readouts["predicted"] = say(predicted)
    ending = "" if predicted is None else f", predicted {say(predicted)}"
    text = f"{ylabel}, from {say(levels[0])}: {words}; at the end {say(levels[-1])}{ending}."
    return Figure(figure, title, caption, text, readouts)
