"""The smallest networks that show one thing each: two units, or a row of them."""

import numpy as np

from sevenconditions import checks
from sevenconditions.network import Network


def couple(weight, *, units="tanh"):
    r"""Two units that excite each other; the first also hears the input.

    .. math:: R_1 = u_1 - x - w\,v_2, \qquad R_2 = u_2 - w\,v_1

    Parameters
    ----------
    weight : float          w, both ways. Dimensionless.
    units : str or Activation

    Returns
    -------
    Network of widths (1, 1, 1)

    Examples
    --------
    >>> couple(0.5).feedback[1]
    array([[0.5]])
    """
    weight = checks.number("weight", weight)
    return Network(
        weights=[[[1.0]], [[weight]]], biases=[[0.0], [0.0]], activation=units, output=units
    )


def rotor(excitation, *, rotation=1.0, units="tanh"):
    r"""Two units that excite themselves and push each other round.

    .. math:: R = u - A\,v, \qquad
       A = \begin{pmatrix} s & -\omega \\ \omega & s \end{pmatrix}

    At silence :math:`\partial R/\partial u` has the eigenvalues :math:`1 - s \pm i\omega`: the flow
    passes a Hopf bifurcation at s = 1.

    Parameters
    ----------
    excitation, rotation : float        s and omega. Dimensionless.
    units : str or Activation

    Returns
    -------
    Network with one settling layer of two units, deaf to its input

    Examples
    --------
    >>> rotor(0.9).lateral[1]
    array([[ 0.9, -1. ],
           [ 1. ,  0.9]])
    """
    s, w = checks.number("excitation", excitation), checks.number("rotation", rotation)
    return _one_layer([[s, -w], [w, s]], units)


def row(n, *, own, onward):
    r"""A row of linear units, each exciting itself and the next: non-normal, with radius `own`.

    .. math:: A = a\,I + b\,S, \qquad S \text{ the shift by one place}

    The eigenvalues are all a, whatever b: late deviations shrink by a in each full step, but one
    first grows if b is large.

    Parameters
    ----------
    n : int >= 2
    own, onward : float     a and b. Dimensionless.

    Returns
    -------
    Network with one settling layer of n units, deaf to its input

    Source
    ------
    Trefethen & Embree 2005, Spectra and Pseudospectra.

    Examples
    --------
    >>> row(2, own=0.5, onward=2.0).lateral[1]
    array([[0.5, 2. ],
           [0. , 0.5]])
    """
    n = checks.whole_number("n", n, at_least=2)
    own, onward = checks.number("own", own), checks.number("onward", onward)
    return _one_layer(own * np.eye(n) + onward * np.eye(n, k=1), "linear")


def excitatory_inhibitory(net, n_inhibitory, strength, *, rng):
    r"""The last units of each hidden layer become inhibitory: local, and tied to the others.

    .. math:: A = \begin{pmatrix} 0 & -G \\ G^T & 0 \end{pmatrix}, \qquad G \ge 0

    They hear the layer below and their neighbours, and project to their neighbours only. With the
    signature :math:`\Sigma = \pm 1`, :math:`\Sigma J` is symmetric where :math:`J` is not.

    Parameters
    ----------
    net : Network of one hidden layer, without lateral coupling
    n_inhibitory : int          How many, at least one and fewer than the layer has.
    strength : float            The largest entry of G. Dimensionless.
    rng : numpy.random.Generator

    Returns
    -------
    Network with transposed feedback

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> base = layered((2, 3, 1), rng=np.random.default_rng(0))
    >>> made = excitatory_inhibitory(base, 1, 0.5, rng=np.random.default_rng(0))
    >>> made.lateral[1].round(2).tolist()
    [[0.0, 0.0, -0.32], [0.0, 0.0, -0.13], [0.32, 0.13, 0.0]]
    """
    width = net.sizes[1]
    n_inhibitory = checks.whole_number("n_inhibitory", n_inhibitory, at_least=1)
    n = width - n_inhibitory
    gains = checks.number("strength", strength) * rng.random((n, n_inhibitory))
    lateral, up = np.zeros((width, width)), net.weights[1].copy()
    lateral[:n, n:], lateral[n:, :n], up[:, n:] = -gains, gains.T, 0.0
    return Network(
        weights=[net.weights[0], up],
        biases=net.biases,
        activation=net.activation,
        output=net.output,
        lateral=[None, lateral, None],
    )


def partly_answered(net, share, *, spread=0.0, density=0.1, rng):
    r"""Sparse weights, a share of which is answered by a weight back of the same sign.

    .. math:: \kappa \to r\,\frac{(\mathrm{E}\,m)^2}{\mathrm{E}\,m^2} = r\,e^{-s^2}

    for strengths :math:`m = e^{s\,\xi}` with :math:`\xi` standard normal. Feedback is as dense as
    the weights: what does not answer stands where there is no weight, with a random sign.

    Parameters
    ----------
    net : Network               Its signs, and the size of its weight matrices, are kept.
    share : float in [0, 1]     r. Chance is the density.
    spread : float >= 0         s, of the logarithm of the strengths.
    density : float in (0, 1)   Share of the weights that exist.
    rng : numpy.random.Generator

    Returns
    -------
    Network

    Examples
    --------
    >>> from sevenconditions.feedback import alignment
    >>> from sevenconditions.network import layered
    >>> base = layered((5, 5, 5), rng=np.random.default_rng(0))
    >>> alignment(partly_answered(base, 1.0, density=0.5, rng=np.random.default_rng(0))).tolist()
    [1.0]
    """
    share = checks.number("share", share, at_least=0.0, at_most=1.0)
    weights, feedback = [net.weights[0]], [None]
    for w in net.weights[1:]:
        there, chance = rng.random(w.shape) < density, rng.random(w.shape)
        alone = ~there & (chance < density * (1 - share) / (1 - density))
        sizes = np.exp(spread * rng.standard_normal((2, *w.shape)))
        signs = np.where(alone, rng.choice([-1.0, 1.0], w.shape), np.sign(w))
        up = np.where(there, np.sign(w) * sizes[0], 0.0)
        down = np.where(alone | (there & (chance < share)), signs * sizes[1], 0.0)
        scale = np.linalg.norm(w) / np.linalg.norm(up)
        weights.append(scale * up)
        feedback.append(scale * down.T)
    return net.replace(weights=weights, feedback=feedback)


def _one_layer(lateral, units):
    n = len(lateral)
    return Network(
        weights=[np.zeros((n, 1))], biases=[np.zeros(n)], lateral=[None, lateral], output=units
    )
