"""One thing beside another: estimate and truth, bars by name, a square of numbers."""

import numpy as np

from sevenconditions.display import (
    ESTIMATE,
    INK,
    MUTED,
    Figure,
    label_line,
    log_scale,
    panel,
)
from sevenconditions.figures.ink import colours, say, scales, spread
from sevenconditions.gradient import angle_deg, norm_ratio, relative_error


def square(reach, names):
    """Return (figure, axes): a square panel on which two equal things lie on the diagonal.

    reach : float           Both axes go from -reach to reach.
    names : pair of str     What stands upwards, and across.

    >>> figure, axes = square(2.0, ("response", "adjoint"))
    >>> axes.get_xlabel()
    'adjoint'
    """
    figure, axes = panel(3.6, 3.3, left=0.75)
    axes.plot([-reach, reach], [-reach, reach], "-", color=MUTED, lw=1.0)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel=names[1], ylabel=names[0])
    label_line(axes, 0.55 * reach, 0.55 * reach, "equal", MUTED, offset=(-10, 10), ha="right")
    return figure, axes


def agreement(
    estimate,
    truth,
    *,
    title,
    caption,
    names=("estimate", "true gradient"),
    reach=None,
    inks=None,
):
    """Each dot is one parameter: the local estimate against the true gradient, coloured by layer.

    Parameters
    ----------
    estimate, truth : Gradient
    title, caption : str
    names : pair of str     What the two axes show.
    reach : float or None   Both axes end here, so that dials do not rescale them; dots beyond it
        are drawn at the edge, as triangles. None: as far as the dots go.
    inks : sequence of colours, one a layer, or None for those of a family

    Returns
    -------
    Figure                  Readouts: angle, relative error, norm ratio.

    Examples
    --------
    >>> from sevenconditions import Gradient
    >>> g = Gradient((np.eye(2),), (np.ones(2),))
    >>> agreement(g, g, title="Equal", caption="On the diagonal.").readouts["norm ratio"]
    '1.000'
    """
    a, b = estimate.flat(), truth.flat()
    reach = 1.1 * max(np.abs(a).max(), np.abs(b).max()) if reach is None else reach
    figure, axes = square(reach, names)
    for index, colour in enumerate(inks or spread(len(truth.weights))):
        dots = np.stack([truth.layer(index).flat(), estimate.layer(index).flat()])
        inside = (np.abs(dots) <= reach).all(axis=0)
        axes.plot(*dots[:, inside], "o", color=colour, ms=3.5)
        if not inside.all():
            edge = np.clip(dots[:, ~inside], -0.97 * reach, 0.97 * reach)
            axes.plot(*edge, "^", color=colour, ms=4.5, mfc="none")
        place = {"transform": axes.transAxes, "color": colour, "ha": "right"}
        axes.text(0.98, 0.04 + 0.08 * index, f"layer {index + 1}", **place)
    angle, error = angle_deg(estimate, truth), relative_error(estimate, truth)
    ratio = norm_ratio(estimate, truth)
    readouts = {
        "angle": f"{angle:.2f} degrees" if angle >= 0.01 else "below 0.01 degrees",
        "relative error": say(error),
        "norm ratio": f"{ratio:.3f}",
    }
    words = (
        f"Over {len(a)} parameters the angle is {readouts['angle']}, the relative error "
        f"{say(error)} and the norm ratio {ratio:.3f}"
    )
    beyond = int((np.maximum(np.abs(a), np.abs(b)) > reach).sum())
    if beyond:
        these = "1 dot lies" if beyond == 1 else f"{beyond} dots lie"
        words += f"; {these} beyond the axes, which end at {say(reach)}"
    return Figure(figure, title, caption, f"{words}.", readouts)


def bars(names, series, *, title, caption, ylabel, logy=False, theory=(), width=4.4, readouts=()):
    """Bars side by side, one group a name; what theory says is drawn as a line across its bars.

    Parameters
    ----------
    names : sequence of n str          Under the groups, left to right; at most about eight.
    series : mapping from label to array_like, shape (n,)    NaN leaves a gap.
    title, caption, ylabel : str
    logy : bool
    theory : collection of the labels drawn as lines
    width : float, inches
    readouts : mapping      Label to formatted value.

    Returns
    -------
    Figure

    Examples
    --------
    >>> drawn = bars(["layer 1", "layer 2"], {"angle": [90, 0]}, title="Far from the output",
    ...              caption="Degrees.", ylabel="angle (degrees)")
    >>> drawn.description
    'angle (degrees), angle: layer 1 90, layer 2 0.'
    """
    figure, axes = panel(width, 3.0, top=0.35, bottom=0.75)
    measured = [label for label in series if label not in theory]
    inks, places = colours(series, theory), np.arange(len(names))
    share = 0.8 / max(len(measured), 1)
    for i, label in enumerate(measured):
        left = places - 0.4 + (i + 0.5) * share
        axes.bar(left, np.asarray(series[label], float), 0.92 * share, color=inks[label], zorder=2)
    for label in theory:
        for place, value in zip(places, np.asarray(series[label], float), strict=True):
            axes.plot([place - 0.45, place + 0.45], [value, value], color=inks[label], zorder=3)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set(ylabel=ylabel)
    axes.set_xticks(places, [str(name).replace(" ", "\n") for name in names])
    if logy:
        log_scale(axes, "y")
    _legend_above(axes, inks if len(series) > 1 else {})
    words = "; ".join(
        f"{label}: " + ", ".join(f"{n} {say(v)}" for n, v in zip(names, values, strict=True))
        for label, values in series.items()
    )
    return Figure(figure, title, caption, f"{ylabel}, {words}.", readouts)


def _legend_above(axes, inks):
    """The labels over the axes, each in its colour, spread from left to right."""
    for (label, ink), left in zip(inks.items(), np.linspace(0, 1, len(inks) + 1), strict=False):
        axes.text(left, 1.03, label, transform=axes.transAxes, color=ink, ha="left", va="bottom")


def scatter(
    series,
    *,
    title,
    caption,
    xlabel,
    ylabel,
    diagonal=False,
    explained=True,
    logx=False,
    logy=False,
):
    """A cloud of points for each label, on request with the line where both axes are equal.

    Parameters
    ----------
    series : mapping from label to (x, y), each array_like, shape (n,)
    title, caption, xlabel, ylabel : str
    diagonal : bool        Draw the line y = x.
    explained : bool       With the line, read out the share of variance that it explains.
    logx, logy : bool

    Returns
    -------
    Figure

    Examples
    --------
    >>> drawn = scatter({"nets": ([0.0, 1.0], [0.0, 1.0])}, title="On the line", caption="Two.",
    ...                 xlabel="predicted", ylabel="measured", diagonal=True)
    >>> drawn.description
    'nets: 2 points, predicted from 0 to 1, measured from 0 to 1; largest distance from equal 0.'
    """
    figure, axes = panel(3.9, 3.4, left=0.8)
    readouts, words = {}, []
    inks = colours(series)
    for row, (label, (x, y)) in enumerate(series.items()):
        x, y = np.asarray(x, float), np.asarray(y, float)
        axes.plot(x, y, "o", color=inks[label], ms=3, alpha=0.6, zorder=2)
        if len(series) > 1:
            place = {"transform": axes.transAxes, "color": inks[label]}
            axes.text(0.03, 0.95 - 0.08 * row, label, va="top", **place)
        text = f"{label}: {len(x)} points, {xlabel} from {say(x.min())} to {say(x.max())}, "
        text += f"{ylabel} from {say(y.min())} to {say(y.max())}"
        if diagonal and explained:
            left = np.sum((y - x) ** 2) / np.sum((y - y.mean()) ** 2)
            readouts[f"R2 of {label}"] = f"{1 - left:.3f}"
        if diagonal:
            text += f"; largest distance from equal {say(np.abs(y - x).max())}"
        words.append(text)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    scales(axes, logx, logy)
    if diagonal:
        ends = [min(axes.get_xlim()[0], axes.get_ylim()[0])]
        ends.append(max(axes.get_xlim()[1], axes.get_ylim()[1]))
        axes.plot(ends, ends, "-", color=MUTED, lw=1.0, zorder=1)
        axes.set(xlim=ends, ylim=ends)
    return Figure(figure, title, caption, f"{'; '.join(words)}.", readouts)


def matrix(values, rows, columns, *, title, caption, what, fmt=".2f"):
    """A square of numbers, the larger the darker, each written in its cell.

    Parameters
    ----------
    values : array_like, shape (n, m), not negative; NaN leaves a cell empty
    rows, columns : sequences of n and m str
    title, caption : str
    what : str             What the numbers are, for the description.
    fmt : str              How a number is written.

    Returns
    -------
    Figure

    Examples
    --------
    >>> drawn = matrix([[0.1, 0.4]], ["phases"], ["energy", "nudging"], title="Pairs",
    ...                caption="Darker is larger.", what="interaction")
    >>> drawn.description
    'interaction, from 0.10 (phases, energy) to 0.40 (phases, nudging).'
    """
    values = np.asarray(values, float)
    figure, axes = panel(4.8, 0.9 + 0.36 * len(rows), left=1.0, right=0.5, top=0.75, bottom=0.15)
    axes.grid(False)
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            depth = 0.05 + 0.45 * value / np.nanmax(values)
            axes.barh(i, 0.96, 0.94, left=j - 0.48, color=ESTIMATE, alpha=depth, zorder=1)
            axes.text(j, i, format(value, fmt), ha="center", va="center", zorder=2)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(len(columns)), columns, rotation=35, ha="left")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    low, high = (
        np.unravel_index(find(values), values.shape) for find in (np.nanargmin, np.nanargmax)
    )
    ends = (f"{format(values[at], fmt)} ({rows[at[0]]}, {columns[at[1]]})" for at in (low, high))
    return Figure(figure, title, caption, f"{what}, from {' to '.join(ends)}.")
