"""Which signals each weight listens to: locality, seen."""

import numpy as np

from sevenconditions.display import ERROR, ESTIMATE, MUTED, Figure, panel


def locality(maps, *, weights, signals, title, caption):
    """One panel a rule: a dot where a weight's update answers to a signal.

    Parameters
    ----------
    maps : mapping from label to (answers, own)
        Each an ndarray of bool, shape (weights, signals): what answers, and which signals are at
        the weight's own two ends. See `contrast.listens`.
    weights, signals : sequences of str      Names of the rows and columns.
    title, caption : str

    Returns
    -------
    Figure

    Examples
    --------
    >>> own = np.array([[True, False]])
    >>> drawn = locality({"local": (own, own)}, weights=["w"], signals=["pre", "other"],
    ...                  title="Its own end", caption="One weight.")
    >>> drawn.description
    'local: 1 of 1 answers at the own two ends.'
    """
    panels, words = [], []
    for label, (answers, own) in maps.items():
        answers, own = np.asarray(answers, bool), np.asarray(own, bool)
        size = 0.19 * len(signals), 0.19 * len(weights)
        figure, axes = panel(size[0] + 0.7, size[1] + 1.0, left=0.55, top=0.3, bottom=0.7)
        for hits, colour in ((answers & own, ESTIMATE), (answers & ~own, ERROR)):
            row, column = np.nonzero(hits)
            axes.plot(column, row, "s", color=colour, ms=6)
        axes.set(xlim=(-0.6, len(signals) - 0.4), ylim=(len(weights) - 0.4, -0.6), title=label)
        axes.set_xticks(range(len(signals)), signals, rotation=90, fontsize=7)
        axes.set_yticks(range(len(weights)), weights, fontsize=7)
        axes.tick_params(length=0)
        axes.grid(color=MUTED, alpha=0.15)
        panels.append(figure)
        words.append(
            f"{label}: {np.sum(answers & own)} of {answers.sum()} answers at the own two ends"
        )
    return Figure(tuple(panels), title, caption, f"{'; '.join(words)}.")
