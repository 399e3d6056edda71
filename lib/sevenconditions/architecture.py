r"""Condition 7, architecture: the settling network and the feedforward one match (chapter 7).

With cancellation c -> 1 or feedback gain :math:`\gamma` -> 0 the equilibrium becomes the forward
pass. Unrolled in time, the nudged phase replays backprop through time, step by step, as long as the
copies of a weight are tied and there are steps enough for the depth.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sevenconditions import checks, dynamics, exact, solvers
from sevenconditions.gradient import Gradient

_TINY = 1e-30  # a complex step: the imaginary part is then the derivative, exactly


def as_given(net):
    """The network's own cancellation, feedback gain and lateral matrices, whatever they are."""
    return net


def matched(net):
    r"""The setting that keeps condition 7: c = 1, :math:`\gamma` = 1, no lateral matrices.

    Then the free phase is the forward pass of the network with the same weights. An architecture
    is a function from a `Network` to the one that settles; write your own to try another.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network

    Source
    ------
    Gu, Askari & El Ghaoui 2020, AISTATS (the lifted energy); Whittington & Bogacz 2017, Neural
    Comput. 29:1229-1262 (errors that wait).

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = matched(layered((3, 4, 2), rng=np.random.default_rng(0)))
    >>> net.cancellation, net.feedback_gain
    (1.0, 1.0)
    """
    return net.replace(cancellation=1.0, feedback_gain=1.0, lateral=None)


def hopfield(net):
    r"""The architecture of equilibrium propagation: c = 0, :math:`\gamma` = 1.

    Its equilibrium is not the forward pass: the gradient it holds is its own.

    Parameters, returns : as for `matched`

    Source
    ------
    Hopfield 1984, PNAS 81:3088-3092.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> hopfield(layered((3, 2), cancellation=1.0, rng=np.random.default_rng(0))).cancellation
    0.0
    """
    return net.replace(cancellation=0.0, feedback_gain=1.0)


def cancelling(cancellation):
    """The dial of condition 7: c between the Hopfield form (0) and the forward pass (1).

    Parameters
    ----------
    cancellation : float in [0, 1]      c.

    Returns
    -------
    callable, Network -> Network

    Breaks when
    -----------
    c is below 1: the distance to backprop grows as 1 - c.

    Examples
    --------
    >>> cancelling(0.9).cancellation
    0.9
    """
    return _Numbers(checks.number("cancellation", cancellation, at_least=0, at_most=1), None)


def weak_feedback(gain, *, cancellation=0.0):
    r"""The other dial of condition 7: feedback of gain :math:`\gamma`, which must be weak.

    Parameters
    ----------
    gain : float > 0        gamma.
    cancellation : float in [0, 1]

    Returns
    -------
    callable, Network -> Network

    Breaks when
    -----------
    gamma is not small: the distance to backprop grows as gamma.

    Source
    ------
    Xie & Seung 2003, Neural Comput. 15:441-454.

    Examples
    --------
    >>> weak_feedback(0.01).feedback_gain
    0.01
    """
    return _Numbers(
        checks.number("cancellation", cancellation, at_least=0, at_most=1),
        checks.number("gain", gain, above=0),
    )


def state_mismatch(net, x, free):
    r"""Distance of the free phase from the forward pass: the measure of condition 7.

    .. math:: m = \lVert u^* - u^{\text{ff}} \rVert \,/\, \lVert u^{\text{ff}} \rVert

    over all settling units, potentials of the batch together.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    free : Equilibrium

    Returns
    -------
    float, dimensionless

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> round(state_mismatch(net, [1.5], free_phase(net, [1.5])), 6)
    0.333333
    """
    x, _, _ = dynamics.as_input(net, x)
    checks.same_samples(x, free)
    forward, _ = dynamics.forward_pass(net, x)
    there, here = np.concatenate(forward, axis=1), np.concatenate(free.potentials, axis=1)
    apart = float(np.linalg.norm(here - there))
    return apart / float(np.linalg.norm(there)) if apart > 0.0 else 0.0


def layers_reached(net, n_steps):
    """Which layers a nudge has reached after so many steps, each layer updated at once.

    A step carries the nudge down by one layer, so layer l of L has no update at all before step
    L - l + 1: depth asks for steps.

    Parameters
    ----------
    net : Network
    n_steps : int >= 0

    Returns
    -------
    ndarray of bool, shape (L,), bottom-up

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> layers_reached(layered((3, 4, 4, 2), rng=np.random.default_rng(0)), 2).tolist()
    [False, True, True]
    """
    n_steps = checks.whole_number("n_steps", n_steps)
    return np.arange(net.n_layers, 0, -1) <= n_steps


class Replay(NamedTuple):
    """Equilibrium propagation beside backprop through time, one entry a step.

    Parameters
    ----------
    velocities, slopes : tuple of ndarray, shape (n_steps, batch, n_l)
        What a nudge does to each potential in step t, and minus dC/dv, t steps before the end.
    products, gradients : tuple of Gradient, length n_steps
        How the local product changes in step t, and minus dC/dtheta of the copy used there.
    """

    velocities: tuple
    slopes: tuple
    products: tuple
    gradients: tuple

    def errors(self):
        """Relative error of the states and of the parameters, over all steps together."""
        state = _relative(self.velocities, self.slopes)
        flat = [[g.flat() for g in side] for side in (self.products, self.gradients)]
        return state, _relative(*flat)


def replay(net, x, y, *, n_steps, beta, dt=0.5):
    r"""Run nudged phases step by step beside backprop through time: where they agree (condition 7).

    .. math:: M\,\frac{u^\beta_{t+1} - u^\beta_t}{\beta\,\mathrm{dt}} \to
       -\frac{\partial C}{\partial v_{T-t}}, \qquad
       \frac{h^\beta_{t+1} - h^\beta_t}{\beta} \to -\frac{\partial C}{\partial\theta_{T-t}}

    for beta -> 0, from the settled free phase, which is also what is unrolled. The left sides are
    taken from two opposite nudges, or in the limit itself, by a complex step.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    n_steps : int >= 1          Steps of the nudged phase, and of the unrolled free phase.
    beta : float > 0 or None    None takes the limit beta -> 0.
    dt : float > 0              In units of tau.

    Returns
    -------
    Replay

    Raises
    ------
    ValueError
        If a number is out of range, or a unit has phi' = 0.

    Breaks when
    -----------
    The Jacobian is not symmetric, or the free phase has not settled.

    Source
    ------
    Ernoult, Grollier, Querlioz, Bengio & Scellier 2019, NeurIPS, arXiv:1905.13633.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> both = replay(net, [1.0, 0.0, 1.0], [0.0, 1.0], n_steps=5, beta=1e-4)
    >>> max(both.errors()) < 1e-6
    True
    """
    x, y, _ = dynamics.as_input(net, x, y)
    n_steps = checks.whole_number("n_steps", n_steps, at_least=1)
    dt = checks.number("dt", dt, above=0)
    free = solvers.newton(net, x)
    if beta is None:
        run = _run(net, x, y, 1j * _TINY, dt, free, n_steps)
        moved = tuple(u.imag / _TINY for u in run)
        products = [_mapped(np.imag, h, _TINY) for h in _products(net, x, run)]
    else:
        beta = checks.number("beta", beta, above=0)
        plus, minus = (_run(net, x, y, sign * beta, dt, free, n_steps) for sign in (1.0, -1.0))
        moved = tuple((p - q) / (2.0 * beta) for p, q in zip(plus, minus, strict=True))
        products = [
            p.minus(q, over=2.0 * beta)
            for p, q in zip(_products(net, x, plus), _products(net, x, minus), strict=True)
        ]
    unrolled = exact.bptt_by_step(net, x, y, n_steps=n_steps, dt=dt, at=free, tied=True)
    return Replay(
        tuple(m * np.diff(u, axis=0) / dt for m, u in zip(net.metric, moved, strict=True)),
        tuple(-s for s in unrolled.rates),
        tuple(later.minus(h) for h, later in zip(products, products[1:], strict=False)),
        tuple(_mapped(np.negative, g, 1.0) for g in unrolled.parameters),
    )


def tying_error(net, x, y, *, noise, n_steps, dt=0.5, rng):
    r"""What it costs when the copies of a weight in time are not tied: a dial of condition 7.

    Each step t of the unrolled free phase uses :math:`W_t = W + \varepsilon N_t` with
    :math:`|N_t| = |W|` drawn afresh; its gradient, summed over the copies, is compared with that of
    tied copies.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    noise : float >= 0          epsilon.
    n_steps : int >= 1
    dt : float > 0              In units of tau.
    rng : numpy.random.Generator

    Returns
    -------
    float                       Relative error of the weight gradients, dimensionless.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> rng = np.random.default_rng(1)
    >>> tying_error(net, [1.0, 0.0, 1.0], [0.0, 1.0], noise=0.0, n_steps=9, rng=rng)
    0.0
    """
    x, y, _ = dynamics.as_input(net, x, y)
    noise = checks.number("noise", noise, at_least=0)
    n_steps = checks.whole_number("n_steps", n_steps, at_least=1)
    dt, net = checks.number("dt", dt, above=0), net.replace(feedback=None)
    copies = [_perturbed(net, noise, rng) for _ in range(n_steps)]
    loose = _unrolled(copies, x, y, dt)
    tied = _unrolled([net] * n_steps, x, y, dt)
    return float(np.linalg.norm(loose - tied) / np.linalg.norm(tied))


@dataclass(frozen=True)
class _Numbers:
    cancellation: float
    feedback_gain: float | None

    def __call__(self, net):
        gain = net.feedback_gain if self.feedback_gain is None else self.feedback_gain
        return net.replace(cancellation=self.cancellation, feedback_gain=gain)


def _run(net, x, y, beta, dt, free, n_steps):
    """Potentials of a nudged phase after each step, shape (n_steps + 1, batch, n_l) a layer."""
    states = [tuple(u.astype(np.result_type(u, beta)) for u in free.potentials)]
    for _ in range(n_steps):
        residual = dynamics.residual(net, x, states[-1], y=y, beta=beta)
        states.append(tuple(u - dt * r for u, r in zip(states[-1], residual, strict=True)))
    return tuple(np.array(layer) for layer in zip(*states, strict=True))


def _products(net, x, run):
    """The local product -dE/dtheta after each step of a run."""
    states = (dynamics.rates(net, potentials) for potentials in zip(*run, strict=True))
    return [dynamics.local_product(net, dynamics.signals(net, x, rates)) for rates in states]


def _mapped(function, gradient, over):
    return Gradient(*(tuple(function(p) / over for p in part) for part in gradient))


def _relative(first, second):
    first, second = (np.concatenate([np.ravel(part) for part in side]) for side in (first, second))
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


def _perturbed(net, noise, rng):
    def moved(weight):
        draw = rng.standard_normal(weight.shape)
        return weight + noise * draw * (np.linalg.norm(weight) / np.linalg.norm(draw))

    return net.replace(weights=[moved(w) for w in net.weights], feedback=None)


def _unrolled(copies, x, y, dt):
    """Gradient of the forward weights, summed over the copies used in each step, as one vector."""
    u, states = dynamics.silence(copies[0], len(x)), []
    for net in copies:
        states.append(u)
        u = tuple(a - dt * r for a, r in zip(u, dynamics.residual(net, x, u), strict=True))
    last, slope = copies[-1], np.zeros((len(x), sum(copies[-1].sizes[1:])))
    output = last.output
    slope[:, -last.sizes[-1] :] = output.derivative(u[-1]) * (output(u[-1]) - y) / len(x)
    total = [0.0] * last.n_layers
    for net, u in zip(reversed(copies), reversed(states), strict=True):
        for i, part in enumerate(_own_slopes(net, x, u, slope, dt)):
            total[i] = total[i] + part
        local = np.eye(slope.shape[1]) - dt * dynamics.jacobian(net, x, u)
        slope = (slope[:, None, :] @ local)[:, 0, :]
    return np.concatenate([np.ravel(part) for part in total])


def _own_slopes(net, x, u, slope, dt):
    """slope . d(u - dt R)/dW of one step: the drive's part and, tied to it, the feedback's."""
    rates = dynamics.rates(net, u)
    read = dynamics.signals(net, x, rates)
    layer_drives = dynamics.drives(net, x, rates)
    here = [dt * s for s in dynamics.split(net, slope)]
    result = []
    for i in range(net.n_layers):
        carried, lateral = 0.0, net.lateral[i + 1]
        if i:
            carried = net.feedback_gain * here[i - 1] @ net.feedback[i]
        if lateral is not None:
            carried = carried + here[i] @ lateral
        # the prediction that is subtracted from what is carried moves with the weight too
        own = here[i] - net.cancellation * net.phis[i].derivative(layer_drives[i]) * carried
        part = own.T @ read.pre[i]
        if i:
            part = part + net.feedback_gain * read.post[i].T @ here[i - 1]
        result.append(part)
    return result
