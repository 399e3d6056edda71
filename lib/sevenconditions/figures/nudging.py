"""Nudges and what they leave: walls of noise, circles in the complex plane."""

import numpy as np

from sevenconditions.display import ERROR, ESTIMATE, INK, MUTED, TRUE, Figure, label_line, panel
from sevenconditions.figures.beside import agreement
from sevenconditions.figures.ink import colours, end_labels, say, scales
from sevenconditions.gradient import relative_error


def wall(betas, errors, predicted, best, *, title, caption, ylabel="relative error"):
    """Error over the nudge: measured dots, predicted lines, and the predicted best nudges.

    Parameters
    ----------
    betas : array_like, shape (n,), positive
    errors : mapping from label to array_like, shape (n,), positive
    predicted : mapping from the same labels to array_like, shape (n,); NaN leaves a gap
    best : mapping from the same labels to (beta, error)
    title, caption, ylabel : str

    Returns
    -------
    Figure                  Readouts: best nudge of each label, predicted and on the grid.

    Examples
    --------
    >>> b = np.array([0.01, 0.1, 1.0])
    >>> drawn = wall(b, {"one": b + 0.01 / b}, {"one": b + 0.01 / b}, {"one": (0.1, 0.2)},
    ...              title="A valley", caption="Exact.")
    >>> dict(drawn.readouts)
    {'best for one': '0.1, measured 0.1'}
    """
    betas = np.asarray(betas, float)
    figure, axes = panel(4.2, 3.4, right=1.0)
    ends, readouts, words = [], {}, []
    inks = colours(errors)
    for label, y in errors.items():
        y = np.asarray(y, float)
        axes.plot(betas, predicted[label], "--", color=TRUE, lw=1.2, zorder=1)
        axes.plot(betas, y, "o", color=inks[label], ms=4, zorder=2)
        axes.plot(*best[label], "D", color=TRUE, ms=7, zorder=3)
        ends.append((betas[-1], y[-1], label, inks[label]))
        low = np.argmin(y)
        readouts[f"best for {label}"] = f"{best[label][0]:.2g}, measured {betas[low]:.2g}"
        words.append(
            f"{label}: error {say(y[0])} at beta {say(betas[0])}, {say(y[low])} at "
            f"{say(betas[low])}, {say(y[-1])} at {say(betas[-1])}; predicted best beta "
            f"{say(best[label][0])} with error {say(best[label][1])}"
        )
    axes.set(xlabel="beta", ylabel=ylabel)
    scales(axes, logx=True, logy=True)
    end_labels(axes, ends)
    return Figure(figure, title, caption, f"{'; '.join(words)}.", readouts)


def nudge_view(estimate, truth, betas, errors, at, best, *, title, caption):
    """Cause and effect: the nudge on a curve of errors by layer, and estimate against truth.

    Parameters
    ----------
    estimate, truth : Gradient
    betas : array_like, shape (n,)          Of the curve.
    errors : array_like, shape (n, layers)  Relative error of each layer at these nudges.
    at : float                              The nudge of the estimate.
    best : float                            The predicted best nudge.
    title, caption : str

    Returns
    -------
    Figure                  Readouts: angle, relative error, norm ratio, error by layer.

    Examples
    --------
    >>> from sevenconditions import Gradient
    >>> g = Gradient((np.eye(2),), (np.ones(2),))
    >>> drawn = nudge_view(g, g, [0.1, 1.0], [[0.1], [1.0]], 0.1, 0.1, title="Equal",
    ...                    caption="All.")
    >>> drawn.readouts["relative error"]
    '0'
    """
    inks, ends = _layer_inks(len(truth.weights)), []
    dots = agreement(estimate, truth, title=title, caption=caption, inks=inks)
    betas, errors = np.asarray(betas, float), np.asarray(errors, float)
    figure, axes = panel(3.6, 3.3, right=0.7)
    for index, colour in enumerate(inks):
        mark = "os^"[index % 3] + "-"
        axes.plot(betas, errors[:, index], mark, color=colour, lw=1.2, ms=3.5)
        ends.append((betas[-1], errors[-1, index], f"layer {index + 1}", colour))
    scales(axes, logx=True, logy=True)
    axes.set(xlabel="beta", ylabel="relative error", ylim=(1e-6, 30))
    axes.axvline(at, color=INK, lw=1.2, zorder=1)
    axes.axvline(best, color=TRUE, lw=1.2, ls="--", zorder=1)
    axes.text(best, 1.6e-6, " best", color=TRUE, ha="left", va="bottom")
    end_labels(axes, ends)
    layers = [relative_error(estimate.layer(i), truth.layer(i)) for i in range(len(truth.weights))]
    readouts = dict(dots.readouts) | {"error by layer": ", ".join(f"{e:.2g}" for e in layers)}
    words = f"beta {say(at)}, predicted best {say(best)}. {dots.description}"
    return Figure((figure, *dots.panels), title, caption, words, readouts)


def _layer_inks(count):
    """Colours of layers that no scheme wears: schemes take the sequence in the other figures."""
    return [(ESTIMATE, MUTED, INK)[i % 3] for i in range(count)]


def circle_view(beta, points, radius, counts, errors, *, title, caption, reach=0.75):
    """Nudges on a circle against the disc of convergence, and the error by number of points.

    Parameters
    ----------
    beta : float            Radius of the circle of nudges.
    points : int            How many nudges; one of `counts`.
    radius : float          Radius of convergence.
    counts : sequence of int
    errors : array_like, shape (len(counts),)       Relative error at this beta.
    title, caption : str
    reach : float           Half the width of the plane drawn.

    Returns
    -------
    Figure                  Readouts: beta over the radius, relative error, gain from doubling.

    Examples
    --------
    >>> drawn = circle_view(0.1, 4, 0.5, [2, 4], [0.04, 0.0016], title="Inside", caption="Small.")
    >>> drawn.readouts["beta / r"]
    '0.20'
    """
    counts, errors = np.asarray(counts), np.asarray(errors, float)
    plane, axes = panel(3.1, 3.1, left=0.65)
    turn = np.exp(2j * np.pi * np.linspace(0, 1, 73))
    axes.fill(radius * turn.real, radius * turn.imag, color=TRUE, alpha=0.1, lw=0)
    axes.plot(radius * turn.real, radius * turn.imag, "--", color=TRUE, lw=1.2)
    inside = beta < radius
    ink = ESTIMATE if inside else ERROR
    axes.plot(beta * turn.real, beta * turn.imag, "-", color=MUTED, lw=0.8)
    nudges = beta * np.exp(2j * np.pi * np.arange(points) / points)
    axes.plot(nudges.real, nudges.imag, "o" if inside else "D", color=ink, ms=6, zorder=3)
    axes.plot(0, 0, "+", color=INK, ms=8)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="real beta", ylabel="imaginary")
    axes.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
    label_line(axes, 0.0, -radius, "r", TRUE, offset=(0, -8), ha="center")
    graph, axes = panel(3.5, 3.1)
    here = list(counts).index(points)
    line = errors[0] * (beta / radius) ** (counts - counts[0])
    axes.plot(counts, np.clip(line, 1e-16, 1e2), "--", color=TRUE, lw=1.2)
    axes.plot(counts, errors, "o-", color=ink, lw=1.0)
    axes.plot(points, errors[here], "s", color=INK, ms=9, zorder=1)
    scales(axes, logx=False, logy=True)
    axes.set(xlabel="points N", ylabel="relative error", ylim=(1e-16, 1e2), xticks=counts)
    place = {"transform": axes.transAxes, "ha": "left"}
    axes.text(0.04, 0.06, "measured", color=ink, **place)
    axes.text(0.04, 0.15, "(beta / r) to the power N", color=TRUE, **place)
    readouts = {
        "beta / r": f"{beta / radius:.2f}",
        "relative error": say(errors[here]) if errors[here] > 1e-12 else "below 1e-12",
        "error of N = 2": say(errors[0]),
    }
    words = (
        f"{points} nudges at {say(beta)}, {'inside' if inside else 'outside'} the radius "
        f"{say(radius)}; relative error {readouts['relative error']}, with {counts[0]} points "
        f"{say(errors[0])}"
    )
    return Figure((plane, graph), title, caption, f"{words}.", readouts)
