"""Figures of the page on brains: two compartments in time, a column drawn, evidence on a grid."""

import numpy as np

from sevenconditions import dynamics
from sevenconditions.display import ERROR, ESTIMATE, INK, MUTED, TRUE, Figure, panel, theme

KINDS = ("anatomy", "in vitro", "in vivo, seen", "in vivo, perturbed")

# The drawn column. Labels: (words, place, colour, alignment); arrows: (from, to, head, colour).
_LABELS = (
    ("layer above", (0.40, 0.95), INK, "center"),
    ("forward W v", (0.25, 0.62), TRUE, "right"),
    ("feedback B q", (0.52, 0.85), ESTIMATE, "left"),
    ("apical drive h", (0.53, 0.57), ESTIMATE, "left"),
    ("rate v", (0.43, 0.36), INK, "right"),
    ("basal drive a", (0.62, 0.20), TRUE, "left"),
    ("W v from below", (0.52, 0.05), TRUE, "left"),
    ("interneuron", (0.98, 0.44), INK, "center"),
    ("predicts", (0.70, 0.37), MUTED, "center"),
    ("cancels c of it", (0.80, 0.66), ERROR, "left"),
)
_ARROWS = (
    ((0.46, 0.40), (0.29, 0.90), "->", TRUE),
    ((0.50, 0.91), (0.50, 0.77), "->", ESTIMATE),
    ((0.50, 0.00), (0.50, 0.13), "->", TRUE),
    ((0.55, 0.39), (0.91, 0.48), "->", MUTED),
    ((0.93, 0.54), (0.63, 0.72), "-[", ERROR),
)
_DENDRITES = (
    (((0.5, 0.64), (0.5, 0.40)), ESTIMATE),
    *((((0.5, 0.64), tip), ESTIMATE) for tip in ((0.40, 0.74), (0.5, 0.76), (0.60, 0.74))),
    *((((0.5, 0.33), tip), TRUE) for tip in ((0.40, 0.18), (0.5, 0.15), (0.60, 0.18))),
)


def cortical_column(*, title, caption):
    """One pyramidal cell with two dendrites, its interneuron and its neighbours, as equations.

    Parameters
    ----------
    title, caption : str

    Returns
    -------
    Figure

    Examples
    --------
    >>> cortical_column(title="One unit", caption="A drawing.").description[:58]
    'A drawing of one cell with 4 apical and 3 basal branches, '
    """
    figure, axes = panel(3.9, 4.0, left=0.05, right=0.05, top=0.1, bottom=0.1)
    axes.set(xlim=(-0.02, 1.14), ylim=(-0.03, 1.0), xticks=(), yticks=())
    axes.grid(False)
    axes.spines[:].set_visible(False)
    for (start, end), colour in _DENDRITES:
        axes.plot(*zip(start, end, strict=True), color=colour, lw=2.5)
    axes.plot(0.5, 0.36, "^", color=INK, ms=16)
    axes.plot(0.96, 0.51, "o", color=INK, ms=14)
    for start, end, head, colour in _ARROWS:
        style = "->" if head == "->" else "-[,widthB=0.4,lengthB=0.1"
        axes.annotate("", end, start, arrowprops={"arrowstyle": style, "color": colour, "lw": 1.5})
    for words, place, colour, side in _LABELS:
        axes.text(*place, words, color=colour, ha=side, va="center")
    apical = sum(colour == ESTIMATE for _, colour in _DENDRITES)
    words = (
        f"A drawing of one cell with {apical} apical and {len(_DENDRITES) - apical} basal "
        f"branches, {len(_ARROWS)} arrows and {len(_LABELS)} labels: "
        f"{', '.join(label for label, *_ in _LABELS)}."
    )
    return Figure(figure, title, caption, words)


def compartment_traces(runs, *, title, caption, layer=0, units=3, sample=0):
    """Basal and apical drive of a few units while a nudge arrives, one panel a run.

    Parameters
    ----------
    runs : mapping from label to (Network, x, Equilibrium before, Equilibrium recorded after)
        The nudge arrives at time 0.
    title, caption : str
    layer : int             Which settling layer, 0 for the first; not the output.
    units, sample : int

    Returns
    -------
    Figure                  Readouts: the mean apical drive before and after, as sizes.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 3, 1), cancellation=1.0, rng=np.random.default_rng(0))
    >>> free = sc.free_phase(net, [1.0, 1.0])
    >>> after = sc.nudged_phase(net, [1.0, 1.0], [0.0], beta=0.1, start=free, record=True)
    >>> runs = {"cancelled": (net, [1.0, 1.0], free, after)}
    >>> compartment_traces(runs, title="Two drives", caption="By time.").readouts[
    ...     "apical before, cancelled"]
    '0.0000'
    """
    panels, words, readouts = [], [], {}
    for label, (net, x, before, after) in runs.items():
        x, _, _ = dynamics.as_input(net, x)
        path = [np.array(u)[:, sample] for u in after.trajectory]
        start = [np.array(u)[sample] for u in before.potentials]
        path = [np.vstack([s, s, p]) for s, p in zip(start, path, strict=True)]
        clock = np.concatenate([[-6.0, 0.0], after.dt * np.arange(len(path[0]) - 2)])
        rates = dynamics.rates(net, path)
        drives = dynamics.drives(net, np.repeat(x[sample : sample + 1], len(clock), 0), rates)
        carried = dynamics.mismatches(net, rates, drives)[layer + 1]
        apical = carried @ net.feedback[layer + 1].T
        figure, axes = panel(3.5, 3.6, top=1.5, right=0.2, left=0.8)
        with theme():
            upper = figure.add_axes((0.8 / 3.5, 2.3 / 3.6, 2.5 / 3.5, 0.95 / 3.6))
        for place, values, colour, name in (
            (axes, apical, ESTIMATE, "apical drive"),
            (upper, drives[layer], TRUE, "basal drive"),
        ):
            place.plot(clock, values[:, :units], color=colour, lw=1.4)
            place.axvline(0, color=MUTED, lw=0.8)
            place.set_ylabel(name, color=colour)
        upper.set(title=label)
        upper.tick_params(labelbottom=False)
        axes.set(xlabel="time / tau")
        panels.append(figure)
        sizes = [np.linalg.norm(apical[i]) for i in (0, -1)]
        moved = np.linalg.norm(apical[-1] - apical[0])
        readouts[f"apical before, {label}"] = f"{sizes[0]:.4f}"
        readouts[f"apical change, {label}"] = f"{moved:.4f}"
        words.append(
            f"{label}: the apical drive of {apical.shape[1]} units has size {sizes[0]:.3f} before "
            f"the nudge and changes by {moved:.3f}; the basal drive has size "
            f"{np.linalg.norm(drives[layer][-1]):.2f}"
        )
    for row in (0, 1):
        limits = [p.axes[row].get_ylim() for p in panels]
        for each in panels:
            each.axes[row].set_ylim(min(low for low, _ in limits), max(top for _, top in limits))
    return Figure(tuple(panels), title, caption, f"{'; '.join(words)}.", readouts)


def evidence_grid(rows, *, title, caption):
    """Conditions against kinds of evidence: how many works speak for (+) and against (-).

    Parameters
    ----------
    rows : sequence of (condition, kind, side, key)
        kind is one of the four in ``KINDS``; side is +1 for, -1 against; key names the work.
    title, caption : str

    Returns
    -------
    Figure                  Readouts: numbers of works for, against, and of empty squares.

    Examples
    --------
    >>> rows = [("energy", "in vitro", 1, "a"), ("energy", "in vitro", -1, "b")]
    >>> drawn = evidence_grid(rows, title="Thin", caption="Counts.")
    >>> dict(drawn.readouts)
    {'for': '1', 'against': '1', 'empty squares': '3 of 4'}
    """
    names = list(dict.fromkeys(row[0] for row in rows))
    figure, axes = panel(3.7, 0.36 * len(names) + 0.7, left=0.9, right=0.05, top=0.5, bottom=0.1)
    axes.set(xlim=(-0.5, len(KINDS) - 0.5), ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks(range(len(KINDS)), [kind.replace(", ", ",\n") for kind in KINDS])
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(False)
    empty, words = 0, []
    for row, name in enumerate(names):
        found = []
        for column, kind in enumerate(KINDS):
            sides = [side for condition, at, side, _ in rows if (condition, at) == (name, kind)]
            empty += not sides
            for side, mark, colour, shift in ((1, "+", TRUE, -0.18), (-1, "−", ERROR, 0.18)):
                count = sides.count(side)
                if count:
                    place = (column + shift, row)
                    axes.text(*place, mark * count, color=colour, ha="center", va="center")
                    found.append(f"{kind} {count} {'for' if side > 0 else 'against'}")
        words.append(f"{name}: {', '.join(found)}")
    axes.set_xticks(np.arange(len(KINDS) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(True, which="minor", color=MUTED, lw=0.4)
    axes.tick_params(which="minor", length=0)
    readouts = {
        "for": str(sum(row[2] > 0 for row in rows)),
        "against": str(sum(row[2] < 0 for row in rows)),
        "empty squares": f"{empty} of {len(names) * len(KINDS)}",
    }
    return Figure(figure, title, caption, f"{'; '.join(words)}.", readouts)


def time_budget(missing, *, tau, marks, title, caption):
    """What a nudge has not delivered yet, by time in milliseconds, against measured times.

    Parameters
    ----------
    missing : mapping from label to (time in tau, share still missing), each shape (n,), falling
    tau : float > 0         Milliseconds.
    marks : mapping from label to milliseconds
    title, caption : str

    Returns
    -------
    Figure                  Readouts: when a tenth is left.

    Examples
    --------
    >>> drawn = time_budget({"loop": ([0, 1, 2], [1.0, 0.1, 0.01])}, tau=10.0,
    ...                     marks={"a look": 150.0}, title="Soon", caption="By time.")
    >>> dict(drawn.readouts)
    {'a tenth left, loop': '10 ms'}
    """
    figure, axes = panel(3.7, 3.0, right=0.25, top=0.4)
    readouts, words = {}, []
    colours = (ESTIMATE, INK, MUTED)
    for (label, (time, share)), colour in zip(missing.items(), colours, strict=False):
        time, share = tau * np.asarray(time, float), np.asarray(share, float)
        shown = (time > 0) & (share > 1e-3)
        axes.plot(time[shown], share[shown], color=colour)
        done = share.min() <= 0.1
        when = f"{np.interp(-0.1, -share, time):.0f} ms" if done else f"after {time[-1]:.0f} ms"
        readouts[f"a tenth left, {label}"] = when
        words.append(f"{label}: a tenth is left at {when}")
        axes.text(0.02, 0.3 - 0.09 * len(words), label, color=colour, transform=axes.transAxes)
    for label, at in marks.items():
        axes.axvline(at, color=INK, lw=0.8, ls=":")
        axes.text(at, 1.03, label, ha="center", transform=axes.get_xaxis_transform())
        words.append(f"{label} at {at:.0f} ms")
    axes.axhline(0.1, color=MUTED, lw=0.8)
    axes.set(xscale="log", xlim=(1, 1e4), ylim=(0, 1.05))
    axes.set(xlabel="time (ms)", ylabel="share still missing")
    axes.set_xticks([1, 10, 100, 1000, 10000], ["1", "10", "100", "1 s", "10 s"])
    axes.minorticks_off()
    return Figure(figure, title, caption, f"{'; '.join(words)}.", readouts)
