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


def _one_layer(lateral, units):
    n = len(lateral)
    return Network(
        weights=[np.zeros((n, 1))], biases=[np.zeros(n)], lateral=[None, lateral], output=units
    )
