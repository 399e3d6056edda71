"""How a network comes to rest, or does not: eigenvalues, residuals, the plane of two units."""

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
from sevenconditions.figures.ink import say


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
        f"Spectral radius {radius:.3f}; the residual goes from {say(residuals[0])} to "
        f"{say(residuals[-1])} in {len(residuals) - 1} steps; the run ends as {ends}"
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
        f"{ends}, at a distance of {say(late)} from silence"
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
        f"{len(steps)} images reach residual {say(run.tol)} after {steps[quick]} steps at the "
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
