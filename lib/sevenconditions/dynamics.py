r"""The equation of motion that every room shares: tau du/dt = -R(u).

.. math:: R_l = u_l - a_l - \gamma B_{l+1} q_{l+1} - A_l q_l + [l = L]\,\beta\,(v_L - y)

with the drive :math:`a_l = W_l v_{l-1} + b_l`, the rate :math:`v_l = \varphi_l(u_l)` and the
mismatch :math:`q_l = v_l - c\,\varphi_l(a_l)`. Potentials, rates, drives and mismatches are tuples
over the layers that settle, 1 to L, bottom-up; each array has shape (batch, n_l). Time is in units
of tau; everything else is dimensionless.

The nudge beta is one number or one a sample. It may be complex, and it may be infinite: then the
output is clamped, its rate held at the target while its potential only follows its drive.
"""

from typing import NamedTuple

import numpy as np

from sevenconditions import checks
from sevenconditions.gradient import Gradient


class Signals(NamedTuple):
    """What the two ends of each synapse carry in one phase: all that a local rule may read.

    Parameters
    ----------
    post : tuple of ndarray, shape (batch, n_l)         q_l, the mismatch of the layer above.
    pre : tuple of ndarray, shape (batch, n_{l-1})      v_{l-1}, the rate of the layer below.
    """

    post: tuple
    pre: tuple


def silence(net, n_samples):
    """Potentials of zero, the state from which settling starts unless told otherwise."""
    return tuple(np.zeros((n_samples, n), net.dtype) for n in net.sizes[1:])


def rates(net, potentials):
    """v_l = phi_l(u_l) for the layers 1 to L.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]]], biases=[[0.0]])
    >>> rates(net, (np.array([[2.0]]),))
    (array([[2.]]),)
    """
    return tuple(phi(u) for phi, u in zip(net.phis, potentials, strict=True))


def held_rates(net, potentials, y, beta):
    """The rates, with the output's held at the target where the nudge is infinite."""
    free = rates(net, potentials)
    return (*free[:-1], y) if np.isinf(beta).any() else free


def input_drive(net, x):
    """a_1 = W_1 x + b_1, which stays while the input does."""
    drive = x @ net.weights[0].T
    drive += net.biases[0]
    return drive


def drives(net, x, layer_rates, first=None):
    """a_l = W_l v_{l-1} + b_l for the layers 1 to L; `first` is a_1 where it is known already."""
    first = input_drive(net, x) if first is None else first
    above = zip(net.weights[1:], net.biases[1:], layer_rates[:-1], strict=True)
    return (first, *(v @ w.T + b for w, b, v in above))


def forward_pass(net, x):
    """Drives and rates of the layers 1 to L without any feedback.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]], [[3.0]]], biases=[[0.0], [1.0]], activation="linear")
    >>> [a.item() for a in forward_pass(net, np.array([[1.0]]))[0]]
    [2.0, 7.0]
    """
    layer_drives, layer_rates, below = [], [], x
    for weight, bias, phi in zip(net.weights, net.biases, net.phis, strict=True):
        layer_drives.append(below @ weight.T + bias)
        below = phi(layer_drives[-1])
        layer_rates.append(below)
    return tuple(layer_drives), tuple(layer_rates)


def mismatches(net, layer_rates, layer_drives):
    """q_l = v_l - c phi_l(a_l): what feedback carries and the learning rule reads."""
    if net.cancellation == 0.0:
        return layer_rates
    return tuple(
        v - net.cancellation * phi(a)
        for phi, v, a in zip(net.phis, layer_rates, layer_drives, strict=True)
    )


def signals(net, x, layer_rates):
    """The `Signals` of a state: mismatch above and rate below each synapse."""
    carried = layer_rates  # without cancellation no drive is subtracted
    if net.cancellation:
        carried = mismatches(net, layer_rates, drives(net, x, layer_rates))
    return Signals(tuple(carried), (x, *layer_rates[:-1]))


def local_product(net, read):
    r"""Post times pre of every synapse, :math:`\gamma^{l-L}\,q_l v_{l-1}^T`, a batch mean.

    Parameters
    ----------
    net : Network
    read : Signals          Of one phase.

    Returns
    -------
    Gradient, dimensionless

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> local_product(net, Signals((np.array([[6.0]]),), (np.array([[3.0]]),))).weights[0].item()
    18.0
    """
    scaled = [m * q / len(q) for m, q in zip(net.metric, read.post, strict=True)]
    return Gradient(
        tuple(q.T @ v for q, v in zip(scaled, read.pre, strict=True)),
        tuple(q.sum(axis=0) for q in scaled),
    )


def split(net, stacked):
    """An array over all settling units, shape (batch, n), as one array a layer."""
    return tuple(np.split(stacked, np.cumsum(net.sizes[1:-1]), axis=1))


def residual(net, x, potentials, *, y=None, beta=0.0, current=None, first=None):
    """R(u) for the layers 1 to L: what is left to settle, zero at an equilibrium.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (batch, n_0)
    potentials : tuple of ndarray, shape (batch, n_l)
    y : ndarray, shape (batch, n_L), needed when beta is not 0
    beta : number or ndarray of shape (batch,)      Nudging strength.
    current : tuple of ndarray, shape (batch, n_l), or None     Constant input beside the drive.
    first : ndarray, shape (batch, n_1), or None
        The `input_drive`, where many states under one input are asked for.

    Returns
    -------
    tuple of ndarray, shape (batch, n_l)

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]]], biases=[[0.5]])
    >>> residual(net, np.array([[2.0]]), (np.array([[2.5]]),))
    (array([[0.]]),)
    """
    layer_rates = held_rates(net, potentials, y, beta)
    layer_drives = drives(net, x, layer_rates, first)
    carried = mismatches(net, layer_rates, layer_drives)
    result = [u - a for u, a in zip(potentials, layer_drives, strict=True)]
    if current is not None:
        result = [r - extra for r, extra in zip(result, current, strict=True)]
    for i in range(net.n_layers - 1):
        result[i] = result[i] - net.feedback_gain * (carried[i + 1] @ net.feedback[i + 1].T)
    for i, lateral in enumerate(net.lateral[1:]):
        if lateral is not None:
            result[i] = result[i] - carried[i] @ lateral.T
    if np.any(beta) and not np.isinf(beta).any():
        result[-1] = result[-1] + column(beta) * (layer_rates[-1] - y)
    return tuple(result)


def column(beta):
    """The nudge as one number, or as a column with one number a sample."""
    return np.reshape(beta, (-1, 1)) if np.ndim(beta) else beta


def jacobian(net, x, potentials, *, beta=0.0):
    """dR/du at a state, one matrix a sample.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (batch, n_0)
    potentials : tuple of ndarray, shape (batch, n_l)
    beta : number or ndarray of shape (batch,)
        Nudging strength; the target does not enter the Jacobian.

    Returns
    -------
    ndarray, shape (batch, n, n) with n = n_1 + ... + n_L, layers bottom-up

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> jacobian(net, np.zeros((1, 1)), (np.zeros((1, 1)), np.zeros((1, 1))))[0]
    array([[ 1. , -0.5],
           [-0.5,  1. ]])
    """
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, potentials, strict=True)]
    if np.isinf(beta).any():  # a rate that is held follows no potential
        slopes[-1], beta = np.zeros_like(slopes[-1]), 0.0
    layer_drives = drives(net, x, rates(net, potentials))
    predicted = [
        net.cancellation * phi.derivative(a) for phi, a in zip(net.phis, layer_drives, strict=True)
    ]
    edges = np.cumsum((0, *net.sizes[1:]))
    blocks = [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]
    result = np.zeros((len(x), edges[-1], edges[-1]), dtype=np.result_type(*slopes, beta))
    result += np.eye(edges[-1])
    for i, here in enumerate(blocks):
        if i > 0:
            below = blocks[i - 1]
            forward = net.weights[i] * slopes[i - 1][:, None, :]  # (batch, n_l, n_{l-1})
            result[:, here, below] -= forward
            back = net.feedback_gain * net.feedback[i]  # into the layer below
            result[:, below, here] -= back * slopes[i][:, None, :]
            if net.cancellation:
                result[:, below, below] += back @ (predicted[i][:, :, None] * forward)
        if net.lateral[i + 1] is not None:
            result[:, here, here] -= net.lateral[i + 1] * slopes[i][:, None, :]
            if i > 0 and net.cancellation:
                result[:, here, below] += net.lateral[i + 1] @ (predicted[i][:, :, None] * forward)
    last = np.arange(edges[-2], edges[-1])
    result[:, last, last] += column(beta) * slopes[-1]
    return result


def as_input(net, x, y=None, beta=0.0, repeats=1):
    """Validated (x, y, beta) in the network's number type, a target wherever beta is not 0.

    With `repeats`, beta may hold that many numbers a sample.
    """
    checks.network(net)
    x = checks.batch("x", x, net.sizes[0], dtype=net.dtype)
    beta = checks.nudge("beta", beta, repeats * len(x), dtype=net.dtype)
    if y is None:
        if np.any(beta):
            raise ValueError(f"y: got None with beta = {beta}, expected a target for the nudge")
        return x, None, beta
    y = checks.batch("y", y, net.sizes[-1], dtype=net.dtype)
    checks.pairs(x, y)
    return x, y, beta
