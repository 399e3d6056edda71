r"""Reach the same equilibrium as the physical dynamics, sooner.

`equilibrium.settle` takes the Euler steps that the book shows. Here the same equation R(u) = 0 is
solved by sweeps, each layer after the one below (`relax`), and polished to the last digit by
Newton's method (`newton`). A nudge may differ from sample to sample, so that all nudges and all
points of a grid run as rows of one batch.
"""

import warnings
from dataclasses import replace

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.equilibrium import (
    Equilibrium,
    Verdict,
    checked_current,
    largest,
    settle,
    starting_potentials,
)
from sevenconditions.linearisation import DENSE
from sevenconditions.relaxation import Relaxation
from sevenconditions.spectrum import attracts, loop_norm

_NEWTON_STEPS = 40
_AT_ONCE = 64  # samples whose Jacobians are held at the same time
_FIRST_STEPS = 1000  # of the dynamics, at most, before the sweeps take over


def relax(
    net,
    x,
    *,
    y=None,
    beta=0.0,
    start=None,
    current=None,
    tol=1e-12,
    max_sweeps=500,
    follow=1e-3,
    repeats=1,
):
    r"""Settle by sweeps, from the output down and from the input up.

    The sweeps are those of `sweeps.Sweeps`; Anderson mixing, or Newton's method where the output
    is the only layer above the first and has few units, makes their steps better, sample by sample.
    Where there may be several equilibria, a free phase from silence first takes the steps of the
    dynamics, so that both choose the same one; there is only one with full cancellation, or where
    `spectrum.loop_norm` is below 1.
    Samples that do not settle by sweeps run the dynamics themselves, with `equilibrium.settle`.

    Parameters
    ----------
    net : Network
    x, y, beta, start, current : as for `equilibrium.settle`
    tol : float > 0         On the largest residual of any sample.
    max_sweeps : int >= 1
    follow : float > 0
        Residual down to which the dynamics are followed from silence, where there may be several
        equilibria. Infinity never follows them: sooner, but it may then be another one.
    repeats : int >= 1
        How often the batch stands in the result, under nudges of its own: beta then holds repeats
        times batch numbers, and what the inputs bring is computed once.

    Returns
    -------
    Equilibrium
        Of repeats * batch samples. Its residuals are the steps of the sweeps, the last one the
        residual itself. Where rounding leaves more than tol, the verdict is SLOW.

    Raises
    ------
    ValueError
        As `equilibrium.settle`.

    Source
    ------
    Anderson 1965, J. ACM 12:547-560 (mixing). Sweeps: the symmetric Gauss-Seidel method.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> rest = relax(net, [1.5])
    >>> rest.converged, [u.round(9).item() for u in rest.potentials]
    (True, [2.0, 1.0])
    """
    repeats = checks.whole_number("repeats", repeats, at_least=1)
    x, y, beta = dynamics.as_input(net, x, y, beta, repeats)
    tol = checks.number("tol", tol, above=0)
    max_sweeps = checks.whole_number("max_sweeps", max_sweeps, at_least=1)
    if follow != np.inf:
        checks.number("follow", follow, above=0)
    current = checked_current(net, x, current)
    first = None if start is None else starting_potentials(net, x, start, copy=False)
    memory = start.memory if isinstance(start, Equilibrium) else None
    free = np.broadcast_to(np.equal(beta, 0.0), repeats * len(x))
    from_silence = first is None and repeats == 1 and follow < np.inf
    choose = from_silence and free.any() and not _is_unique(net, current)
    with np.errstate(over="ignore", invalid="ignore"):
        if choose:
            first = _basin(net, x, current, follow, free)
        batch = Relaxation(net, x, y, beta, first, current, tol, memory, repeats)
        rest = batch.settle(max_sweeps)
    # at the floor of rounding the dynamics would do no better
    failed = ~rest.converged_per_sample & ~(rest.residual_per_sample <= batch.floor)
    watched = choose and first is not None and net.is_symmetric and free.all()
    if watched and not failed.any():
        failed = repelling(net, x, rest)  # a saddle that the dynamics would have left
    if failed.any():
        rest = _finish(net, x, y, beta, first, current, tol, rest, failed)
        if watched and rest.converged and repelling(net, x, rest).any():
            rest = replace(rest, verdict=Verdict.REPELS)
        return rest
    return replace(rest, verdict=Verdict.SETTLED) if rest.converged else rest


relax.takes_repeats = True


def _is_unique(net, current):
    """Whether there is one free equilibrium for certain, so that nothing has to choose it."""
    is_forward_pass = net.cancellation == 1.0 and current is None
    if is_forward_pass and all(a is None for a in net.lateral):
        return True
    return loop_norm(net) < 1.0


def newton(net, x, *, y=None, beta=0.0, start=None, current=None):
    """Settle by `relax`, then by Newton's method until the residual stops falling: the reference.

    Parameters
    ----------
    net : Network
    x, y, beta, start, current : as for `equilibrium.settle`

    Returns
    -------
    Equilibrium             Residuals at rounding, about 1e-16 times the size of the state.

    Raises
    ------
    ValueError
        As `equilibrium.settle`.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> newton(net, [1.0, 0.0, 1.0]).residual < 1e-15
    True
    """
    x, y, beta = dynamics.as_input(net, x, y, beta)
    rest = relax(net, x, y=y, beta=beta, start=start, current=current, tol=1e-10)
    if not rest.converged:
        return rest
    best = rest.potentials
    residual = dynamics.residual(net, x, best, y=y, beta=beta, current=current)
    history = [largest(residual)]
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(net, x, best, beta, np.concatenate(residual, axis=1))
        trial = tuple(u - s for u, s in zip(best, dynamics.split(net, step), strict=True))
        residual = dynamics.residual(net, x, trial, y=y, beta=beta, current=current)
        improves = largest(residual) < history[-1]
        best = tuple(
            np.where(improves[:, None], new, old) for new, old in zip(trial, best, strict=True)
        )
        history.append(np.where(improves, largest(residual), history[-1]))
        if not improves.any():
            break
        residual = dynamics.residual(net, x, best, y=y, beta=beta, current=current)
    rates = dynamics.held_rates(net, best, y, beta)
    tol = max(rest.tol, float(history[-1].max()))
    return Equilibrium(best, rates, np.array(history), rest.verdict, np.inf, tol, beta)


def _newton_step(net, x, potentials, beta, residual):
    """(dR/du)^{-1} R, a few samples at a time: a Jacobian of each is large."""
    step = np.empty_like(residual, dtype=np.result_type(residual, *potentials))
    for rows in np.array_split(np.arange(len(x)), -(-len(x) // _AT_ONCE)):
        local = dynamics.jacobian(
            net, x[rows], [u[rows] for u in potentials],
            beta=beta[rows] if np.ndim(beta) else beta,
        )  # fmt: skip
        step[rows] = np.linalg.solve(local, residual[rows, :, None])[:, :, 0]
    return step


def _basin(net, x, current, follow, free):
    """Follow the free dynamics from silence until they have chosen among the equilibria there are.

    Samples under a nudge start from the forward pass: the step of the dynamics may not suit them.
    """
    u, drive = dynamics.silence(net, len(x)), dynamics.input_drive(net, x)
    for _ in range(_FIRST_STEPS):
        residual = dynamics.residual(net, x, u, current=current, first=drive)
        # a sample that has chosen waits
        step = 0.5 * (free & (largest(residual) > follow)).astype(net.dtype)[:, None]
        if not step.any():
            break
        u = tuple(a - step * r for a, r in zip(u, residual, strict=True))
    forward, _ = dynamics.forward_pass(net, x)
    u = tuple(np.where(free[:, None], a, b) for a, b in zip(u, forward, strict=True))
    return u if all(np.isfinite(layer).all() for layer in u) else None


def repelling(net, x, rest):
    r"""Which samples of a symmetric network rest at a saddle or a maximum of the energy.

    :math:`dR/du = I - P D` has the eigenvalues of :math:`I - r\,Q\,r` with :math:`Q = M P`
    symmetric and :math:`r^2 = D M^{-1}`: a Cholesky factor tells, or `spectrum.attracts` where the
    matrix is large, or not symmetric because a lateral matrix meets cancellation.

    Parameters
    ----------
    net : Network with `is_symmetric`
    x : ndarray, shape (batch, n_0)
    rest : Equilibrium

    Returns
    -------
    ndarray of bool, shape (batch,)

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[1.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> silent = Equilibrium((np.zeros((1, 1)),) * 2, (np.zeros((1, 1)),) * 2,
    ...                      np.zeros((1, 1)), Verdict.SETTLED, 1.0, 1e-9)
    >>> repelling(net, np.zeros((1, 1)), silent)
    array([ True])
    """
    has_energy = net.cancellation == 0.0 or all(a is None for a in net.lateral)
    if sum(net.sizes[1:]) > DENSE or not has_energy:
        return ~attracts(net, x, rest.potentials, beta=rest.beta)
    metric = np.concatenate([np.full(n, m) for m, n in zip(net.metric, net.sizes[1:], strict=True)])
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, rest.potentials, strict=True)]
    slopes = np.maximum(np.concatenate(slopes, axis=1), np.finfo(float).tiny)
    loop = np.eye(slopes.shape[1]) - dynamics.jacobian(net, x, rest.potentials, beta=rest.beta)
    root = np.sqrt(slopes * metric)
    curvature = np.eye(slopes.shape[1]) - root[:, :, None] * loop / root[:, None, :]
    try:  # there is a factor where the energy has a minimum
        np.linalg.cholesky(curvature)
        return np.zeros(len(x), dtype=bool)
    except np.linalg.LinAlgError:
        return np.linalg.eigvalsh(curvature).min(axis=1) <= 0.0


def _finish(net, x, y, beta, first, current, tol, rest, failed):
    """Let the samples that the sweeps left unsettled run the dynamics themselves."""
    chosen = np.flatnonzero(failed)
    rows = chosen % len(x)
    start = None if first is None else tuple(u[rows] for u in first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", checks.ConvergenceWarning)
        run = settle(
            net,
            x[rows],
            y=None if y is None else y[rows],
            beta=beta[chosen] if np.ndim(beta) else beta,
            start=start,
            current=None if current is None else tuple(i[rows] for i in current),
            tol=tol,
        )
    dtype = np.result_type(*rest.potentials, *run.potentials)
    potentials, rates = ([part.astype(dtype) for part in parts]
                         for parts in (rest.potentials, rest.rates))  # fmt: skip
    for mine, theirs in zip((*potentials, *rates), (*run.potentials, *run.rates), strict=True):
        mine[chosen] = theirs
    last = rest.residuals[-1].copy()
    last[chosen] = run.residuals[-1]
    return replace(
        rest,
        potentials=tuple(potentials),
        rates=tuple(rates),
        residuals=np.vstack([rest.residuals, last]),
        verdict=run.verdict,
        dt=run.dt,
    )
