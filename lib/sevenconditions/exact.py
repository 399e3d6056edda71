r"""The judge: true gradients, by code that shares nothing with the rooms it judges.

All layers that settle are stacked into one vector per sample, and the equation of motion is written
with three matrices instead of a loop over layers:

.. math:: R(u) = u - a - F\,(v - c\,\varphi(a)), \qquad a = W v + d(x), \quad F = \gamma B + A
"""

from typing import NamedTuple

import numpy as np

from sevenconditions import checks
from sevenconditions.checks import ConvergenceError
from sevenconditions.gradient import Gradient


def feedforward_loss(net, x, y):
    """Mean over the batch of ``1/2 |y_hat - y|^2``, y_hat the forward pass without feedback.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> float(feedforward_loss(net, [[3.0]], [[4.0]]))
    2.0
    """
    net, x, y = _data(net, x, y)
    _, rates = _forward(net, x)
    return 0.5 * ((rates[-1] - y) ** 2).sum() / len(x)


def backprop(net, x, y):
    r"""Gradient of `feedforward_loss` by backpropagation: feedback plays no part.

    .. math:: \delta_L = \varphi_L'(a_L)(v_L - y), \quad
       \delta_l = \varphi_l'(a_l)\, W_{l+1}^T \delta_{l+1}, \quad
       \frac{dC}{dW_l} = \delta_l v_{l-1}^T

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)

    Returns
    -------
    Gradient                Batch mean, dimensionless.

    Raises
    ------
    ValueError
        If x or y do not fit the network.

    Source
    ------
    Rumelhart, Hinton & Williams 1986, Nature 323:533-536.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> backprop(net, [[3.0]], [[4.0]]).weights[0].item()
    6.0
    """
    net, x, y = _data(net, x, y)
    drives, rates = _forward(net, x)
    delta = net.output.derivative(drives[-1]) * (rates[-1] - y) / len(x)
    weights, biases = [], []
    for i in reversed(range(net.n_layers)):
        weights.append(delta.T @ rates[i])
        biases.append(delta.sum(axis=0))
        if i > 0:
            delta = net.activation.derivative(drives[i - 1]) * (delta @ net.weights[i])
    return Gradient(tuple(weights[::-1]), tuple(biases[::-1]))


def equilibrium_loss(net, x, y, *, at=None):
    """Mean over the batch of ``1/2 |v_L - y|^2`` at the free equilibrium, found by Newton's method.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    at : Equilibrium or None    Where to start; None runs the dynamics from silence first.

    Raises
    ------
    ConvergenceError
        If Newton's method finds no equilibrium there.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> round(float(equilibrium_loss(net, [[1.5]], [[0.0]])), 9)
    0.5
    """
    net, x, y = _data(net, x, y)
    system = _Stacked(net, x)
    v = system.rates(system.equilibrium(at))
    return 0.5 * ((v[:, -net.sizes[-1] :] - y) ** 2).sum() / len(x)


def recurrent_backprop(net, x, y, *, at=None, tied=False, allow_unstable=False):
    r"""Gradient of `equilibrium_loss` by implicit differentiation: the equilibrium's own gradient.

    .. math:: \frac{dC}{d\theta} = -\left(\frac{dR}{d\theta}\right)^T \lambda, \qquad
       J^T \lambda = \frac{dC}{dv}, \quad J = \frac{dR}{dv}

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    at : Equilibrium or None    Where to start; None runs the dynamics from silence first.
    tied : bool
        True: feedback moves with the weights (B = W^T), so each weight collects both its uses.
        False: feedback is held fixed.
    allow_unstable : bool
        True returns the number that the linear solve gives even where nothing would settle.

    Returns
    -------
    Gradient                Batch mean, dimensionless.

    Raises
    ------
    ConvergenceError
        If there is no equilibrium, or it repels (an eigenvalue of dR/du has a negative real part).

    Source
    ------
    Almeida 1987; Pineda 1987, Phys. Rev. Lett. 59:2229-2232.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> recurrent_backprop(net, [[1.5]], [[0.0]]).weights[0].round(6).item()
    1.0
    """
    net, x, y = _data(net, x, y)
    system = _Stacked(net, x)
    u = system.equilibrium(at)
    v, a = system.rates(u), system.drives(u)
    slope, loop = system.slopes(u), system.loop(a)
    if not allow_unstable:
        _refuse_unstable(np.eye(u.shape[1]) - loop * slope[:, None, :])
    cost_slope = np.zeros_like(v)
    cost_slope[:, -net.sizes[-1] :] = (v[:, -net.sizes[-1] :] - y) / len(x)
    # J = 1/D - P, so (I - D P^T) lambda = D dC/dv: no division by a slope that may be 0
    adjoint = np.eye(u.shape[1]) - slope[:, :, None] * loop.transpose(0, 2, 1)
    lam = np.linalg.solve(adjoint, (slope * cost_slope)[:, :, None])[:, :, 0]
    delta = lam - net.cancellation * system.slopes(a) * (lam @ system.back)
    return _parameters(net, x, v, delta, system.carried(v, a), lam, tied)


class Unrolled(NamedTuple):
    r"""A gradient through time, one step at a time: entry t belongs to t steps before the end.

    Parameters
    ----------
    rates : tuple of ndarray, shape (n_steps, batch, n_l), layers 1 to L bottom-up
        Entry t is :math:`dC/dv_{T-t}` of each sample by itself: *not* divided by the batch.
    parameters : tuple of n_steps Gradients
        Entry t is :math:`dC/d\theta_{T-t}`, batch mean, of the copy of the weights used in the
        step that produces the state at T - t.

    Examples
    --------
    >>> Unrolled(rates=(np.zeros((3, 1, 2)),), parameters=(None, None, None)).rates[0].shape
    (3, 1, 2)
    """

    rates: tuple
    parameters: tuple


def bptt(net, x, y, *, n_steps, dt=0.5, at=None, tied=False):
    r"""Gradient of the loss after a number of steps, by backpropagation through time.

    Every step is a layer of a feedforward network, and all these layers share their weights:

    .. math:: \frac{dC}{d\theta} = -\mathrm{dt} \sum_{t=0}^{T-1}
       \left(\frac{dR}{d\theta}(u_{T-t-1})\right)^T g_{T-t}, \qquad
       g_{s} = \left(1 - \mathrm{dt}\,\frac{dR}{du}(u_s)\right)^T g_{s+1}, \quad
       g_T = \varphi'(u_T)\,\frac{dC}{dv}

    with :math:`u_{s+1} = u_s - \mathrm{dt}\,R(u_s)`: the run is taken as it is, settled or not. As
    T grows, a run that settles gives what `recurrent_backprop` gives.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    n_steps : int >= 1
        T. The whole run is kept, in about ten arrays of shape (n_steps, batch, n_1 + ... + n_L).
    dt : float > 0              Step in units of tau.
    at : Equilibrium or None    Where the run starts; None starts from silence, u = 0.
    tied : bool
        True: feedback moves with the weights (B = W^T), so each weight collects both its uses.
        False: feedback is held fixed.

    Returns
    -------
    Gradient                Batch mean, dimensionless.

    Raises
    ------
    ValueError
        If x, y or the start do not fit the network, or a number is out of range.
    ConvergenceError
        If the run diverges, or the gradient does on its way back.

    Breaks when
    -----------
    T is small: layer l gets exactly zero from T <= L - l steps. Later an error of order r^T remains
    (r the spectral radius of a step at the equilibrium), of order T r^T for a start elsewhere.

    Source
    ------
    Rumelhart, Hinton & Williams 1986, Nature 323:533-536 (unrolling in time);
    Werbos 1990, Proc. IEEE 78:1550-1560.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [bptt(net, [[1.5]], [[0.0]], n_steps=n).weights[0].round(6).item() for n in (1, 10, 100)]
    [0.0, 0.838196, 1.0]
    """
    net, x, y = _data(net, x, y)
    _, *used = _unroll(net, x, y, n_steps, dt, at)
    rows = [part.reshape(-1, part.shape[-1]) for part in used]  # (n_steps * batch, n)
    return _parameters(net, np.tile(x, (n_steps, 1)), *rows, tied)


def bptt_by_step(net, x, y, *, n_steps, dt=0.5, at=None, tied=False):
    r"""What each step of `bptt` contributes, and the gradient with respect to the rates in time.

    .. math:: \frac{dC}{dv_{T-t}} := \frac{g_{T-t}}{\varphi'(u_{T-t})}, \qquad
       \frac{dC}{d\theta_{T-t}} =
       -\mathrm{dt} \left(\frac{dR}{d\theta}(u_{T-t-1})\right)^T g_{T-t}

    with g as in `bptt`, whose gradient is the sum of the second over t.

    Parameters
    ----------
    net, x, y, n_steps, dt, at, tied : see `bptt`

    Returns
    -------
    Unrolled                Rates per sample, parameters as batch mean; t = 0 is the last step.

    Raises
    ------
    ValueError, ConvergenceError
        As `bptt`, and if a unit has phi' = 0 on the way, where dC/dv does not exist.

    Source
    ------
    Werbos 1990, Proc. IEEE 78:1550-1560; step by step against an energy: Ernoult et al. 2019,
    NeurIPS 32.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> steps = bptt_by_step(net, [[1.0]], [[0.5]], n_steps=2)
    >>> steps.rates[0].ravel().tolist(), [part.weights[0].item() for part in steps.parameters]
    ([1.0, 0.5], [0.5, 0.25])
    """
    net, x, y = _data(net, x, y)
    slope, rates, delta, carried, lam = _unroll(net, x, y, n_steps, dt, at)
    if (slope == 0.0).any():
        raise ValueError(
            f"net: got {int((slope == 0.0).any(axis=0).sum())} units with phi' = 0 during the run, "
            "expected none: dC/dv does not exist there; use a smooth activation and smaller "
            "weights, or bptt, which does without"
        )
    by_rate = lam * (len(x) / dt) / slope
    return Unrolled(
        tuple(np.split(by_rate, np.cumsum(net.sizes[1:-1]), axis=-1)),
        tuple(
            _parameters(net, x, *used, tied)
            for used in zip(rates, delta, carried, lam, strict=True)
        ),
    )


def central_differences(loss, net, *, step=1e-5, tied=False):
    """Gradient of `loss(net)` by central differences, one parameter at a time.

    Parameters
    ----------
    loss : callable             Network -> float.
    net : Network
    step : float > 0
    tied : bool                 Whether feedback moves with the weights.

    Returns
    -------
    Gradient

    Raises
    ------
    ValueError
        If step is not a positive number.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> g = central_differences(lambda n: feedforward_loss(n, [[3.0]], [[4.0]]), net)
    >>> g.weights[0].round(6).item()
    6.0
    """
    step, net = checks.number("step", step, above=0), net.astype(np.float64)

    def slope(name, layer, index):
        losses = []
        for sign in (1.0, -1.0):
            parts = [part.copy() for part in getattr(net, name)]
            parts[layer][index] += sign * step
            changes = {name: parts}
            if tied and name == "weights":
                changes["feedback"] = [None, *(w.T for w in parts[1:])]
            losses.append(loss(net.replace(**changes)))
        return (losses[0] - losses[1]) / (2.0 * step)

    def field(name):
        return tuple(
            np.array([slope(name, i, k) for k in np.ndindex(p.shape)]).reshape(p.shape)
            for i, p in enumerate(getattr(net, name))
        )

    return Gradient(field("weights"), field("biases"))


def _data(net, x, y):
    """The network in float64, whatever its own type, and rows of samples."""
    checks.network(net)
    x, y = checks.batch("x", x, net.sizes[0]), checks.batch("y", y, net.sizes[-1])
    checks.pairs(x, y)
    return net.astype(np.float64), x, y


def _forward(net, x):
    """Drives of layers 1..L and rates of layers 0..L of the feedforward network."""
    drives, rates = [], [x]
    for weight, bias, phi in zip(net.weights, net.biases, net.phis, strict=True):
        drives.append(rates[-1] @ weight.T + bias)
        rates.append(phi(drives[-1]))
    return drives, rates


def _refuse_unstable(flow):
    """Raise unless every eigenvalue of dR/du has a positive real part."""
    lowest = np.linalg.eigvals(flow).real.min(axis=1)
    if (lowest <= 0).any():
        raise ConvergenceError(
            f"{int((lowest <= 0).sum())} of {len(flow)} samples rest at a fixed point that repels "
            f"(smallest real part of an eigenvalue of dR/du {lowest.min():.3g}, expected above 0; "
            f"spectral radius of the undamped map {_undamped_radius(flow):.4g}): the linear solve "
            "would return a number that no settling network delivers. Scale the weights down, or "
            "pass allow_unstable=True to see that number"
        )


def _undamped_radius(flow):
    return np.abs(1.0 - np.linalg.eigvals(flow)).max()


def _unroll(net, x, y, n_steps, dt, at):
    """Run T steps, then go back through them, the last step first.

    Five arrays of shape (n_steps, batch, n): phi' at the state that a step produces; the rates that
    it started from, the batch mean's gradient with respect to its drives, what feedback carried,
    and dt times the gradient with respect to the potentials that it produces.
    """
    n_steps = checks.whole_number("n_steps", n_steps, at_least=1)
    dt = checks.number("dt", dt, above=0)
    system = _Stacked(net, x)
    states = np.empty((n_steps + 1, *system.constant.shape))  # [0] is the last state
    states[-1] = system.start(at)
    with np.errstate(over="ignore", invalid="ignore"):
        first = np.abs(system.motion(states[-1])).max()
        for t in reversed(range(n_steps)):
            step = system.motion(states[t + 1])
            largest = np.abs(step).max()
            if not largest <= 1e8 * (1.0 + first):
                raise ConvergenceError(
                    f"the run diverged: max |R| is {largest:.3g} after {n_steps - 1 - t} of "
                    f"{n_steps} steps and was {first:.3g} at the start, expected a run that stays "
                    f"bounded; take a dt below {dt:g} or scale the weights down"
                )
            states[t] = states[t + 1] - dt * step
        slope, before = system.slopes(states), states[1:]
        rates, drives = system.rates(before), system.drives(before)
        carried = system.carried(rates, drives)
        predicted = net.cancellation * system.slopes(drives)
        by_potential = np.zeros_like(states[0])
        output = slice(-net.sizes[-1], None)
        by_potential[:, output] = system.rates(states[0])[:, output] - y
        by_potential *= slope[0] / len(x)
        delta, lam = np.empty_like(before), np.empty_like(before)
        for t in range(n_steps):
            lam[t] = dt * by_potential
            back = lam[t] @ system.back
            delta[t] = lam[t] - predicted[t] * back
            by_potential = (1.0 - dt) * by_potential + slope[t + 1] * (
                delta[t] @ system.forward + back
            )
    if not np.isfinite(delta).all():
        raise ConvergenceError(
            f"the gradient overflowed on its way back through {n_steps} steps, expected finite "
            "numbers: nearby runs part exponentially; take fewer steps or scale the weights down"
        )
    return slope[:-1], rates, delta, carried, lam


def _parameters(net, x, v, delta, carried, lam, tied):
    edges = np.cumsum(net.sizes[1:-1])
    below = [x, *np.split(v, edges, axis=1)[:-1]]
    delta, carried, lam = (np.split(s, edges, axis=1) for s in (delta, carried, lam))
    weights = [d.T @ b for d, b in zip(delta, below, strict=True)]
    if tied:
        for i in range(1, net.n_layers):
            weights[i] = weights[i] + net.feedback_gain * carried[i].T @ lam[i - 1]
    return Gradient(tuple(weights), tuple(d.sum(axis=0) for d in delta))


class _Stacked:
    """The whole network as one layer of n = n_1 + ... + n_L units that drive themselves."""

    def __init__(self, net, x):
        n, first = sum(net.sizes[1:]), net.sizes[1]
        self.net, self.edges = net, np.cumsum(net.sizes[1:-1])
        self.forward, self.back = np.zeros((n, n)), np.zeros((n, n))
        self.constant = np.tile(np.concatenate(net.biases), (len(x), 1))
        self.constant[:, :first] += x @ net.weights[0].T
        ends = np.cumsum(net.sizes[1:])
        for layer in range(1, net.n_layers):
            above = slice(ends[layer - 1], ends[layer])
            here = slice(ends[layer - 1] - net.sizes[layer], ends[layer - 1])
            self.forward[above, here] = net.weights[layer]
            self.back[here, above] = net.feedback_gain * net.feedback[layer]
        for layer, lateral in enumerate(net.lateral):
            if lateral is not None:
                here = slice(ends[layer - 1] - net.sizes[layer], ends[layer - 1])
                self.back[here, here] = lateral

    def _each(self, pick, values):
        parts = np.split(values, self.edges, axis=-1)
        return np.concatenate(
            [pick(phi)(part) for phi, part in zip(self.net.phis, parts, strict=True)], axis=-1
        )

    def rates(self, u):
        return self._each(lambda phi: phi.rate, u)

    def slopes(self, u):
        return self._each(lambda phi: phi.derivative, u)

    def drives(self, u):
        return self.rates(u) @ self.forward.T + self.constant

    def carried(self, v, a):
        return v - self.net.cancellation * self.rates(a)

    def motion(self, u):
        """R(u)."""
        a = self.drives(u)
        return u - a - self.carried(self.rates(u), a) @ self.back.T

    def loop(self, a):
        """P = W + F - c F phi'(a) W of each sample, with dR/du = I - P D."""
        c = self.net.cancellation
        return (
            self.forward + self.back - c * (self.back * self.slopes(a)[:, None, :]) @ self.forward
        )

    def start(self, at):
        """The potentials of `at`, or silence."""
        if at is None:
            return np.zeros_like(self.constant)
        return checks.array("at", np.concatenate(at.potentials, axis=1), self.constant.shape)

    def equilibrium(self, at):
        """The free equilibrium: short damped steps to find the basin, Newton's method to finish."""
        u = self.start(at)
        if at is not None:
            return self._newton(u)
        for _ in range(2000):
            step = self.motion(u)
            if np.abs(step).max() < 1e-6 or not np.abs(step).max() < 1e6:
                break
            u = u - 0.1 * step
        return self._newton(u if np.isfinite(u).all() else np.zeros_like(u))

    def _newton(self, u):
        for _ in range(50):
            rest = self.motion(u)
            if np.abs(rest).max() <= 1e-13 * (1.0 + np.abs(u).max()):
                return u
            slope, a = self.slopes(u), self.drives(u)
            local = np.eye(u.shape[1]) - self.loop(a) * slope[:, None, :]
            try:
                u = u - np.linalg.solve(local, rest[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                break
        raise ConvergenceError(
            f"no equilibrium found: residual {np.abs(rest).max():.3g} after Newton's method, "
            "expected 1e-13; scale the weights down or pass at= a settled state"
        )
