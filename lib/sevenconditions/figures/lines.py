"""Lines over an axis, straight lines on two logarithmic axes, rates over time."""

import numpy as np

from sevenconditions.display import ERROR, ESTIMATE, TRUE, Figure, panel
from sevenconditions.figures.ink import colours, end_labels, say, scales


def curves(
    x,
    series,
    *,
    title,
    caption,
    xlabel,
    ylabel,
    logx=False,
    logy=False,
    theory=(),
    width=4.0,
    readouts=(),
):
    """Lines over a common axis, each labelled at its end.

    Parameters
    ----------
    x : array_like, shape (n,)
    series : mapping from label to array_like, shape (n,); NaN leaves a gap
    title, caption, xlabel, ylabel : str
    logx, logy : bool
    theory : collection of the labels drawn dashed, as predictions
    width : float, inches
    readouts : mapping      Label to formatted value.

    Returns
    -------
    Figure

    Examples
    --------
    >>> drawn = curves([0, 1], {"error": [1.0, 0.5]}, title="It halves", caption="One step.",
    ...                xlabel="step", ylabel="error")
    >>> drawn.description
    'error falls from 1 to 0.5 as step goes from 0 to 1.'
    """
    x = np.asarray(x, dtype=float)
    figure, axes = panel(width, 3.0, right=0.9)
    ends = []
    inks = colours(series, theory)
    for label, y in series.items():
        y, colour = np.asarray(y, dtype=float), inks[label]
        axes.plot(x, y, "--" if label in theory else "-", color=colour, zorder=3)
        last = np.flatnonzero(np.isfinite(y))[-1]
        ends.append((x[last], y[last], label, colour))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    scales(axes, logx, logy)
    end_labels(axes, ends)
    words = "; ".join(_course(x, np.asarray(y, float), name, xlabel) for name, y in series.items())
    return Figure(figure, title, caption, f"{words}.", readouts)


def _course(x, y, label, xlabel):
    """How one line goes, in words and numbers."""
    known = np.flatnonzero(np.isfinite(y))
    x, y = x[known], y[known]
    first, last = y[0], y[-1]
    verb = "falls" if last < first else "rises" if last > first else "stays"
    path = f"at {say(first)}" if verb == "stays" else f"from {say(first)} to {say(last)}"
    text = f"{label} {verb} {path} as {xlabel} goes from {say(x[0])} to {say(x[-1])}"
    for extreme, word in ((np.argmax(y), "peak"), (np.argmin(y), "low")):
        beyond = abs(y[extreme] - first) > 0 and abs(y[extreme] - last) > 0
        if beyond and 0 < extreme < len(y) - 1:
            text += f", with a {word} of {say(y[extreme])} at {say(x[extreme])}"
    return text


def power_laws(x, series, *, title, caption, xlabel, ylabel):
    """Points on two logarithmic axes, each family with its fitted straight line and slope.

    Parameters
    ----------
    x : array_like, shape (n,), positive
    series : mapping from label to array_like, shape (n,), positive
    title, caption, xlabel, ylabel : str

    Returns
    -------
    Figure                  Its readouts hold the fitted slopes.

    Examples
    --------
    >>> drawn = power_laws([1, 2, 4], {"area": [1, 4, 16]}, title="A square", caption="Exact.",
    ...                    xlabel="side", ylabel="area")
    >>> dict(drawn.readouts)
    {'slope of area': '2.00'}
    """
    families = {label: (x, y) for label, y in series.items()}
    return fan(families, title=title, caption=caption, xlabel=xlabel, ylabel=ylabel)


def fan(series, *, title, caption, xlabel, ylabel, lines=None):
    """Points on two logarithmic axes, each family over its own range, with its fitted slope.

    Parameters
    ----------
    series : mapping from label to (x, y), each array_like, shape (n,), positive
    title, caption, xlabel, ylabel : str
    lines : mapping from label to (x, y), positive      Predictions, drawn dashed.

    Returns
    -------
    Figure                  Its readouts hold the fitted slopes.

    Examples
    --------
    >>> drawn = fan({"area": ([1, 2, 4], [1, 4, 16])}, title="A square", caption="Exact.",
    ...             xlabel="side", ylabel="area")
    >>> dict(drawn.readouts)
    {'slope of area': '2.00'}
    """
    figure, axes = panel(4.2, 3.4, right=1.0)
    ends, slopes, words = [], {}, []
    inks = colours(series)
    for label, (x, y) in series.items():
        x, y, colour = np.asarray(x, float), np.asarray(y, float), inks[label]
        slopes[label], offset = np.polyfit(np.log(x), np.log(y), 1)
        axes.plot(x, np.exp(offset) * x ** slopes[label], "-", color=colour, lw=1.0, zorder=2)
        axes.plot(x, y, "o", color=colour, zorder=3)
        ends.append((x[np.argmax(x)], y[np.argmax(x)], label, colour))
        words.append(
            f"{label} goes as {xlabel} to the power {slopes[label]:.2f}, from {say(y[0])} at "
            f"{say(x[0])} to {say(y[-1])} at {say(x[-1])}"
        )
    for label, (x, y) in (lines or {}).items():
        axes.plot(x, y, "--", color=TRUE, lw=1.2, zorder=1)
        ends.append((x[-1], y[-1], label, TRUE))
        words.append(f"{label}, predicted: from {say(y[0])} to {say(y[-1])}")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    scales(axes, logx=True, logy=True)
    end_labels(axes, ends)
    readouts = {f"slope of {label}": f"{slope:.2f}" for label, slope in slopes.items()}
    return Figure(figure, title, caption, f"{'; '.join(words)}.", readouts)


def traces(runs, *, layer, title, caption, units=6, sample=0, time=None):
    """The rates of a few units over time, one panel a run, on a common scale.

    Parameters
    ----------
    runs : mapping from label to (Network, Equilibrium recorded with record=True)
    layer : int             Which settling layer, 0 for the first.
    title, caption : str
    units : int             How many units to draw.
    sample : int
    time : float or None    How much of the run to draw, in units of tau; None for all.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 3, 1), rng=np.random.default_rng(0))
    >>> rest = sc.settle(net, [1.0, 1.0], record=True)
    >>> drawn = traces({"calm": (net, rest)}, layer=0, title="Rest", caption="Three units.")
    >>> drawn.description
    'calm: in the last fifth of 36 tau the rates move by less than 0.1.'
    """
    panels, words = [], []
    for (label, (net, run)), colour in zip(runs.items(), (ESTIMATE, ERROR), strict=False):
        rates = net.phis[layer](run.trajectory[layer][:, sample, :units])
        clock = run.dt * np.arange(len(rates))
        if time is not None:
            rates, clock = rates[clock <= time], clock[clock <= time]
        figure, axes = panel(3.4, 2.6, top=0.35)
        axes.plot(clock, rates, color=colour, lw=1.2)
        axes.set(xlabel="time / tau", ylabel="rate", title=label)
        panels.append(figure)
        late = rates[-max(len(rates) // 5, 2) :]
        swing = np.ptp(late, axis=0).max()
        still = f"by up to {swing:.1f}" if swing >= 0.05 else "by less than 0.1"
        words.append(f"{label}: in the last fifth of {clock[-1]:.0f} tau the rates move {still}")
    low = min(p.axes[0].get_ylim()[0] for p in panels)
    high = max(p.axes[0].get_ylim()[1] for p in panels)
    for each in panels:
        each.axes[0].set_ylim(low, high)
    return Figure(tuple(panels), title, caption, f"{'; '.join(words)}.")
