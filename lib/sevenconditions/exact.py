r"""The judge: true gradients, by code that shares nothing with the rooms it judges.

All layers that settle are stacked into one vector per sample, and the equation of motion is written
with three matrices instead of a loop over layers:

.. math:: R(u) = u - a - F\,(v - c\,\varphi(a)), \qquad a = W v + d(x), \quad F = \gamma B + A
"""

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
    x, y = _data(net, x, y)
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
    x, y = _data(net, x, y)
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
    x, y = _data(net, x, y)
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
    x, y = _data(net, x, y)
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
    step = checks.number("step", step, above=0)

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
    x, y = checks.batch("x", x, net.sizes[0]), checks.batch("y", y, net.sizes[-1])
    checks.pairs(x, y)
    return x, y


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
        parts = np.split(values, self.edges, axis=1)
        return np.concatenate(
            [pick(phi)(part) for phi, part in zip(self.net.phis, parts, strict=True)], axis=1
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

    def equilibrium(self, at):
        """The free equilibrium: short damped steps to find the basin, Newton's method to finish."""
        if at is not None:
            return self._newton(np.concatenate(at.potentials, axis=1))
        u = np.zeros_like(self.constant)
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
            u = u - np.linalg.solve(local, rest[:, :, None])[:, :, 0]
        raise ConvergenceError(
            f"no equilibrium found: residual {np.abs(rest).max():.3g} after 50 Newton steps, "
            "expected 1e-13; scale the weights down or pass at= a settled state"
        )
