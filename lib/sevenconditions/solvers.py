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

_MEMORY = 5  # states that Anderson mixing remembers
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
):
    r"""Settle by sweeps from the input up, each layer after the one below.

    What reaches layer l beside its drive is kept as :math:`e_l`; a sweep sets
    :math:`u_l = a_l + e_l` from the bottom up and then :math:`e_l` to what the new state feeds
    back, so the residual is the change of e. Anderson mixing speeds them up, sample by sample.
    A free phase from silence first takes the steps of the dynamics, so that both choose the same
    one where there are several equilibria; with full cancellation there is one, the forward pass.
    Samples that do not settle by sweeps run the dynamics themselves, with `equilibrium.settle`.

    Parameters
    ----------
    net : Network
    x, y, beta, start, current : as for `equilibrium.settle`
    tol : float > 0         On the largest residual of any sample.
    max_sweeps : int >= 1
    follow : float > 0
        Residual down to which the dynamics are followed from silence. Infinity never follows them:
        sooner, but where there are several equilibria it may be another one.

    Returns
    -------
    Equilibrium             Its residuals are those of the sweeps.

    Raises
    ------
    ValueError
        As `equilibrium.settle`.

    Source
    ------
    Anderson 1965, J. ACM 12:547-560 (mixing). Sweeps: the Gauss-Seidel method.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> rest = relax(net, [1.5])
    >>> rest.converged, [u.round(9).item() for u in rest.potentials]
    (True, [2.0, 1.0])
    """
    x, y, beta = dynamics.as_input(net, x, y, beta)
    tol = checks.number("tol", tol, above=0)
    max_sweeps = checks.whole_number("max_sweeps", max_sweeps, at_least=1)
    if follow != np.inf:
        checks.number("follow", follow, above=0)
    current = checked_current(net, x, current)
    first = None if start is None else starting_potentials(net, x, start)
    free = np.broadcast_to(np.equal(beta, 0.0), len(x))
    with np.errstate(over="ignore", invalid="ignore"):
        if first is None and net.cancellation < 1.0 and follow < np.inf and free.any():
            first = _basin(net, x, current, follow, free)
        rest = _sweeps(net, x, y, beta, first, current, tol, max_sweeps)
    failed = ~rest.converged_per_sample
    watched = start is None and first is not None and net.is_symmetric and free.all()
    if watched and not failed.any():
        failed = repelling(net, x, rest)  # a saddle that the dynamics would have left
    if not failed.any():
        return replace(rest, verdict=Verdict.SETTLED)
    rest = _finish(net, x, y, beta, first, current, tol, rest, failed)
    if watched and rest.converged and repelling(net, x, rest).any():
        rest = replace(rest, verdict=Verdict.REPELS)
    return rest


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
    u = dynamics.silence(net, len(x))
    for _ in range(_FIRST_STEPS):
        residual = dynamics.residual(net, x, u, current=current)
        # a sample that has chosen waits
        step = np.where(free & (largest(residual) > follow), 0.5, 0.0)[:, None]
        if not step.any():
            break
        u = tuple(a - step * r for a, r in zip(u, residual, strict=True))
    forward, _ = dynamics.forward_pass(net, x)
    u = tuple(np.where(free[:, None], a, b) for a, b in zip(u, forward, strict=True))
    return u if all(np.isfinite(layer).all() for layer in u) else None


def repelling(net, x, rest):
    r"""Which samples of a symmetric network rest at a saddle or a maximum of the energy.

    :math:`dR/du = I - P D` has the eigenvalues of :math:`I - r\,Q\,r` with :math:`Q = M P`
    symmetric and :math:`r^2 = D M^{-1}`: a Cholesky factor tells.

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
    if len(x) > _AT_ONCE:
        parts = np.array_split(np.arange(len(x)), -(-len(x) // _AT_ONCE))
        return np.concatenate([repelling(net, x[rows], rest.samples(rows)) for rows in parts])
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


def _sweeps(net, x, y, beta, first, current, tol, max_sweeps):
    constant = x @ net.weights[0].T + net.biases[0]
    extra, dtype = _extras(net, x, y, beta, first, current)
    mixer, history = _Mixer(), []
    for _ in range(max_sweeps):
        potentials, residual = _one_sweep(net, constant, y, beta, extra, current, dtype)
        history.append(largest(residual))
        if not history[-1].max() > tol or not np.isfinite(history[-1]).all():
            break
        step = _preconditioned(net, potentials, beta, residual)
        step[history[-1] <= tol] = 0.0  # a sample at rest stays, whatever the others need
        extra = mixer.next(extra, step)
    rates = dynamics.held_rates(net, potentials, y, beta)
    return Equilibrium(potentials, rates, np.array(history), Verdict.SLOW, np.inf, tol, beta)


def _extras(net, x, y, beta, first, current):
    """e_l = u_l - a_l of the start; zero without one, so that the first sweep is a forward pass."""
    dtype = np.result_type(float, np.asarray(beta), *(first or ()), *(current or ()))
    if np.isinf(beta).any():
        dtype = np.result_type(float, *(first or ()), *(current or ()))
    if first is None:
        return np.zeros((len(x), sum(net.sizes[1:])), dtype=dtype), dtype
    rates = dynamics.held_rates(net, first, y, beta)
    extras = [u - a for u, a in zip(first, dynamics.drives(net, x, rates), strict=True)]
    return np.concatenate(extras, axis=1).astype(dtype), dtype


def _one_sweep(net, constant, y, beta, extra, current, dtype):
    """The state that belongs to e, bottom-up, and its residual R = e - feedback(state)."""
    edges = np.cumsum((0, *net.sizes[1:]))
    potentials, rates, carried, drive = [], [], [], constant
    for i, phi in enumerate(net.phis):
        if i:
            drive = rates[-1] @ net.weights[i].T + net.biases[i]
        potentials.append(drive + extra[:, edges[i] : edges[i + 1]])
        held = i == net.n_layers - 1 and np.isinf(beta).any()
        rates.append(y.astype(dtype) if held else phi(potentials[-1]))
        predicted = net.cancellation * phi(drive) if net.cancellation else 0.0
        carried.append(rates[-1] - predicted)
    residual = []
    for i in range(net.n_layers):
        fed_back = 0.0
        if i + 1 < net.n_layers:
            fed_back = net.feedback_gain * (carried[i + 1] @ net.feedback[i + 1].T)
        elif np.any(beta) and not np.isinf(beta).any():
            fed_back = -dynamics.column(beta) * (rates[i] - y)
        if net.lateral[i + 1] is not None:
            fed_back = fed_back + carried[i] @ net.lateral[i + 1].T
        if current is not None:
            fed_back = fed_back + current[i]
        residual.append(extra[:, edges[i] : edges[i + 1]] - fed_back)
    return tuple(potentials), residual


def _preconditioned(net, potentials, beta, residual):
    """The step of e: the residual, the output's divided by 1 + beta phi', where the nudge acts."""
    if np.any(beta) and not np.isinf(beta).any():
        stiff = 1.0 + dynamics.column(beta) * net.output.derivative(potentials[-1])
        # a nudge near the critical one would divide by almost nothing
        residual[-1] = residual[-1] / np.where(np.abs(stiff) > 0.1, stiff, 0.1)
    return np.concatenate(residual, axis=1)


class _Mixer:
    """Anderson mixing, sample by sample: the result of one never depends on its batch."""

    def __init__(self):
        self.states, self.steps = [], []

    def next(self, state, step):
        self.states, self.steps = (
            (kept + [new])[-_MEMORY - 1 :]
            for kept, new in ((self.states, state), (self.steps, step))
        )
        if len(self.states) < 2:
            return state - step
        change = np.diff(np.array(self.states), axis=0)  # (m, batch, n)
        slope = np.diff(np.array(self.steps), axis=0)
        gram = np.einsum("ibn,jbn->bij", slope.conj(), slope)
        size = np.abs(np.einsum("bii->b", gram))[:, None, None] + np.finfo(float).tiny
        gram = gram + 1e-13 * size * np.eye(len(slope))
        weights = np.linalg.solve(gram, np.einsum("ibn,bn->bi", slope.conj(), step)[:, :, None])
        mixed = np.einsum("bi,ibn->bn", weights[:, :, 0], change - slope)
        return state - step - np.where(step.any(axis=1)[:, None], mixed, 0.0)


def _finish(net, x, y, beta, first, current, tol, rest, failed):
    """Let the samples that the sweeps left unsettled run the dynamics themselves."""
    chosen = np.flatnonzero(failed)
    start = None if first is None else tuple(u[chosen] for u in first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", checks.ConvergenceWarning)
        run = settle(
            net,
            x[chosen],
            y=None if y is None else y[chosen],
            beta=beta[chosen] if np.ndim(beta) else beta,
            start=start,
            current=None if current is None else tuple(i[chosen] for i in current),
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
