r"""Condition 1, settling: the dynamics contract and a fixed point emerges (chapter 1).

The settling map is one Euler step, :math:`F(u) = u - \mathrm{dt}\,R(u)`. Near a fixed point the
distance shrinks each step by the spectral radius of its derivative,
:math:`F' = I - \mathrm{dt}\,\partial R/\partial u`; the condition holds when that is below 1.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from sevenconditions import checks, dynamics, equilibrium, solvers
from sevenconditions.equilibrium import Verdict
from sevenconditions.spectrum import dt_limits, eigenvalues, outermost, radii


def rest(*, tol=1e-12, max_sweeps=500, follow=1e-3):
    """The setting that keeps condition 1: every phase settles to a tolerance (chapter 1).

    A settling is a function ``(net, x, *, y=None, beta=0.0, start=None, current=None)`` that
    returns an `Equilibrium`; write your own to try another. beta is a number, or a column with one
    number a sample, so that ``beta * (v - y)`` is the nudge.

    Parameters
    ----------
    tol : float > 0         On the largest residual of any sample.
    max_sweeps : int >= 1   After these the physical dynamics take over.
    follow : float > 0      As for `solvers.relax`; infinity is faster in training.

    Returns
    -------
    callable                `solvers.relax` with these settings.

    Raises
    ------
    ValueError
        If tol or max_sweeps is not positive.

    Examples
    --------
    >>> from sevenconditions import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> rest(tol=1e-9)(net, [1.5]).converged
    True
    """
    tol = checks.number("tol", tol, above=0)
    max_sweeps = checks.whole_number("max_sweeps", max_sweeps, at_least=1)
    return partial(solvers.relax, tol=tol, max_sweeps=max_sweeps, follow=follow)


def euler(*, dt=None, tol=1e-10, max_steps=5000):
    """Every phase runs the physical dynamics, step by step, to a tolerance (condition 1).

    Parameters
    ----------
    dt, tol, max_steps : as for `equilibrium.settle`

    Returns
    -------
    callable                `equilibrium.settle` with these settings.

    Examples
    --------
    >>> from sevenconditions import Network
    >>> net = Network(weights=[[[1.0]]], biases=[[0.0]])
    >>> euler(dt=1.0)(net, [1.5]).n_steps
    1
    """
    return partial(equilibrium.settle, dt=dt, tol=tol, max_steps=max_steps, quiet=True)


def exact():
    """Every phase is solved to rounding by Newton's method: the reference of condition 1.

    Returns
    -------
    callable                `solvers.newton`.

    Examples
    --------
    >>> from sevenconditions import Network
    >>> net = Network(weights=[[[1.0]]], biases=[[0.0]])
    >>> exact()(net, [1.5]).residual
    0.0
    """
    return solvers.newton


def fixed_steps(n_steps, *, dt=0.5):
    r"""The dial of condition 1: the nudged phases stop after n_steps, settled or not (chapter 1).

    The free phase settles; its error would be a bias of its own, divided by beta.

    Parameters
    ----------
    n_steps : int >= 0      K.
    dt : float > 0          In units of tau.

    Returns
    -------
    callable, a settling as described at `rest`; its runs end with the verdict TRUNCATED

    Raises
    ------
    ValueError
        If n_steps is not a whole number or dt is not positive.

    Breaks when
    -----------
    n_steps is small: the error is what `truncated_response` leaves out, about radius^n_steps.

    Examples
    --------
    >>> from sevenconditions import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> settling = fixed_steps(1, dt=0.5)
    >>> plus = settling(net, [1.0], y=[0.0], beta=1.0, start=settling(net, [1.0]))
    >>> plus.rates[-1].round(6).item(), plus.verdict.name
    (1.0, 'TRUNCATED')
    """
    n_steps = checks.whole_number("n_steps", n_steps)
    return _FixedSteps(n_steps, checks.number("dt", dt, above=0))


@dataclass(frozen=True)
class _FixedSteps:
    n_steps: int
    dt: float
    stops_early = True

    def __call__(self, net, x, *, y=None, beta=0.0, start=None, current=None):
        if not np.any(beta):
            return solvers.newton(net, x, start=start, current=current)
        x, y, beta = dynamics.as_input(net, x, y, beta)
        u = equilibrium.starting_potentials(net, x, start)
        history = []
        for step in range(self.n_steps + 1):
            residual = dynamics.residual(net, x, u, y=y, beta=beta, current=current)
            history.append(equilibrium.largest(residual))
            if step < self.n_steps:
                u = tuple(a - self.dt * r for a, r in zip(u, residual, strict=True))
        rates = dynamics.held_rates(net, u, y, beta)
        return equilibrium.Equilibrium(
            u, rates, np.array(history), Verdict.TRUNCATED, self.dt, np.inf, beta
        )


def best_dt(net, x, state):
    r"""The step, of those up to 1, with which the slowest sample settles fastest, near a state.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium

    Returns
    -------
    float, in units of tau; one of 0.02, 0.04, ... 1

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> best_dt(net, [1.0], free_phase(net, [1.0]))
    1.0
    """
    x, _, _ = dynamics.as_input(net, x)
    return _best_dt(outermost(net, x, state.potentials))


def _best_dt(found):
    if np.isrealobj(found):  # then two numbers decide
        found = np.array([found.min(), found.max()])
    steps = np.linspace(0.02, 1.0, 50)
    return float(steps[np.abs(1.0 - steps[:, None] * found.ravel()).max(axis=1).argmin()])


def _chosen_dt(state, dt, found):
    """The step that was asked for, else that of the state, else the best one."""
    if dt is None:
        return state.dt if np.isfinite(state.dt) else _best_dt(found)
    return checks.number("dt", dt, above=0)


def spectrum(net, x, state, *, dt=None):
    r"""Eigenvalues of the settling map I - dt dR/du at a state, one row a sample.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium
    dt : float > 0 or None
        None takes the step with which the state was reached; `best_dt` if it took no steps.

    Returns
    -------
    ndarray of complex, shape (batch, n)

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> np.sort(spectrum(net, [1.0], free_phase(net, [1.0]), dt=1.0).real).round(6).tolist()
    [[-0.5, 0.5]]
    """
    x, _, _ = dynamics.as_input(net, x)
    found = eigenvalues(net, x, state.potentials, beta=state.beta)
    return 1.0 - _chosen_dt(state, dt, found) * found.astype(complex)


def spectral_radius(net, x, state, *, dt=None):
    r"""Return ``rho = max |eig(I - dt dR/du)|`` of each sample: the measure of condition 1.

    Below 1 the fixed point attracts; far from it and for finite times the number says nothing.
    Wide networks get it without all eigenvalues, see `sevenconditions.spectrum`; where those are
    complex, the best step that dt None may take is the best for those found.

    Parameters
    ----------
    net, x, state, dt : as for `spectrum`

    Returns
    -------
    ndarray, shape (batch,), dimensionless

    Raises
    ------
    ConvergenceError
        If the network is too wide for a dense matrix, and the iteration does not converge.

    Source
    ------
    Ostrowski's theorem on points of attraction; flow version: Lohmiller & Slotine 1998.

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> spectral_radius(net, [1.0], free_phase(net, [1.0]), dt=1.0).round(6).tolist()
    [0.5]
    """
    x, _, _ = dynamics.as_input(net, x)
    found = outermost(net, x, state.potentials, beta=state.beta)
    return radii(found, _chosen_dt(state, dt, found))


def largest_dt(net, x, state):
    r"""Largest step that keeps every sample's settling map stable here: ``2 Re(z) / |z|^2``.

    z runs over the eigenvalues of dR/du. Negative if the flow itself is unstable: no step helps.
    A local statement: far from the state a smaller step may be needed.

    Returns
    -------
    float, in units of tau

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> round(largest_dt(net, [1.0], free_phase(net, [1.0])), 6)
    1.333333
    """
    x, _, _ = dynamics.as_input(net, x)
    return float(dt_limits(outermost(net, x, state.potentials, beta=state.beta)).min())


def steps_between(rate, start, tol):
    """Steps that a residual needs from `start` to `tol` at `rate` a step: log(tol/start)/log(rate).

    Infinite where the rate is 1 or more.

    Examples
    --------
    >>> float(np.round(steps_between(0.1, 1.0, 1e-6)))
    6.0
    """
    rate, start = np.asarray(rate, dtype=float), np.asarray(start, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.log(tol / start) / np.log(rate)
    return np.where(rate < 1.0, np.maximum(steps, 0.0), np.inf)


def contraction_bound(net, *, dt=1.0):
    r"""Bound q with ``|F(u) - F(u')| <= q |u - u'|`` for all states; Banach needs it below 1.

    .. math:: q = |1 - \mathrm{dt}| + \mathrm{dt}\,s\,\lVert W + F \rVert_2 \quad (c = 0), \qquad
       F = \gamma B + A, \quad s = \sup\varphi'

    with all layers stacked; for c > 0 the two paths are bounded one by one. Sufficient, not
    necessary: a network may settle with q > 1.

    Returns
    -------
    float, dimensionless

    Source
    ------
    Banach 1922 (contraction mapping).

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]])
    >>> round(contraction_bound(net), 6)
    0.5
    """
    dt = checks.number("dt", dt, above=0)
    up, down = _stacked(net)
    slope = max(phi.slope_bound for phi in net.phis)
    if net.cancellation == 0.0:
        loop = slope * np.linalg.norm(up + down, 2)
    else:
        a, b = np.linalg.norm(up, 2), np.linalg.norm(down, 2)
        loop = slope * (a + b * (1.0 + net.cancellation * slope * a))
    return float(abs(1.0 - dt) + dt * loop)


def _stacked(net):
    """Forward matrix W and feedback matrix gamma B + A over all settling layers, (n, n) each."""
    edges = np.cumsum((0, *net.sizes[1:]))
    up, down = np.zeros((2, edges[-1], edges[-1]))
    blocks = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    for i, here in enumerate(blocks):
        if i > 0:
            up[here, blocks[i - 1]] = net.weights[i]
            down[blocks[i - 1], here] = net.feedback_gain * net.feedback[i]
        if net.lateral[i + 1] is not None:
            down[here, here] = net.lateral[i + 1]
    return up, down


def with_radius(net, radius):
    r"""The dial of condition 1: scale the loop so that its spectral radius at silence is `radius`.

    Forward weights above layer 1 and lateral matrices are scaled, and the feedback with them; the
    weights that bring the input in, and all biases, stay. Undamped (dt = 1) and with linear units
    the settling map then has exactly this radius everywhere.

    Parameters
    ----------
    net : Network with cancellation 0 (only there the radius is proportional to the loop)
    radius : float >= 0, dimensionless

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If cancellation is not 0, or the network has no loop to scale.

    Examples
    --------
    >>> from sevenconditions import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> with_radius(net, 0.8).weights[1].round(6).item()
    0.8
    """
    radius = checks.number("radius", radius, at_least=0)
    if net.cancellation != 0.0:
        raise ValueError(
            f"net: got cancellation {net.cancellation:g}, expected 0: with cancellation the radius "
            "is not proportional to the weights; scale the weights with net.replace instead"
        )
    up, down = _stacked(net)
    slope = np.concatenate(
        [np.full(n, phi.derivative(0.0)) for phi, n in zip(net.phis, net.sizes[1:], strict=True)]
    )
    now = np.abs(np.linalg.eigvals((up + down) * slope)).max()
    if now == 0.0:
        raise ValueError("net: got a network without a loop, expected feedback or lateral weights")
    factor = radius / now
    return net.replace(
        weights=[net.weights[0], *(factor * w for w in net.weights[1:])],
        feedback=[None, *(factor * b for b in net.feedback[1:])],
        lateral=[None if a is None else factor * a for a in net.lateral],
    )


def truncated_response(net, x, y, free, *, n_steps, dt):
    r"""What n_steps of a nudged phase have delivered: dv/dbeta after K steps (condition 1).

    .. math:: \frac{dv_K}{d\beta} = -\left[I - (I - \mathrm{dt}\,DJ)^K\right] J^{-1}
       \frac{\partial C}{\partial v}

    exact in K, first order in beta; D = diag phi'(u), J = dR/dv at the free state.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    free : Equilibrium          The settled free phase, from which the nudged one starts.
    n_steps : int >= 0          K.
    dt : float > 0              In units of tau.

    Returns
    -------
    tuple of ndarray, shape (batch, n_l): one array a layer, dimensionless

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> free = free_phase(net, [1.5])
    >>> [v.round(6).item() for v in truncated_response(net, [1.5], [0.0], free, n_steps=1, dt=1.0)]
    [0.0, -1.0]
    """
    x, y, _ = dynamics.as_input(net, x, y)
    n_steps = checks.whole_number("n_steps", n_steps)
    dt = checks.number("dt", dt, above=0)
    slopes = np.concatenate(
        [phi.derivative(u) for phi, u in zip(net.phis, free.potentials, strict=True)], axis=1
    )
    nudge = np.zeros_like(slopes)
    nudge[:, -net.sizes[-1] :] = free.rates[-1] - y
    # in potentials, (I - dt JD)^K is summed as a geometric series: no inverse of D is needed
    step = np.eye(slopes.shape[1]) - dt * dynamics.jacobian(net, x, free.potentials)
    response = np.zeros_like(slopes)
    for _ in range(n_steps):
        response = (step @ response[:, :, None])[:, :, 0] - dt * nudge
    return tuple(np.split(slopes * response, np.cumsum(net.sizes[1:-1]), axis=1))
