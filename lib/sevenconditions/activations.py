r"""Activations: phi with derivative, inverse, primitive G and conjugate G*.

The energy of a unit needs two functions that belong to its activation :math:`\varphi`:
:math:`G' = \varphi^{-1}` and its convex conjugate :math:`G^*` with :math:`(G^*)' = \varphi`.
For every potential u they meet in Legendre's equality
:math:`G(\varphi(u)) + G^*(u) = u\,\varphi(u)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np


@dataclass(frozen=True)
class Activation:
    r"""An activation function and its companions, all elementwise and dimensionless.

    Each returns the number type that it gets: float32 for float32.

    Parameters
    ----------
    name : str
    rate : callable            phi(u), potential to rate.
    derivative : callable      phi'(u).
    inverse : callable         phi^{-1}(v), on the open range of phi.
    primitive : callable       G(v), with G' = phi^{-1}.
    conjugate : callable       G*(a), with (G*)' = phi.
    slope_bound : float        sup of phi', the Lipschitz constant of phi.
    analytic : bool            False where phi has a kink: slopes in beta then mislead.

    Examples
    --------
    >>> phi = activation("tanh")
    >>> float(phi(0.0)), float(phi.derivative(0.0))
    (0.0, 1.0)
    """

    name: str
    rate: Callable
    derivative: Callable
    inverse: Callable
    primitive: Callable
    conjugate: Callable
    slope_bound: float
    analytic: bool = True

    def __call__(self, u):
        """Rate phi(u)."""
        return self.rate(u)


def _x_log_x(x):
    return x * np.log(np.where(x > 0, x, 1.0))


def _logistic(u):
    return 0.5 + 0.5 * np.tanh(0.5 * u)


def _squareplus(u):
    root = np.sqrt(u * u + 4)
    # the two forms are equal; each avoids cancellation on its side
    return np.where(
        np.real(u) > 0, 0.5 * (u + root), 2.0 / (root + np.where(np.real(u) > 0, u, -u))
    )


def _hard_sigmoid_conjugate(a):
    inside = np.clip(a, 0.0, 1.0)
    return 0.5 * inside**2 + np.maximum(a - 1.0, 0.0)


_ACTIVATIONS = (
    Activation(
        "tanh",
        rate=np.tanh,
        derivative=lambda u: 1.0 - np.tanh(u) ** 2,
        inverse=np.arctanh,
        primitive=lambda v: 0.5 * (_x_log_x(1.0 + v) + _x_log_x(1.0 - v)),
        conjugate=lambda a: np.logaddexp(a, -a) - log(2.0),
        slope_bound=1.0,
    ),
    Activation(
        "logistic",
        rate=_logistic,
        derivative=lambda u: _logistic(u) * (1.0 - _logistic(u)),
        inverse=lambda v: np.log(v) - np.log1p(-v),
        primitive=lambda v: _x_log_x(v) + _x_log_x(1.0 - v),
        conjugate=lambda a: np.logaddexp(0.0, a),
        slope_bound=0.25,
    ),
    Activation(
        "linear",
        rate=lambda u: u * 1.0,
        derivative=np.ones_like,
        inverse=lambda v: v * 1.0,
        primitive=lambda v: 0.5 * v**2,
        conjugate=lambda a: 0.5 * a**2,
        slope_bound=1.0,
    ),
    # A smooth rectifier like softplus, but with an elementary conjugate.
    Activation(
        "squareplus",
        rate=_squareplus,
        derivative=lambda u: _squareplus(u) / np.sqrt(u * u + 4),
        inverse=lambda v: v - 1.0 / v,
        primitive=lambda v: 0.5 * v**2 - np.log(v),
        conjugate=lambda a: a * _squareplus(a) - 0.5 * _squareplus(a) ** 2 + np.log(_squareplus(a)),
        slope_bound=1.0,
    ),
    # Caveat: most units sit on the bounds, where the derivative is 0 and a kink hides the slope.
    Activation(
        "hard_sigmoid",
        rate=lambda u: np.clip(u, 0.0, 1.0),
        derivative=lambda u: np.where((u > 0.0) & (u < 1.0), np.ones_like(u), 0.0),
        inverse=lambda v: v * 1.0,
        primitive=lambda v: 0.5 * v**2,
        conjugate=_hard_sigmoid_conjugate,
        slope_bound=1.0,
        analytic=False,
    ),
)
ACTIVATIONS = {phi.name: phi for phi in _ACTIVATIONS}


def activation(name):
    """Return the activation called `name`; an `Activation` of your own passes through.

    tanh, logistic, linear and squareplus are smooth. hard_sigmoid is not: most of its units sit on
    a bound, where the derivative is 0 and nothing is learned, and its kink spoils slopes in beta.

    Raises
    ------
    ValueError
        If the name is unknown.

    Source
    ------
    squareplus: Barron 2021, Squareplus: a softplus-like algebraic rectifier, arXiv:2112.11687.

    Examples
    --------
    >>> activation("logistic").slope_bound
    0.25
    >>> activation("relu")
    Traceback (most recent call last):
    ValueError: activation: got 'relu', expected one of tanh, logistic, linear, squareplus, \
hard_sigmoid, or an Activation
    """
    if isinstance(name, Activation):
        return name
    if not isinstance(name, str) or name not in ACTIVATIONS:
        names = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation: got {name!r}, expected one of {names}, or an Activation")
    return ACTIVATIONS[name]
