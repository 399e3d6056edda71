"""Run the dynamics to rest, and say whether they got there.

An equilibrium is a returned value: free and nudged states coexist under names of their own.
"""

import warnings
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from sevenconditions import checks, dynamics, spectrum
from sevenconditions.checks import ConvergenceError, ConvergenceWarning

FLOOR = 1e-12  # below this a residual is rounding, and its decay says nothing
_GROWTH = 1e8  # a residual this many times the first one is called divergence
_STEPS_OF_TRIAL = (0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625)


class Verdict(StrEnum):
    """How a run ended. Only SETTLED is an equilibrium that attracts."""

    SETTLED = "settled"
    TRUNCATED = "truncated"  # stopped after the steps that were asked for
    REPELS = "repels"  # at rest, but at a saddle
    SLOW = "slow"
    TWO_CYCLE = "two_cycle"
    OSCILLATING = "oscillating"
    DIVERGED = "diverged"


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Where a network came to rest, and whether it did.

    Parameters
    ----------
    potentials, rates : tuple of ndarray, shape (batch, n_l), layers 1 to L bottom-up
    residuals : ndarray, shape (n_steps + 1, batch)     ``max |R|`` of each sample after each step.
    verdict : Verdict
    dt, tol : float         The step (in units of tau) and tolerance of the run.
    beta : number or ndarray of shape (batch,)      The nudge under which it settled.
    trajectory : tuple of ndarray, shape (n_steps + 1, batch, n_l), or None unless recorded
        Potentials after each step.
    memory : ndarray, shape (batch, n_L, n_L), or None
        What `solvers.relax` may begin with when a nudged phase starts here.
    """

    potentials: tuple
    rates: tuple
    residuals: np.ndarray
    verdict: Verdict
    dt: float
    tol: float
    beta: float | complex | np.ndarray = 0.0
    trajectory: tuple | None = None
    memory: np.ndarray | None = None

    def samples(self, chosen):
        """The same record for some samples only, or for some of them several times.

        Parameters
        ----------
        chosen : slice or ndarray of int or bool, over the samples

        Returns
        -------
        Equilibrium, without the trajectory
        """
        return replace(
            self,
            potentials=tuple(u[chosen] for u in self.potentials),
            rates=tuple(v[chosen] for v in self.rates),
            residuals=self.residuals[:, chosen],
            beta=self.beta[chosen] if np.ndim(self.beta) else self.beta,
            trajectory=None,
            memory=None if self.memory is None else self.memory[chosen],
        )

    @property
    def n_steps(self):
        """Number of steps taken."""
        return len(self.residuals) - 1

    @property
    def residual_per_sample(self):
        """Final ``max |R|`` of each sample, shape (batch,)."""
        return self.residuals[-1]

    @property
    def residual(self):
        """Final ``max |R|`` over all samples; the slowest sample decides."""
        return float(self.residuals[-1].max())

    @property
    def converged_per_sample(self):
        """Whether each sample reached the tolerance, shape (batch,)."""
        return self.residuals[-1] <= self.tol

    @property
    def converged(self):
        """Whether every sample reached the tolerance."""
        return bool(self.converged_per_sample.all())

    def steps_to(self, tol):
        """First step from which the residual stays at or below `tol`; -1 where it does not.

        Returns
        -------
        ndarray of int, shape (batch,)
        """
        above = ~(self.residuals <= checks.number("tol", tol, above=0))  # NaN is above
        last = len(above) - np.argmax(above[::-1], axis=0)
        steps = np.where(above.any(axis=0), last, 0)
        return np.where(steps < len(above), steps, -1)

    def decay_rate(self, *, floor=FLOOR):
        r"""Measured factor by which each residual shrinks a step: (R_t / R_s)^(1 / (t - s)).

        t is the last step with a residual above `floor`; s lies an even number of steps before it,
        a third of the run, so that the slowest mode is alone and its sign does not matter.

        Returns
        -------
        ndarray, shape (batch,), dimensionless; NaN with fewer than 5 residuals above the floor
        """
        floor = checks.number("floor", floor, above=0)
        return np.array([_decay(column, floor) for column in self.residuals.T])


def settle(
    net,
    x,
    *,
    y=None,
    beta=0.0,
    start=None,
    current=None,
    dt=None,
    max_steps=5000,
    tol=1e-10,
    record=False,
    quiet=False,
):
    r"""Run the dynamics to rest, by explicit Euler steps that a reader can follow (condition 1).

    .. math:: u \leftarrow u - \mathrm{dt}\,R(u) \quad\text{until}\quad \max|R| \le \mathrm{tol}

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0) or (n_0,)
    y : array_like, shape (batch, n_L), needed when beta is not 0
    beta : number or array_like of shape (batch,)
        Nudging strength, dimensionless; complex is allowed, infinity clamps the output's rate.
    start : Equilibrium, tuple of ndarray, or None       None starts from silence, u = 0.
    current : tuple of ndarray, shape (batch, n_l), or None       Constant input beside the drive.
    dt : float > 0 or None
        Step in units of tau. None takes 0.5 and halves it (down to 1/64) while the run alternates,
        oscillates or diverges.
    max_steps : int >= 1
    tol : float > 0
        On the largest residual of any sample; a float32 network takes `checks.reachable` of it.
    record : bool           Keep the potentials after each step in `.trajectory`.
    quiet : bool            Leave out the warning; `.verdict` still tells how the run ended.

    Returns
    -------
    Equilibrium             With `converged` False, and a ConvergenceWarning, if it did not settle.

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, or a number is out of range.

    Breaks when
    -----------
    The spectral radius of the map is 1 or more; the warning tells which way it failed.

    Source
    ------
    c = 0: Hopfield 1984, PNAS 81:3088-3092.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> rest = settle(net, [1.5])
    >>> rest.converged, [u.round(6).item() for u in rest.potentials]
    (True, [2.0, 1.0])
    """
    x, y, beta = dynamics.as_input(net, x, y, beta)
    first, current = starting_potentials(net, x, start), checked_current(net, x, current)
    trials = _STEPS_OF_TRIAL if dt is None else (checks.number("dt", dt, above=0),)
    max_steps = checks.whole_number("max_steps", max_steps, at_least=1)
    tol = checks.number("tol", tol, above=0)
    for step in trials:
        result = _run(net, x, y, beta, first, step, max_steps, tol, record, current)
        if result.verdict in (Verdict.SETTLED, Verdict.SLOW):
            break
    if result.verdict is not Verdict.SETTLED and not quiet:
        warnings.warn(_advice(net, x, result), ConvergenceWarning, stacklevel=2)
    return result


def starting_potentials(net, x, start, *, copy=True):
    """Potentials to start from: silence for None, else checked copies, complex if they are."""
    if start is None:
        return dynamics.silence(net, len(x))
    potentials = start.potentials if isinstance(start, Equilibrium) else tuple(start)
    if len(potentials) != net.n_layers:
        raise ValueError(f"start: got {len(potentials)} layers, expected {net.n_layers}")
    return tuple(
        checks.array(f"start[{i}]", u, (len(x), n), dtype=checks.like(net.dtype, u), copy=copy)
        for i, (u, n) in enumerate(zip(potentials, net.sizes[1:], strict=True))
    )


def checked_current(net, x, current):
    """The constant current as arrays of the right shapes, or None."""
    if current is None:
        return None
    if len(current) != net.n_layers:
        raise ValueError(f"current: got {len(current)} layers, expected {net.n_layers}")
    return tuple(
        checks.array(f"current[{i}]", part, (len(x), n), dtype=checks.like(net.dtype, part))
        for i, (part, n) in enumerate(zip(current, net.sizes[1:], strict=True))
    )


def largest(residual):
    """max |R| of each sample."""
    return np.max([np.abs(r).max(axis=1) for r in residual], axis=0)


def _run(net, x, y, beta, first, dt, max_steps, wanted, record, current):
    states, history, verdict, tol = [first], [], Verdict.SLOW, wanted
    drive = dynamics.input_drive(net, x)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(max_steps + 1):
            residual = dynamics.residual(
                net, x, states[-1], y=y, beta=beta, current=current, first=drive
            )
            history.append(largest(residual))
            if net.dtype == np.float32:  # a float64 tolerance is taken as it is
                tol = checks.reachable(wanted, net.dtype, largest(states[-1]).max())
            if history[-1].max() <= tol:
                verdict = Verdict.SETTLED
            elif not history[-1].max() <= _GROWTH * (1.0 + history[0].max()):
                verdict = Verdict.DIVERGED
            elif step >= 4 and step % 50 == 0 and _all_alternate(states, history[-1] > tol):
                verdict = Verdict.TWO_CYCLE
            if verdict is not Verdict.SLOW or step == max_steps:
                break
            states.append(tuple(u - dt * r for u, r in zip(states[-1], residual, strict=True)))
            if not record and len(states) > 3:
                del states[0]
    history = np.array(history)
    if verdict is Verdict.SLOW:
        verdict = _trend(history, tol)
    trajectory = tuple(np.array(layer) for layer in zip(*states, strict=True)) if record else None
    with np.errstate(over="ignore", invalid="ignore"):
        rates = dynamics.held_rates(net, states[-1], y, beta)
    return Equilibrium(states[-1], rates, history, verdict, dt, tol, beta, trajectory)


def _all_alternate(states, unsettled):
    """Whether each unsettled sample comes back after two steps although one step moves it."""
    one, two = (
        np.max(
            [np.abs(u - w).max(axis=1) for u, w in zip(states[-1], earlier, strict=True)], axis=0
        )
        for earlier in (states[-2], states[-3])
    )
    return bool((two[unsettled] < 1e-6 * one[unsettled]).all())


def _trend(history, tol):
    """What unsettled samples do: fall, grow or keep moving, over the last two quarters."""
    quarter = len(history) // 4
    if quarter < 3:  # too short a run to tell
        return Verdict.SLOW
    recent = history[-2 * quarter :, history[-1] > tol]
    growth = recent[quarter:].max(axis=0) / recent[:quarter].max(axis=0)
    if (growth > 2.0).any():
        return Verdict.DIVERGED
    # a wandering residual may be lower by chance: a slow fall must also be a steady one
    steady = (recent[2:] < recent[:-2]).mean(axis=0) > 0.9
    falls = (growth < 0.5) | ((growth < 0.999) & steady)
    return Verdict.SLOW if falls.all() else Verdict.OSCILLATING


def _advice(net, x, run):
    """What the warning says: what happened, the radius, and what to try."""
    n_failed = int((~run.converged_per_sample).sum())
    text = (
        f"{n_failed} of {len(x)} samples did not settle in {run.n_steps} steps at dt = {run.dt:g}: "
        f"residual {run.residual:.3g}, wanted {run.tol:.3g}. "
    )
    if not all(np.isfinite(u).all() for u in run.potentials):
        return text + "The state overflowed: lower dt or the weights."
    try:
        found = spectrum.outermost(net, x, run.potentials, beta=run.beta)
    except ConvergenceError:  # too wide to tell; the advice does without
        found = np.array([[np.nan]])
    radius, limit = spectrum.radii(found, run.dt).max(), spectrum.dt_limits(found).min()
    text += f"Spectral radius of the settling map here: {radius:.4g}. "
    smaller_dt = (
        f"try dt below {limit:.3g}, where the local radius falls under 1"
        if 0 < limit < run.dt
        else "try a smaller dt"
    )
    if run.verdict is Verdict.SLOW:
        measured = run.decay_rate()[~run.converged_per_sample]
        rate = np.nanmax(measured) if np.isfinite(measured).any() else radius
        more = np.log(run.tol / run.residual) / np.log(rate) if 0 < rate < 1 else np.inf
        hint = f"about {more:.0f} more steps" if np.isfinite(more) else "a weaker loop"
        return text + f"It still falls, by {rate:.6g} a step: try {hint} or a larger tol."
    if run.verdict is Verdict.TWO_CYCLE:
        return text + f"The state alternates between two values (a 2-cycle): {smaller_dt}."
    if run.verdict is Verdict.DIVERGED:
        return text + f"The state runs away: {smaller_dt}, or scale the weights down."
    return text + (
        f"The state keeps moving without growing: {smaller_dt}; if the radius stays above 1 for "
        "every dt, the flow itself rotates: weaken the asymmetric connections."
    )


def _decay(column, floor):
    usable = np.flatnonzero((column > floor) & np.isfinite(column))
    if len(usable) < 5:
        return np.nan
    stop = usable[-1]
    span = max(2, 2 * ((stop - usable[0]) // 6))
    return (column[stop] / column[stop - span]) ** (1.0 / span)
