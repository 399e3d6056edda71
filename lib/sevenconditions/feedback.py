r"""Condition 4, feedback: consistent, and brought to every weight (chapter 4).

Feedback carries :math:`\delta_l = D_l B_{l+1}\,\delta_{l+1}` where backprop has
:math:`W_{l+1}^T`. A feedback setting is a function from a `Network` to one with other matrices B;
write your own to try another. A setting that draws at random takes a seed, so that it gives the
same matrices each time it is called.
"""

from dataclasses import dataclass

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.gradient import Gradient, angle_deg, cosine


def as_given(net):
    """The network's own feedback matrices, whatever they are."""
    return net


def transposed(net):
    r"""The setting that keeps condition 4: :math:`B_l = W_l^T`.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network

    Source
    ------
    Rumelhart, Hinton & Williams 1986, Nature 323:533-536 (what backprop needs).

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0], [0]], feedback=[None, [[0.5]]])
    >>> transposed(net).feedback[1]
    array([[2.]])
    """
    return net if net.feedback_is_transposed else net.replace(feedback=None)


def random(*, seed=0, gain=1.0):
    r"""Fixed random feedback: :math:`B_l \sim \mathcal N(0, g^2/n_{l-1})`, whatever the weights.

    Parameters
    ----------
    seed : int
    gain : float > 0        g; 1 keeps the size of what a layer carries. Dimensionless.

    Returns
    -------
    callable, Network -> Network

    Breaks when
    -----------
    Learning has not yet aligned the weights with it: at first 90 degrees in every hidden layer.

    Source
    ------
    Lillicrap, Cownden, Tweed & Akerman 2016, Nat. Commun. 7:13276.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> random(seed=1)(net).feedback[1].shape
    (4, 2)
    """
    return _Drawn(checks.whole_number("seed", seed), checks.number("gain", gain, above=0))


def mixed(share, *, seed=0):
    r"""A dial of condition 4: :math:`B_l = (1-a) W_l^T + a R_l` with :math:`|R_l| = |W_l|`.

    Parameters
    ----------
    share : float in [0, 1]     a.
    seed : int                  Of the random part.

    Returns
    -------
    callable, Network -> Network

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> bool(np.allclose(mixed(0.0)(net).feedback[1], net.weights[1].T))
    True
    """
    share = checks.number("share", share, at_least=0, at_most=1)
    return _Varied(
        "mixed",
        share,
        lambda w, rng: (1.0 - share) * w + share * _as_long(rng.standard_normal(w.shape), w),
        checks.whole_number("seed", seed),
    )


def sign_symmetric(net):
    r"""The sign of each weight at one magnitude: :math:`B_l = s\,\mathrm{sign}(W_l^T)`, |B| = |W|.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network

    Source
    ------
    Liao, Leibo & Poggio 2016, AAAI, arXiv:1510.05067.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[-2.0], [1.0]]], biases=[[0], [0, 0]])
    >>> sign_symmetric(net).feedback[1].round(3)
    array([[-1.581,  1.581]])
    """
    return _Varied("sign_symmetric", 1.0, lambda w, rng: _as_long(np.sign(w), w))(net)


def sign_concordant(*, seed=0):
    r"""The sign of each weight, magnitudes random: :math:`B_l = |R_l| \odot \mathrm{sign}(W_l^T)`.

    Parameters
    ----------
    seed : int              Of the magnitudes.

    Returns
    -------
    callable, Network -> Network

    Source
    ------
    Liao, Leibo & Poggio 2016, AAAI, arXiv:1510.05067.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> bool((np.sign(sign_concordant()(net).feedback[1]) == np.sign(net.weights[1].T)).all())
    True
    """
    return _Varied(
        "sign_concordant",
        1.0,
        lambda w, rng: _as_long(np.sign(w) * np.abs(rng.standard_normal(w.shape)), w),
        checks.whole_number("seed", seed),
    )


def flipped(share, *, seed=0):
    """A dial of condition 4: this share of the feedback weights has the wrong sign.

    Parameters
    ----------
    share : float in [0, 1]
    seed : int              Of the choice.

    Returns
    -------
    callable, Network -> Network

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> bool(np.allclose(flipped(1.0)(net).feedback[1], -net.weights[1].T))
    True
    """
    share = checks.number("share", share, at_least=0, at_most=1)
    return _Varied(
        "flipped",
        share,
        lambda w, rng: np.where(rng.random(w.shape) < share, -w, w),
        checks.whole_number("seed", seed),
    )


def scaled(factor):
    """A dial of condition 4: B = k W^T. Every layer keeps its direction, the whole does not.

    Parameters
    ----------
    factor : float              k; at 0 no error reaches a hidden layer.

    Returns
    -------
    callable, Network -> Network

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0], [0]])
    >>> scaled(0.5)(net).feedback[1]
    array([[1.]])
    """
    factor = checks.number("factor", factor)
    return _Varied("scaled", factor, lambda w, rng: factor * w)


def kolen_pollack(before, after, *, decay):
    r"""One step of feedback that copies the increments of the weights (Kolen-Pollack).

    .. math:: B \leftarrow (1-\lambda) B + \Delta W^T, \qquad
       W \leftarrow (1-\lambda) W + \Delta W

    so that :math:`(B - W^T)_t = (1-\lambda)^t (B - W^T)_0` exactly: no weight is transported.

    Parameters
    ----------
    before, after : Network     The network before and after its weights took a step.
    decay : float in [0, 1)     lambda, the same as that of the weights.

    Returns
    -------
    Network                     `after`, with the feedback of `before` moved along.

    Raises
    ------
    ValueError
        If decay is out of range.

    Breaks when
    -----------
    There is no decay: then B - W^T stays as it was.

    Source
    ------
    Kolen & Pollack 1994, IEEE ICNN; Akrout et al. 2019, NeurIPS, arXiv:1904.05391.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0], [0]], feedback=[None, [[0.0]]])
    >>> moved = net.replace(weights=[[[1.0]], [[0.9 * 2.0 + 0.3]]])
    >>> kolen_pollack(net, moved, decay=0.1).feedback[1].round(9)
    array([[0.3]])
    """
    keep = 1.0 - checks.number("decay", decay, at_least=0, at_most=1)
    return after.replace(
        feedback=[
            None,
            *(
                keep * b + (new - keep * old).T
                for b, old, new in zip(
                    before.feedback[1:], before.weights[1:], after.weights[1:], strict=True
                )
            ),
        ]
    )


def weight_mirror(net, *, n_samples, rate, rng):
    r"""One step of feedback that learns from noise sent up through the weights (weight mirror).

    .. math:: B_l \leftarrow (1-\eta) B_l + \eta\,\langle \xi\,(W_l\,\xi)^T\rangle, \qquad
       \xi \sim \mathcal N(0, I)

    whose mean is :math:`W_l^T`; after K samples in all, with equal weight, the relative error is
    about :math:`\sqrt{(n+1)/K}`, n the width of the layer below.

    Parameters
    ----------
    net : Network
    n_samples : int >= 1        Noise patterns that are averaged in this step.
    rate : float in (0, 1]      eta; 1 forgets what B was.
    rng : numpy.random.Generator

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If n_samples or rate is out of range.

    Source
    ------
    Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, NeurIPS, arXiv:1904.05391.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0], [0]], feedback=[None, [[0.0]]])
    >>> rng = np.random.default_rng(0)
    >>> weight_mirror(net, n_samples=100_000, rate=1.0, rng=rng).feedback[1].round(1)
    array([[2.]])
    """
    n_samples = checks.whole_number("n_samples", n_samples, at_least=1)
    rate = checks.number("rate", rate, above=0, at_most=1)
    learned = [None]
    for b, w in zip(net.feedback[1:], net.weights[1:], strict=True):
        noise = rng.standard_normal((n_samples, w.shape[1]))
        learned.append((1.0 - rate) * b + rate * noise.T @ (noise @ w.T) / n_samples)
    return net.replace(feedback=learned)


def delivered_gradient(net, x, y):
    r"""What feedback delivers in one sweep: the formula of feedback alignment (condition 4).

    .. math:: \delta_L = \varphi_L'(a_L)(v_L - y), \quad
       \delta_l = \varphi_l'(a_l)\, B_{l+1}\, \delta_{l+1}, \quad \hat g_l = \delta_l v_{l-1}^T

    on the forward pass. With B = W^T it is backprop.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)

    Returns
    -------
    Gradient

    Source
    ------
    Lillicrap, Cownden, Tweed & Akerman 2016, Nat. Commun. 7:13276.

    Examples
    --------
    >>> from sevenconditions import backprop
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones((1, 3)), np.zeros((1, 2))
    >>> bool(np.allclose(delivered_gradient(net, x, y).flat(), backprop(net, x, y).flat()))
    True
    """
    x, y, _ = dynamics.as_input(net, x, y)
    drives, rates = dynamics.forward_pass(net, x)
    slopes = [phi.derivative(a) for phi, a in zip(net.phis, drives, strict=True)]
    deltas = [slopes[-1] * (rates[-1] - y) / len(x)]
    for i in reversed(range(1, net.n_layers)):
        deltas.insert(0, slopes[i - 1] * (deltas[0] @ net.feedback[i].T))
    return Gradient(
        tuple(d.T @ v for d, v in zip(deltas, (x, *rates[:-1]), strict=True)),
        tuple(d.sum(axis=0) for d in deltas),
    )


def worst_first(estimate, reference):
    """Angle of each layer's estimate to its reference, the worst layer first.

    The angle of all parameters together is ruled by the output layer, which needs no feedback.

    Parameters
    ----------
    estimate, reference : Gradient

    Returns
    -------
    list of (int, float)        Index of the layer (0 is the first) and its angle in degrees.

    Examples
    --------
    >>> from sevenconditions import backprop
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones((1, 3)), np.zeros((1, 2))
    >>> delivered = delivered_gradient(random()(net), x, y)
    >>> [layer for layer, _ in worst_first(delivered, backprop(net, x, y))]
    [0, 1]
    """
    angles = [
        (i, float(angle_deg(estimate.layer(i), reference.layer(i))))
        for i in range(len(estimate.weights))
    ]
    return sorted(angles, key=lambda pair: -pair[1])


def alignment(net):
    r"""Cosine of each feedback matrix with the weights it stands for: kappa, bottom-up.

    .. math:: \kappa_l = \frac{\langle B_l, W_l^T\rangle}{|B_l|\,|W_l|}

    Parameters
    ----------
    net : Network

    Returns
    -------
    ndarray, shape (L - 1,), dimensionless

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 4, 2), rng=np.random.default_rng(0))
    >>> alignment(net).tolist()
    [1.0, 1.0]
    """
    pairs = zip(net.feedback[1:], net.weights[1:], strict=True)
    return np.array([float(np.round(cosine(b, w.T), 15)) for b, w in pairs])


def predicted_cosines(net):
    r"""Cosine of the delivered error in each layer, if hops multiply: :math:`\prod\kappa`.

    A prediction for wide networks with random weights: after h hops of alignment kappa, kappa^h.

    Parameters
    ----------
    net : Network

    Returns
    -------
    ndarray, shape (L,), layers bottom-up; the output layer's is 1

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> predicted_cosines(layered((3, 4, 4, 2), rng=np.random.default_rng(0))).tolist()
    [1.0, 1.0, 1.0]
    """
    return np.append(np.cumprod(alignment(net)[::-1])[::-1], 1.0)


def mixing_alignment(share):
    r"""Alignment that the dial `mixed` leaves in a wide layer: what a share of noise costs a hop.

    .. math:: \kappa = \frac{1-a}{\sqrt{(1-a)^2 + a^2}}

    Parameters
    ----------
    share : float in [0, 1]     a.

    Returns
    -------
    float

    Examples
    --------
    >>> mixing_alignment(0.5).round(6).item()
    0.707107
    """
    return np.float64((1.0 - share) / np.hypot(1.0 - share, share))


SIGN_ALIGNMENT = np.sqrt(2.0 / np.pi)  # of sign(W) with a Gaussian W
CONCORDANT_ALIGNMENT = 2.0 / np.pi  # of |R| sign(W), both Gaussian


@dataclass(frozen=True)
class _Drawn:
    seed: int
    gain: float

    def __call__(self, net):
        rng = stream(self.seed)
        shapes = [b.shape for b in net.feedback[1:]]
        drawn = [self.gain * rng.standard_normal(s) / np.sqrt(s[0]) for s in shapes]
        return net.replace(feedback=[None, *drawn])


@dataclass(frozen=True)
class _Varied:
    name: str  # with `amount` and `seed`, what tells one setting from another
    amount: float
    change: object  # (W^T, rng) -> B
    seed: int = 0

    def __call__(self, net):
        rng = stream(self.seed)
        return net.replace(feedback=[None, *(self.change(w.T, rng) for w in net.weights[1:])])


def stream(seed):
    """The generator behind a seed: of this condition alone, so that it repeats no other draw.

    Weights drawn by ``default_rng(0)`` and feedback drawn by the same would be correlated.

    Examples
    --------
    >>> bool(stream(0).random() == np.random.default_rng(0).random())
    False
    """
    return np.random.default_rng([checks.whole_number("seed", seed), 4])


def _as_long(matrix, model):
    """The matrix, scaled to the length of the model."""
    length = np.linalg.norm(matrix)
    return matrix * (np.linalg.norm(model) / length) if length > 0 else matrix
