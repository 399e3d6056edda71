"""Pushes answered both ways, and the landscape that two units walk in."""

import numpy as np

from sevenconditions import dynamics
from sevenconditions.display import ERROR, ESTIMATE, INK, TRUE, Figure, panel
from sevenconditions.figures.beside import agreement, square
from sevenconditions.figures.ink import say


def both_ways(answers, *, reach, title, caption):
    """Each dot is a pair of units: what j answers to a push on i, against what i answers on j.

    Parameters
    ----------
    answers : array_like, shape (n, n)      Row i: what all units answer to a push on unit i.
    reach : float           Half the width of the square drawn: one for all positions of a dial.
    title, caption : str

    Returns
    -------
    Figure                  Readouts: largest difference, asymmetry.

    Examples
    --------
    >>> both_ways([[1, 4], [2, 1]], reach=5, title="Two", caption="One.").readouts["asymmetry"]
    '0.316'
    """
    answers = np.asarray(answers, float)
    pairs = np.triu_indices(len(answers), 1)
    there, back = answers[pairs], answers.T[pairs]
    figure, axes = square(reach, ("i answers a push on j", "j answers a push on i"))
    axes.plot(there, back, "o", color=ESTIMATE, ms=3.5, alpha=0.6)
    gap = np.abs(there - back).max()
    odd = np.linalg.norm(answers - answers.T) / np.linalg.norm(answers + answers.T)
    shown = {
        "largest difference": f"{gap:.3f}" if gap >= 1e-3 else "below 0.001",
        "asymmetry": f"{odd:.3f}" if odd >= 1e-3 else "below 0.001",
    }
    words = f"The two answers of {len(there)} pairs of units: largest difference "
    words += f"{shown['largest difference']}, asymmetry {shown['asymmetry']}, largest answer "
    words += f"{say(np.abs([there, back]).max())}."
    return Figure(figure, title, caption, words, shown)


def response_view(response, adjoint, estimate, truth, *, title, caption, readouts=()):
    """Cause and effect: response against adjoint, unit by unit; update against gradient.

    Parameters
    ----------
    response, adjoint : array_like, shape (n,)
    estimate, truth : Gradient
    title, caption : str
    readouts : mapping      Further readouts, label to formatted value, shown first.

    Returns
    -------
    Figure                  Readouts: those given, then angle, relative error, norm ratio.

    Examples
    --------
    >>> from sevenconditions import Gradient
    >>> g = Gradient((np.eye(2),), (np.ones(2),))
    >>> response_view([1.0], [1.0], g, g, title="Equal", caption="One.").readouts["norm ratio"]
    '1.000'
    """
    response, adjoint = np.ravel(response), np.ravel(adjoint)
    right = agreement(estimate, truth, title=title, caption=caption, names=("update", "gradient"))
    reach = 1.1 * max(np.abs(response).max(), np.abs(adjoint).max())
    figure, axes = square(reach, ("response", "adjoint"))
    axes.plot(adjoint, response, "o", color=ESTIMATE, ms=3.5, alpha=0.6)
    apart = np.linalg.norm(response - adjoint) / np.linalg.norm(adjoint)
    said = say(apart) if apart > 1e-6 else "below 1e-6"
    words = f"The response of {len(adjoint)} units differs from the adjoint by {said} of its length"
    shown = dict(readouts) | {"response error": said} | dict(right.readouts)
    return Figure((figure, *right.panels), title, caption, f"{words}. {right.description}", shown)


def landscape(net, x, run, *, title, caption, reach=0.999, sample=0):
    """Two units: their path over the heights of the symmetric part, and the height step by step.

    The height is the energy of the same units with the symmetric part of their lateral matrix.

    Parameters
    ----------
    net : Network with one settling layer of two units and no cancellation
    x : array_like, shape (batch, n_0)
    run : Equilibrium recorded with record=True
    title, caption : str
    reach : float           Half the width of the square of rates drawn.
    sample : int

    Returns
    -------
    Figure                  Readouts: largest rise, height at the end, how it ends.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> from sevenconditions.examples import rotor
    >>> pair = rotor(0.5, rotation=0.0)
    >>> run = sc.settle(pair, [0.0], start=([[1.0, 0.5]],), record=True)
    >>> landscape(pair, [0.0], run, title="Down", caption="Two.").readouts["largest rise"]
    'none'
    """
    drive = dynamics.drives(net, *_one(net, x, run, sample))[0][0]
    lateral = net.lateral[1] if net.lateral[1] is not None else np.zeros((2, 2))

    def height(u):
        v, phi = net.phis[0](u), net.phis[0]
        stored = (u * v - phi.conjugate(u)).sum(axis=-1)
        return stored - v @ drive - 0.5 * np.einsum("...i,ij,...j->...", v, lateral, v)

    path = run.trajectory[0][:, sample]
    rates, heights = net.phis[0](path), height(path)
    left, axes = panel(3.3, 3.3, left=0.8)
    grid = np.linspace(-reach, reach, 61)
    inner = np.arctanh(grid) if net.phis[0].name == "tanh" else grid
    mesh = np.stack(np.meshgrid(inner, inner), axis=-1)
    ground = height(mesh)
    axes.contour(grid, grid, ground, levels=9, colors=[TRUE], linewidths=0.7, alpha=0.6)
    places = {"valley": _lowest(ground), "hill": _lowest(-ground)}
    for name, found in places.items():
        for row, column in found:
            axes.text(*(0.8 * grid[column], 0.78 * grid[row] - 0.1), name, color=TRUE, ha="center")
    axes.plot(*rates.T, color=ESTIMATE, lw=1.5)
    axes.plot(*rates[0], "s", color=INK, ms=6)
    axes.plot(*rates[-1], "o", color=ERROR, ms=6)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="rate 1", ylabel="rate 2")
    right, axes = panel(3.3, 3.3, left=0.8)
    axes.plot(np.arange(len(heights)) * run.dt, heights, color=ESTIMATE)
    axes.set(xlabel="time (tau)", ylabel="height")
    rise = np.diff(heights).max()
    ends = run.verdict.value.replace("_", "-")
    shown = {
        "largest rise": say(rise) if rise > 1e-6 else "none",
        "height at the end": f"{heights[-1]:.3f}",
        "how it ends": ends,
    }
    words = (
        f"The height goes from {heights[0]:.3f} to {heights[-1]:.3f}; the largest rise in a step"
    )
    words += f" is {shown['largest rise']}; the run ends as {ends}. "
    words += f"Valleys: {len(places['valley'])}, hills: {len(places['hill'])}."
    return Figure((left, right), title, caption, words, shown)


def _lowest(heights):
    """Row and column of each point that lies lower than its eight neighbours."""
    inner = heights[1:-1, 1:-1]
    steps = [(i, j) for i in (0, 1, 2) for j in (0, 1, 2) if (i, j) != (1, 1)]
    n, m = inner.shape
    lower = np.all([inner < heights[i : i + n, j : j + m] for i, j in steps], axis=0)
    return [(int(row) + 1, int(column) + 1) for row, column in np.argwhere(lower)]


def _one(net, x, run, sample):
    """The input and the rates of one sample."""
    x = dynamics.as_input(net, x)[0]
    return x[sample : sample + 1], tuple(v[sample : sample + 1] for v in run.rates)
