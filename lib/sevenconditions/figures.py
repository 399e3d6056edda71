"""One function per kind of figure: it draws data, and says in numbers what it drew.

Each returns a `display.Figure`. The description, which is also the alt text, is computed from the
data, so that it cannot say anything else than the picture shows.
"""

import numpy as np

from sevenconditions import dynamics, spectrum
from sevenconditions.display import (
    ERROR,
    ESTIMATE,
    INK,
    MUTED,
    SEQUENCE,
    TRUE,
    Figure,
    label_line,
    log_scale,
    panel,
    theme,
)

# Blue is what theory says, orange what was measured, purple what breaks; members of a family that
# are alike in kind take the sequence, light to dark.


def _colours(labels, theory=()):
    """Label -> colour: theory blue, a single measurement orange, several the sequence."""
    measured = [label for label in labels if label not in theory]
    family = [ESTIMATE] if len(measured) == 1 else _spread(len(measured))
    return {label: TRUE for label in theory} | dict(zip(measured, family, strict=False))


def _spread(count):
    """So many colours of the sequence, as far apart as they can be."""
    return [SEQUENCE[round(i)] for i in np.linspace(0, len(SEQUENCE) - 1, count)]


def _say(value):
    """A number for a sentence: three digits, or two if it is tiny."""
    return f"{value:.{2 if abs(value) < 1e-4 else 3}g}".replace("e-0", "e-").replace("e+0", "e+")


def curves(
    x, series, *, title, caption, xlabel, ylabel, logx=False, logy=False, theory=(), width=4.0
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
    colours = _colours(series, theory)
    for label, y in series.items():
        y, colour = np.asarray(y, dtype=float), colours[label]
        axes.plot(x, y, "--" if label in theory else "-", color=colour, zorder=3)
        last = np.flatnonzero(np.isfinite(y))[-1]
        ends.append((x[last], y[last], label, colour))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _scales(axes, logx, logy)
    _end_labels(axes, ends)
    words = "; ".join(_course(x, np.asarray(y, float), name, xlabel) for name, y in series.items())
    return Figure(figure, title, caption, f"{words}.")


def _scales(axes, logx, logy):
    if logx:
        log_scale(axes, "x")
    if logy:
        log_scale(axes, "y")


def _end_labels(axes, ends):
    """Labels at the lines' ends, pushed apart until none covers another."""
    axes.autoscale_view()
    height = axes.figure.get_size_inches()[1] * axes.get_position().height * 72
    places = sorted(
        (axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1] * height, i)
        for i, (x, y, _, _) in enumerate(ends)
    )
    wanted, lowest = {}, -np.inf
    for place, i in places:
        wanted[i] = max(place, lowest + 11)
        lowest = wanted[i]
    over = max(0.0, lowest - height)
    for place, i in places:
        x, y, label, colour = ends[i]
        label_line(axes, x, y, label, colour, offset=(5, wanted[i] - over - place))


def _course(x, y, label, xlabel):
    """How one line goes, in words and numbers."""
    known = np.flatnonzero(np.isfinite(y))
    x, y = x[known], y[known]
    first, last = y[0], y[-1]
    verb = "falls" if last < first else "rises" if last > first else "stays"
    path = f"at {_say(first)}" if verb == "stays" else f"from {_say(first)} to {_say(last)}"
    text = f"{label} {verb} {path} as {xlabel} goes from {_say(x[0])} to {_say(x[-1])}"
    for extreme, word in ((np.argmax(y), "peak"), (np.argmin(y), "low")):
        beyond = abs(y[extreme] - first) > 0 and abs(y[extreme] - last) > 0
        if beyond and 0 < extreme < len(y) - 1:
            text += f", with a {word} of {_say(y[extreme])} at {_say(x[extreme])}"
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
    x = np.asarray(x, dtype=float)
    figure, axes = panel(4.2, 3.2, right=1.0)
    ends, slopes = [], {}
    colours = _colours(series)
    for label, y in series.items():
        y, colour = np.asarray(y, dtype=float), colours[label]
        slopes[label], offset = np.polyfit(np.log(x), np.log(y), 1)
        line = np.exp(offset) * x ** slopes[label]
        axes.plot(x, line, "-", color=colour, lw=1.0, zorder=2)
        axes.plot(x, y, "o", color=colour, zorder=3)
        right = np.argmax(x)
        ends.append((x[right], y[right], label, colour))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    _scales(axes, logx=True, logy=True)
    _end_labels(axes, ends)
    words = "; ".join(
        f"{label} goes as {xlabel} to the power {slopes[label]:.2f}, from {_say(y[0])} at "
        f"{_say(x[0])} to {_say(y[-1])} at {_say(x[-1])}"
        for label, y in series.items()
    )
    readouts = {f"slope of {label}": f"{slope:.2f}" for label, slope in slopes.items()}
    return Figure(figure, title, caption, f"{words}.", readouts)


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


def settling_view(net, x, run, at, *, title, caption, steps=60, sample=0, readouts=()):
    """Cause and effect: the eigenvalues of the settling map, and the residual step by step.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    run : Equilibrium       The run whose residuals are drawn.
    at : Equilibrium        The state at which the eigenvalues are taken.
    title, caption : str
    steps : int             How many steps to draw.
    sample : int
    readouts : mapping      Further readouts, label to formatted value.

    Returns
    -------
    Figure                  Readouts: spectral radius, decay per step, steps to 1e-6, how it ended.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 3, 1), rng=np.random.default_rng(0))
    >>> run = sc.settle(net, [1.0, 1.0], dt=1.0)
    >>> drawn = settling_view(net, [1.0, 1.0], run, run, title="Inside", caption="Decay.")
    >>> dict(drawn.readouts)["how it ends"]
    'settled'
    """
    local = dynamics.jacobian(net, dynamics.as_input(net, x)[0], at.potentials)[sample]
    eigenvalues = 1.0 - run.dt * np.linalg.eigvals(local).astype(complex)
    radius = np.abs(eigenvalues).max()
    residuals = run.residuals[: steps + 1, sample]
    left, right = _circle_panel(eigenvalues), _residual_panel(residuals, radius, steps)
    ends = run.verdict.value.replace("_", "-")
    reached = run.steps_to(1e-6)[sample] if run.verdict == "settled" else -1
    rate = run.decay_rate()[sample]
    shown = {
        "spectral radius": f"{radius:.3f}",
        "measured decay": f"{rate:.3f}" if run.verdict in ("settled", "diverged") else "none",
        "steps to 1e-6": f"{reached}" if reached >= 0 else "never",
        "how it ends": ends,
    } | dict(readouts)
    words = (
        f"Spectral radius {radius:.3f}; the residual goes from {_say(residuals[0])} to "
        f"{_say(residuals[-1])} in {len(residuals) - 1} steps; the run ends as {ends}"
    )
    return Figure((left, right), title, caption, f"{words}.", shown)


def _circle_panel(eigenvalues, reach=1.6):
    """The complex plane with the unit circle; outside it a mode grows."""
    figure, axes = panel(3.0, 3.0, left=0.6, bottom=0.55)
    turn = np.linspace(0, 2 * np.pi, 73)
    axes.fill(np.cos(turn), np.sin(turn), color=TRUE, alpha=0.08, lw=0)
    axes.plot(np.cos(turn), np.sin(turn), color=MUTED, lw=1.0)
    shown = eigenvalues.copy()
    shown = np.clip(shown.real, -reach, reach) + 1j * np.clip(shown.imag, -reach, reach)
    inside = np.abs(eigenvalues) < 1
    axes.plot(shown[inside].real, shown[inside].imag, "o", color=TRUE)
    axes.plot(shown[~inside].real, shown[~inside].imag, "D", color=ERROR, ms=6)
    axes.set(
        xlim=(-reach - 0.1, reach + 0.1),
        ylim=(-reach - 0.1, reach + 0.1),
        xlabel="real part",
        ylabel="imaginary part",
        xticks=(-1, 0, 1),
        yticks=(-1, 0, 1),
    )
    label_line(axes, 0.0, -1.0, "|eigenvalue| = 1", MUTED, offset=(0, -9), ha="center")
    return figure


def _residual_panel(residuals, radius, steps):
    """Residual against step, with the line that the radius predicts through the late residuals."""
    figure, axes = panel(3.6, 3.0)
    clock = np.arange(len(residuals))
    with np.errstate(over="ignore", under="ignore"):
        anchor = len(residuals) // 2
        line = residuals[anchor] * radius ** (np.arange(steps + 1.0) - anchor)
    axes.plot(clock, np.maximum(residuals, 1e-16), color=ESTIMATE, zorder=3)
    axes.plot(np.arange(steps + 1), np.clip(line, 1e-16, 1e16), "--", color=TRUE, lw=1.2)
    axes.set(xlim=(0, steps), ylim=(1e-13, 1e7), xlabel="step", ylabel="residual")
    log_scale(axes)
    axes.text(0.97, 0.93, "measured", color=ESTIMATE, transform=axes.transAxes, ha="right")
    axes.text(0.97, 0.83, "radius to the power t", color=TRUE, transform=axes.transAxes, ha="right")
    return figure


def phase_plane(net, x, run, *, title, caption, reach=1.8, sample=0):
    """Two units: the eigenvalues of the settling map at silence, and the path of the potentials.

    The path is drawn by its first 60 states, joined, and its last 40 as dots.

    Parameters
    ----------
    net : Network with one settling layer of two units, at rest at u = 0
    x : array_like, shape (batch, n_0)
    run : Equilibrium recorded with record=True
    title, caption : str
    reach : float           Half the width of the plane drawn.
    sample : int

    Returns
    -------
    Figure                  Readouts: radius at silence, largest stable dt there, how it ends.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.Network(weights=[np.zeros((2, 1))], biases=[[0.0, 0.0]], output="tanh")
    >>> run = sc.settle(net, [0.0], start=(np.ones((1, 2)),), record=True)
    >>> drawn = phase_plane(net, [0.0], run, title="Rest", caption="Two units.")
    >>> dict(drawn.readouts)["how it ends"]
    'settled'
    """
    found = spectrum.eigenvalues(net, np.zeros((1, net.sizes[0])), dynamics.silence(net, 1))
    eigenvalues = 1.0 - run.dt * found[0].astype(complex)
    limit = spectrum.dt_limits(found)[0]
    path = run.trajectory[0][:, sample]
    figure, axes = panel(3.0, 3.0, left=0.6, bottom=0.55)
    first, last = (np.clip(part, -2 * reach, 2 * reach) for part in (path[:60], path[-40:]))
    axes.plot(*first.T, ".-", color=ESTIMATE, lw=0.9, ms=4, zorder=2)
    axes.plot(*last.T, "o", color=ERROR, ms=4, zorder=3)
    axes.plot(*path[0], "s", color=INK, ms=6, zorder=4)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="potential 1", ylabel="potential 2")
    label_line(axes, *path[0], "start", INK, offset=(7, 5))
    label_line(axes, *last[-1], "end", ERROR, offset=(7, -8))
    ends = run.verdict.value.replace("_", "-")
    radius = np.abs(eigenvalues).max()
    late = np.linalg.norm(path[-max(len(path) // 5, 1) :], axis=1).max()
    readouts = {
        "spectral radius": f"{radius:.3f}",
        "largest stable dt": f"{limit:.2f}" if limit > 0 else "none",
        "how it ends": ends,
    }
    words = (
        f"Spectral radius {radius:.3f} at silence; after {run.n_steps} steps the run ends as "
        f"{ends}, at a distance of {_say(late)} from silence"
    )
    return Figure((_circle_panel(eigenvalues), figure), title, caption, f"{words}.", readouts)


def images_settling(images, run, *, title, caption):
    """Residuals of a batch of images, with the quickest and the slowest image beside them.

    Parameters
    ----------
    images : ndarray, shape (batch, height, width)
    run : Equilibrium, settled
    title, caption : str

    Returns
    -------
    Figure                  Readouts: steps of the quickest, the median and the slowest image.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((4, 3), rng=np.random.default_rng(0))
    >>> x = np.eye(4)
    >>> drawn = images_settling(x.reshape(4, 2, 2), sc.settle(net, x), title="Four", caption="All.")
    >>> list(drawn.readouts)
    ['quickest', 'median', 'slowest']
    """
    steps = run.steps_to(run.tol)
    order = np.argsort(steps, kind="stable")
    quick, slow = order[0], order[-1]
    figure, axes = panel(3.9, 3.0, right=0.7)
    axes.plot(run.residuals, color=MUTED, lw=0.5, alpha=0.35)
    for index, colour, label in ((quick, SEQUENCE[0], "quickest"), (slow, ERROR, "slowest")):
        shown = run.residuals[: steps[index] + 1, index]
        axes.plot(shown, color=colour, lw=2)
        label_line(axes, len(shown) - 1, shown[-1], label, colour, offset=(-4, 8), ha="center")
    log_scale(axes)
    axes.set(xlabel="step", ylabel="residual", ylim=(0.2 * run.tol, None))
    pictures = [
        _image_panel(images[i], name) for i, name in ((quick, "quickest"), (slow, "slowest"))
    ]
    readouts = {
        "quickest": f"{steps[quick]} steps",
        "median": f"{np.median(steps):.0f} steps",
        "slowest": f"{steps[slow]} steps",
    }
    words = (
        f"{len(steps)} images reach residual {_say(run.tol)} after {steps[quick]} steps at the "
        f"least, {np.median(steps):.0f} in the middle and {steps[slow]} at the most"
    )
    return Figure((figure, *pictures), title, caption, f"{words}.", readouts)


def _image_panel(image, label):
    figure, axes = panel(1.7, 1.9, left=0.1, right=0.1, top=0.35, bottom=0.1)
    height, width = image.shape
    axes.pcolormesh(np.flipud(image), cmap="gray_r", rasterized=False, edgecolors="none")
    axes.set(xticks=(), yticks=(), title=label, aspect="equal", xlim=(0, width), ylim=(0, height))
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return figure


def three_doors(doors, *, title, caption, cures=None):
    """The unit circle with the places where an eigenvalue leaves it, and what each one looks like.

    Parameters
    ----------
    doors : mapping from label to (eigenvalue, trace), trace an array of one unit's rate by step
    title, caption : str
    cures : mapping from label to (eigenvalue, trace), or None
        Where the eigenvalue is, and what the rate does, once the network is mended.

    Returns
    -------
    Figure

    Examples
    --------
    >>> drawn = three_doors({"swap": (-1.1, [0.0, 1.0, 0.0])}, title="Out", caption="One door.")
    >>> drawn.description
    'swap: eigenvalue -1.10 of modulus 1.10, rate from 0.00 to 1.00, at the end 0.00.'
    """
    values = np.array([complex(value) for value, _ in doors.values()])
    circle = _circle_panel(np.concatenate([values, values.conj()]))
    times, _ = panel(3.9, 3.0)
    times.clear()
    words = []
    for place, (label, (value, trace)) in enumerate(doors.items()):
        side = (-6 if np.real(value) < -0.5 else 0, 12)
        at = np.real(value), np.imag(value)
        label_line(circle.axes[0], *at, label, ERROR, offset=side, ha="center")
        strip = _strip(times, place, len(doors))
        strip.plot(trace, ".-", color=ERROR, lw=1.0, ms=3)
        strip.set_ylabel(label, color=ERROR)
        words.append(f"{label}: {_door_words(value, trace)}")
        if cures:
            value, trace = cures[label]
            arrow = {"arrowstyle": "->", "color": TRUE}
            goal = np.real(value), np.imag(value)
            circle.axes[0].annotate("", goal, at, arrowprops=arrow)
            circle.axes[0].plot(*goal, "o", color=TRUE)
            strip.plot(trace, ".-", color=TRUE, lw=1.0, ms=3)
            words.append(f"{label}, mended: {_door_words(value, trace)}")
    strip.set_xlabel("step")
    return Figure((circle, times), title, caption, f"{'; '.join(words)}.")


def _door_words(value, trace):
    """An eigenvalue and a trace in numbers."""
    shown = f"{complex(value):.2f}" if np.iscomplex(value) else f"{np.real(value):.2f}"
    low, high, end = np.min(trace), np.max(trace), trace[-1]
    return (
        f"eigenvalue {shown} of modulus {abs(value):.2f}, rate from {low:.2f} to {high:.2f}, "
        f"at the end {end:.2f}".replace("-0.00", "0.00")
    )


def _strip(figure, place, count):
    """One of several axes, one above another."""
    height = 0.78 / count
    with theme():
        axes = figure.add_axes((0.2, 0.95 - height * (place + 1), 0.76, 0.8 * height))
    axes.set(ylim=(-1.15, 1.15), yticks=(-1, 0, 1))
    if place < count - 1:
        axes.tick_params(labelbottom=False)
    return axes


def agreement(estimate, truth, *, title, caption, names=("estimate", "true gradient")):
    """Each dot is one parameter: the local estimate against the true gradient, coloured by layer.

    Parameters
    ----------
    estimate, truth : Gradient
    title, caption : str
    names : pair of str     What the two axes show.

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
    from sevenconditions.gradient import angle_deg, norm_ratio, relative_error

    figure, axes = panel(3.6, 3.3, left=0.75)
    a, b = estimate.flat(), truth.flat()
    reach = 1.1 * max(np.abs(a).max(), np.abs(b).max())
    axes.plot([-reach, reach], [-reach, reach], "-", color=MUTED, lw=1.0)
    for index, colour in zip(range(len(truth.weights)), _spread(len(truth.weights)), strict=True):
        dots = truth.layer(index).flat(), estimate.layer(index).flat()
        axes.plot(*dots, "o", color=colour, ms=3.5)
        place = {"transform": axes.transAxes, "color": colour, "ha": "right"}
        axes.text(0.98, 0.04 + 0.08 * index, f"layer {index + 1}", **place)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel=names[1], ylabel=names[0])
    label_line(axes, 0.55 * reach, 0.55 * reach, "equal", MUTED, offset=(-10, 10), ha="right")
    angle, error = angle_deg(estimate, truth), relative_error(estimate, truth)
    ratio = norm_ratio(estimate, truth)
    readouts = {
        "angle": f"{angle:.2f} degrees" if angle >= 0.01 else "below 0.01 degrees",
        "relative error": _say(error),
        "norm ratio": f"{ratio:.3f}",
    }
    words = (
        f"Over {len(a)} parameters the angle is {readouts['angle']}, the relative error "
        f"{_say(error)} and the norm ratio {ratio:.3f}"
    )
    return Figure(figure, title, caption, f"{words}.", readouts)
