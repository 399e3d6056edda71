r"""The network: a frozen record of weights, biases, feedback and two numbers, c and gamma.

Layers are counted 0 (input) to L (output). ``weights[l]`` brings layer l to layer l+1;
``feedback[l]`` brings layer l+1 back to layer l; ``lateral[l]`` acts within layer l. In formulas
the weights into layer l are written :math:`W_l`: that is ``weights[l-1]``.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from sevenconditions import checks
from sevenconditions.activations import Activation, activation


@dataclass(frozen=True, eq=False)
class Network:
    r"""A layered network, as data: nothing in it changes after it is made.

    .. math:: \tau\dot u_l = -u_l + W_l v_{l-1} + b_l + \gamma B_{l+1} q_{l+1} + A_l q_l,
       \qquad q_l = v_l - c\,\varphi_l(W_l v_{l-1} + b_l)

    Parameters
    ----------
    weights : sequence of array_like, weights[l] of shape (n_{l+1}, n_l), l = 0 .. L-1
    biases : sequence of array_like, biases[l] of shape (n_{l+1},)
    feedback : sequence or None, feedback[l] of shape (n_l, n_{l+1}), l = 1 .. L-1
        The matrices B; feedback[0] is None, nothing is fed back to the input. None for all of
        them means the transposed weights, the symmetric case.
    lateral : sequence or None, lateral[l] of shape (n_l, n_l) or None, l = 0 .. L
        The matrices A; lateral[0] is None.
    activation, output : str or Activation
        Of the hidden layers and of the output layer.
    cancellation : float in [0, 1]
        c: how much of the predicted activity is subtracted from what feedback carries.
        0 is the Hopfield form, 1 the form whose free phase is the forward pass.
    feedback_gain : float > 0
        gamma: the gain of feedback.

    All dimensionless. Arrays are copied to float64 and made read-only.

    Raises
    ------
    ValueError
        If shapes do not fit together, values are not finite, or a number is out of range.

    Source
    ------
    c = 0: Hopfield 1984, PNAS 81:3088-3092. The form with c and gamma is this book's own.

    Examples
    --------
    >>> net = Network(weights=[[[1.0, 0.5]], [[2.0]]], biases=[[0.0], [0.1]])
    >>> net.sizes, net.feedback[1]
    ((2, 1, 1), array([[2.]]))
    """

    weights: tuple
    biases: tuple
    feedback: tuple | None = None
    lateral: tuple | None = None
    activation: str | Activation = "tanh"
    output: str | Activation = "linear"
    cancellation: float = 0.0
    feedback_gain: float = 1.0

    def __post_init__(self):
        """Validate, copy and freeze."""
        weights, biases = _chain(self.weights, self.biases)
        sizes = (weights[0].shape[1], *(w.shape[0] for w in weights))
        given = [None] * len(weights) if self.feedback is None else list(self.feedback)
        shapes = [None] + [(sizes[i], sizes[i + 1]) for i in range(1, len(weights))]
        transposes = [None] + [w.T for w in weights[1:]]
        if self.feedback is not None:
            transposes = [None] * len(weights)
        values = {
            "weights": weights,
            "biases": biases,
            "feedback": _optional("feedback", given, shapes, transposes),
            "lateral": _optional(
                "lateral",
                [None] * len(sizes) if self.lateral is None else list(self.lateral),
                [None] + [(n, n) for n in sizes[1:]],
                [None] * len(sizes),
            ),
            "activation": activation(self.activation),
            "output": activation(self.output),
            "cancellation": checks.number(
                "cancellation", self.cancellation, at_least=0.0, at_most=1.0
            ),
            "feedback_gain": checks.number("feedback_gain", self.feedback_gain, above=0.0),
        }
        if any(b is None for b in values["feedback"][1:]):
            raise ValueError("feedback: got None above layer 1, expected a matrix for each l >= 1")
        for name, value in values.items():
            object.__setattr__(self, name, _frozen(value))

    @property
    def n_layers(self):
        """L, the number of weight layers and of layers that settle."""
        return len(self.weights)

    @property
    def sizes(self):
        """Widths (n_0, ..., n_L), input first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def phis(self):
        """The activation of each settling layer, 1 to L."""
        return (self.activation,) * (self.n_layers - 1) + (self.output,)

    @property
    def feedback_is_transposed(self):
        """Whether B = W^T, entry by entry."""
        pairs = zip(self.feedback[1:], self.weights[1:], strict=True)
        return all(np.array_equal(back, weight.T) for back, weight in pairs)

    @property
    def is_symmetric(self):
        """Whether feedback is transposed and lateral matrices symmetric, as an energy needs."""
        lateral = all(a is None or np.array_equal(a, a.T) for a in self.lateral)
        return lateral and self.feedback_is_transposed

    @property
    def metric(self):
        """The weight of each layer l in the energy, gamma^(l-L), for l = 1 .. L."""
        return tuple(self.feedback_gain ** (1.0 + i - self.n_layers) for i in range(self.n_layers))

    def replace(self, **changes):
        """A copy with some fields changed. Feedback stays as it is: pass None to re-transpose.

        Examples
        --------
        >>> net = layered((2, 3, 1), rng=np.random.default_rng(0))
        >>> net.replace(cancellation=1.0).cancellation
        1.0
        """
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ValueError(f"replace: got {unknown}, expected fields among {sorted(known)}")
        return Network(**known | changes)


class PhaseNetworks(NamedTuple):
    """The network of the free phase and that of the nudged ones; the same unless repaired."""

    free: Network
    nudged: Network


def layered(
    sizes,
    *,
    rng,
    gain=0.5,
    activation="tanh",
    output="linear",
    cancellation=0.0,
    feedback_gain=1.0,
    bias=0.0,
):
    r"""Draw a layered network with Gaussian weights and transposed feedback.

    .. math:: W_l \sim \mathcal N(0, g^2 / n_{l-1}), \qquad b_l \sim \mathcal N(0, \sigma_b^2)

    Parameters
    ----------
    sizes : sequence of int, (n_0, ..., n_L), at least two
    rng : numpy.random.Generator
    gain : float >= 0           g; a layer of gain 1 keeps the size of its input. Dimensionless.
    activation, output, cancellation, feedback_gain : see `Network`
    bias : float >= 0           Standard deviation of the biases.

    Raises
    ------
    ValueError
        If sizes are not at least two positive whole numbers, or rng is not a Generator.

    Examples
    --------
    >>> layered((8, 10, 5), rng=np.random.default_rng(0)).sizes
    (8, 10, 5)
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng: got {rng!r}, expected numpy.random.default_rng(seed)")
    if np.ndim(sizes) != 1 or len(sizes) < 2:
        raise ValueError(f"sizes: got {sizes!r}, expected at least two widths, input first")
    sizes = [checks.whole_number(f"sizes[{i}]", n, at_least=1) for i, n in enumerate(sizes)]
    gain = checks.number("gain", gain, at_least=0.0)
    bias = checks.number("bias", bias, at_least=0.0)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return Network(
        weights=[gain * rng.standard_normal((n, m)) / np.sqrt(m) for n, m in shapes],
        biases=[bias * rng.standard_normal(n) for n, _ in shapes],
        activation=activation,
        output=output,
        cancellation=cancellation,
        feedback_gain=feedback_gain,
    )


def _chain(weights, biases):
    """Weights and biases as arrays whose shapes fit one after another."""
    for name, value in (("weights", weights), ("biases", biases)):
        if isinstance(value, str) or not hasattr(value, "__len__") or len(value) == 0:
            raise ValueError(f"{name}: got {value!r}, expected a sequence of at least one array")
    if len(weights) != len(biases):
        raise ValueError(f"biases: got {len(biases)} layers, expected {len(weights)}, as weights")
    arrays, width = [], -1
    for index, weight in enumerate(weights):
        arrays.append(checks.array(f"weights[{index}]", weight, (-1, width)))
        width = len(arrays[-1])
    return arrays, [
        checks.array(f"biases[{i}]", b, (len(w),))
        for i, (w, b) in enumerate(zip(arrays, biases, strict=True))
    ]


def _optional(name, given, shapes, defaults):
    """One matrix, or None, for each place; a place without a shape must hold None."""
    if len(given) != len(shapes):
        raise ValueError(f"{name}: got {len(given)} entries, expected {len(shapes)}")
    result = []
    for index, (value, shape, default) in enumerate(zip(given, shapes, defaults, strict=True)):
        if shape is None and value is not None:
            raise ValueError(f"{name}[{index}]: got a matrix, expected None: the input is clamped")
        result.append(default if value is None else checks.array(f"{name}[{index}]", value, shape))
    return result


def _frozen(value):
    if not isinstance(value, list):
        return value
    for part in value:
        if part is not None:
            part.setflags(write=False)
    return tuple(value)
