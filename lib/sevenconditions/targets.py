r"""Feedback that does not come from the layer above through transposed weights.

Two ways: the output's error sent straight to every layer through fixed random matrices, and targets
handed down by inverses of the layers. Both run the forward pass first; ``net.feedback``,
``net.lateral`` and ``net.cancellation`` play no part. All dimensionless.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.gradient import Gradient


def direct_feedback(net, x, y, matrices):
    r"""Send the error of the output straight to each hidden layer, through given matrices.

    .. math:: \delta_L = \varphi_L'(a_L)(v_L - y), \qquad
       \delta_l = \varphi_l'(a_l)\, B_l\, \delta_L, \qquad \hat g_l = \delta_l\, v_{l-1}^T

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    matrices : sequence, matrices[l] of shape (n_l, n_L) for l = 1 .. L-1; matrices[0] is None

    Returns
    -------
    Gradient                Batch mean. That of the output layer is exact.

    Raises
    ------
    ValueError
        If x, y or the matrices do not fit the network.

    Breaks when
    -----------
    The matrices are not the transposed paths from layer to output. With a single hidden layer that
    path is the output weights; in a deeper nonlinear net it differs from sample to sample.

    Source
    ------
    Nøkland 2016, NeurIPS 29, arXiv:1609.01596.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [w.item() for w in direct_feedback(net, [[3.0]], [[5.0]], [None, [[2.0]]]).weights]
    [6.0, 3.0]
    """
    x, y, _ = dynamics.as_input(net, x, y, beta=1.0)
    matrices = _direct(net, matrices)
    drives, rates = dynamics.forward_pass(net, x)
    error = net.output.derivative(drives[-1]) * (rates[-1] - y)
    deltas = [
        net.activation.derivative(a) * (error @ b.T)
        for a, b in zip(drives[:-1], matrices[1:], strict=True)
    ]
    return _gradient(x, rates, [*deltas, error])


@dataclass(frozen=True)
class direct_feedback_alignment:
    r"""Direct feedback through random matrices that never change: the weights align to them.

    .. math:: B_l \sim \mathcal N(0, g^2 / n_L), \quad\text{fixed by the seed and the widths}

    A value: call it with (net, x, y) for a Gradient, the batch mean.

    Parameters
    ----------
    seed : int >= 0
    gain : float > 0        g.

    Raises
    ------
    ValueError
        If a number is out of range; when called, if x or y do not fit the network.

    Breaks when
    -----------
    Always, at the start: hidden layers come out at right angles to backprop. Training turns the
    weights towards the matrices, and the angle falls.

    Source
    ------
    Nøkland 2016, NeurIPS 29, arXiv:1609.01596.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((4, 6, 3), rng=np.random.default_rng(0))
    >>> rule = direct_feedback_alignment(seed=1)
    >>> rule.matrices(net)[1].shape
    (6, 3)
    >>> rule(net, np.ones(4), np.zeros(3)).weights[0].shape
    (6, 4)
    """

    seed: int = 0
    gain: float = 1.0

    def __post_init__(self):
        """Refuse what is not a seed or a gain."""
        checks.whole_number("seed", self.seed)
        checks.number("gain", self.gain, above=0)

    def matrices(self, net):
        """The direct matrices: a function of the seed and the widths alone, so training keeps them.

        Returns
        -------
        tuple, entry l of shape (n_l, n_L) for l = 1 .. L-1; the first is None
        """
        rng = np.random.default_rng((self.seed, *net.sizes))
        n = net.sizes[-1]
        scale = self.gain / np.sqrt(n)
        return (None, *(scale * rng.standard_normal((m, n)) for m in net.sizes[1:-1]))

    def __call__(self, net, x, y):
        """Estimate dC/dtheta."""
        return direct_feedback(net, x, y, self.matrices(net))


def pseudo_inverse(net, index, drive):
    r"""Undo a layer to first order: the smallest change below that makes a given change above.

    .. math:: g(v_{l+1}) = J^+ v_{l+1}, \qquad J = \varphi'(a_{l+1})\, W_{l+1}

    Parameters
    ----------
    net : Network
    index : int             l, the layer below; weights[l] lead from it.
    drive : ndarray, shape (batch, n_{l+1})         a_{l+1} in the forward pass.

    Returns
    -------
    callable                From (batch, n_{l+1}) to (batch, n_l).

    Source
    ------
    Meulemans et al. 2020, NeurIPS 33:20024-20036.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> pseudo_inverse(net, 1, np.array([[6.0]]))(np.array([[5.0]])).round(6)
    array([[2.5]])
    """
    backward = np.linalg.pinv(_jacobian(net, index, drive))
    return lambda above: np.einsum("bij,bj->bi", backward, above)


def transposed_jacobian(net, index, drive):
    r"""Not an inverse: with the transpose in its place, targets carry the error of backprop.

    .. math:: g(v_{l+1}) = J^T v_{l+1}, \qquad J = \varphi'(a_{l+1})\, W_{l+1}

    Parameters and return value are those of `pseudo_inverse`.

    Source
    ------
    Ernoult et al. 2022, ICML, arXiv:2201.13415, train the feedback towards it.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> transposed_jacobian(net, 1, np.array([[6.0]]))(np.array([[5.0]]))
    array([[10.]])
    """
    backward = _jacobian(net, index, drive).transpose(0, 2, 1)
    return lambda above: np.einsum("bij,bj->bi", backward, above)


def layer_inverse(net, index, drive):
    r"""Undo a layer in full, activation and all, as a trained decoder would at its best.

    .. math:: g(v_{l+1}) = W_{l+1}^+ \left[\varphi^{-1}(v_{l+1}) - b_{l+1}\right]

    Parameters and return value are those of `pseudo_inverse`; `drive` is not needed.

    Raises
    ------
    ValueError
        When called with a rate that the layer above cannot have.

    Source
    ------
    Lee, Zhang, Fischer & Bengio 2015, ECML PKDD 498-515, where it is learned.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [1.0]], activation="linear")
    >>> layer_inverse(net, 1, None)(np.array([[5.0]])).round(6)
    array([[2.]])
    """
    del drive
    backward, phi = np.linalg.pinv(net.weights[index]), net.phis[index]

    def undo(above):
        with np.errstate(all="ignore"):
            potential = phi.inverse(above)
        if not np.isfinite(potential).all():
            raise ValueError(
                f"layer {index + 1}: got a target of {above.ravel()[np.abs(above).argmax()]:.3g}, "
                f"expected one inside the range of {phi.name}: take a smaller step"
            )
        return (potential - net.biases[index]) @ backward.T

    return undo


def layer_targets(net, x, y, *, step=0.1, inverse=pseudo_inverse):
    r"""Targets for every layer, from the output down, corrected by the difference.

    .. math:: \hat v_L = v_L - \eta\,(v_L - y), \qquad
       \hat v_l = v_l + g_l(\hat v_{l+1}) - g_l(v_{l+1})

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    step : float > 0        The part of the way to the target that the output is sent.
    inverse : callable      (net, l, drive of layer l+1) -> g_l, as `pseudo_inverse`.

    Returns
    -------
    tuple of ndarray, shape (batch, n_l), layers 1 to L

    Raises
    ------
    ValueError
        If x or y do not fit the network, step is not positive, or g_l returns another shape.

    Source
    ------
    Lee, Zhang, Fischer & Bengio 2015, ECML PKDD 498-515.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [t.round(6).item() for t in layer_targets(net, [[3.0]], [[5.0]], step=1.0)]
    [2.5, 5.0]
    """
    x, y, _ = dynamics.as_input(net, x, y, beta=1.0)
    step = checks.number("step", step, above=0)
    _callable(inverse)
    drives, rates = dynamics.forward_pass(net, x)
    targets = [rates[-1] - step * (rates[-1] - y)]
    for l in reversed(range(1, net.n_layers)):
        back = inverse(net, l, drives[l])  # rates[l] and drives[l] belong to layer l + 1
        shift = np.asarray(back(targets[-1])) - back(rates[l])
        if shift.shape != rates[l - 1].shape:
            raise ValueError(
                f"inverse: got shape {shift.shape} for layer {l}, expected {rates[l - 1].shape}"
            )
        targets.append(rates[l - 1] + shift)
    return tuple(targets[::-1])


@dataclass(frozen=True)
class difference_target_propagation:
    r"""Every layer learns to reach its own target: targets, not errors, are handed down.

    .. math:: \hat g_l = -\frac1\eta\, \varphi_l'(a_l)\,(\hat v_l - v_l)\, v_{l-1}^T

    With `pseudo_inverse` the targets of an invertible net are Gauss-Newton steps, another direction
    than the gradient. With `transposed_jacobian` the estimate equals backprop at every step, not
    only in the limit, as the shift of a target is linear in the step.

    A value: call it with (net, x, y) for a Gradient, the batch mean.

    Parameters
    ----------
    step : float > 0        eta; matters only to an inverse that is not linear.
    inverse : callable      As `pseudo_inverse`, `transposed_jacobian` or `layer_inverse`.

    Raises
    ------
    ValueError
        If step is not a positive number; when called, if x or y do not fit the network.

    Breaks when
    -----------
    Above the first layer the rows of the weights are not orthonormal, or the units not linear:
    inverse and transpose part.
    Directions in which a layer hardly answers are the ones that an inverse amplifies.

    Source
    ------
    Lee, Zhang, Fischer & Bengio 2015, ECML PKDD 498-515; Meulemans et al. 2020, NeurIPS
    33:20024-20036.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> for inverse in (pseudo_inverse, transposed_jacobian):
    ...     estimate = difference_target_propagation(inverse=inverse)(net, [[3.0]], [[5.0]])
    ...     [w.round(6).item() for w in estimate.weights]
    [1.5, 3.0]
    [6.0, 3.0]
    """

    step: float = 0.1
    inverse: Callable = pseudo_inverse

    def __post_init__(self):
        """Refuse what is not a step or an inverse."""
        checks.number("step", self.step, above=0)
        _callable(self.inverse)

    def __call__(self, net, x, y):
        """Estimate dC/dtheta."""
        targets = layer_targets(net, x, y, step=self.step, inverse=self.inverse)
        x, _, _ = dynamics.as_input(net, x)
        drives, rates = dynamics.forward_pass(net, x)
        deltas = [
            phi.derivative(a) * (v - target) / self.step
            for phi, a, v, target in zip(net.phis, drives, rates, targets, strict=True)
        ]
        return _gradient(x, rates, deltas)


def _callable(inverse):
    if not callable(inverse):
        raise ValueError(
            f"inverse: got {inverse!r}, expected a function (net, index, drive) -> g, such as "
            "pseudo_inverse"
        )


def _direct(net, matrices):
    """The direct matrices as arrays that fit the network."""
    if len(matrices) != net.n_layers or matrices[0] is not None:
        raise ValueError(
            f"matrices: got {len(matrices)} entries, expected {net.n_layers}: None for the input, "
            "then one for each hidden layer"
        )
    shapes = [(n, net.sizes[-1]) for n in net.sizes[1:-1]]
    return [
        None,
        *(
            checks.array(f"matrices[{l}]", matrix, shape)
            for l, (matrix, shape) in enumerate(zip(matrices[1:], shapes, strict=True), start=1)
        ),
    ]


def _jacobian(net, index, drive):
    """dv_{l+1}/dv_l of each sample, shape (batch, n_{l+1}, n_l)."""
    return net.phis[index].derivative(drive)[:, :, None] * net.weights[index]


def _gradient(x, rates, deltas):
    """Batch mean of delta times presynaptic rate."""
    below = [x, *rates[:-1]]
    return Gradient(
        tuple(d.T @ v / len(x) for d, v in zip(deltas, below, strict=True)),
        tuple(d.mean(axis=0) for d in deltas),
    )
