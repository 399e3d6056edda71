r"""The network: a frozen record of weights, biases, feedback and two numbers, c and gamma.

Layers are counted 0 (input) to L (output). ``weights[l]`` brings layer l to layer l+1;
``feedback[l]`` brings layer l+1 back to layer l; ``lateral[l]`` acts within layer l. In formulas
the weights into layer l are written :math:`W_l`: that is ``weights[l-1]``.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from operator import is_
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

    All dimensionless. Arrays are copied and made read-only: to float32 where every one of them is a
    float32 array, to float64 otherwise. States and gradients are then of the network's type.

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
        _refuse_other_than_layers(self.weights, self.biases)
        given = {name: getattr(self, name) for name in _FIELDS}
        for name in ("feedback", "lateral"):
            given[name] = None if given[name] is None else list(given[name])
        self.__dict__.update(_validated(given, _common_type(given)))

    @property
    def n_layers(self):
        """L, the number of weight layers and of layers that settle."""
        return len(self.weights)

    @property
    def dtype(self):
        """The type of every number in it: numpy.float64, or numpy.float32."""
        return self.weights[0].dtype

    @cached_property
    def sizes(self):
        """Widths (n_0, ..., n_L), input first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @cached_property
    def phis(self):
        """The activation of each settling layer, 1 to L."""
        return (self.activation,) * (self.n_layers - 1) + (self.output,)

    @cached_property
    def feedback_is_transposed(self):
        """Whether B = W^T, entry by entry."""
        pairs = zip(self.feedback[1:], self.weights[1:], strict=True)
        return all(
            _is_transposed_view(back, weight) or np.array_equal(back, weight.T)
            for back, weight in pairs
        )

    @cached_property
    def is_symmetric(self):
        """Whether feedback is transposed and lateral matrices symmetric, as an energy needs."""
        lateral = all(a is None or np.array_equal(a, a.T) for a in self.lateral)
        return lateral and self.feedback_is_transposed

    @cached_property
    def metric(self):
        """The weight of each layer l in the energy, gamma^(l-L), for l = 1 .. L."""
        return tuple(self.feedback_gain ** (1.0 + i - self.n_layers) for i in range(self.n_layers))

    def replace(self, **changes):
        """A network with some fields changed, of the same number type; itself if none changes.

        Feedback stays as it is: pass None to re-transpose. What stays is neither copied nor
        checked again, so this costs little however wide the network.

        Examples
        --------
        >>> net = layered((2, 3, 1), rng=np.random.default_rng(0))
        >>> net.replace(cancellation=1.0).cancellation
        1.0
        """
        before = {name: getattr(self, name) for name in _FIELDS}
        unknown = sorted(set(changes) - set(before))
        if unknown:
            raise ValueError(f"replace: got {unknown}, expected fields among {sorted(before)}")
        given = before | changes
        _refuse_other_than_layers(given["weights"], given["biases"])
        if given["feedback"] is None and _is_mirrored(self.feedback, given["weights"]):
            given["feedback"] = self.feedback
        return self._with(given, self.dtype, {id(a) for name in _ARRAYS for a in before[name]})

    def astype(self, dtype):
        """The same network in numpy.float64 or numpy.float32; itself if it is of that type.

        Examples
        --------
        >>> net = layered((2, 3, 1), rng=np.random.default_rng(0))
        >>> net.astype(np.float32).weights[0].dtype
        dtype('float32')
        """
        dtype = _number_type(dtype)
        if dtype == self.dtype:
            return self
        given = {name: getattr(self, name) for name in _FIELDS}
        if _is_mirrored(self.feedback, self.weights):
            given["feedback"] = None
        return self._with(given, dtype, ())

    def _with(self, given, dtype, kept):
        """This network where `given` says nothing new, else one of these fields."""
        values = _validated(given, dtype, kept)
        if all(_same(value, getattr(self, name)) for name, value in values.items()):
            return self
        changed = object.__new__(Network)
        changed.__dict__.update(values)
        return changed


_FIELDS = tuple(field.name for field in fields(Network))
_ARRAYS = ("weights", "biases", "feedback", "lateral")


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
    dtype=np.float64,
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
    dtype : numpy.float64 or numpy.float32
        Of the network; both types round the same draw. With float32 a nudge must be larger: about
        1e-3 for opposite nudges, 1e-4 for one.

    Raises
    ------
    ValueError
        If sizes are not at least two positive whole numbers, rng is not a Generator, or dtype is
        another type.

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
    dtype = _number_type(dtype)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = [gain * rng.standard_normal((n, m)) / np.sqrt(m) for n, m in shapes]
    biases = [bias * rng.standard_normal(n) for n, _ in shapes]
    return Network(
        weights=[w.astype(dtype) for w in weights],
        biases=[b.astype(dtype) for b in biases],
        activation=activation,
        output=output,
        cancellation=cancellation,
        feedback_gain=feedback_gain,
    )


def _number_type(dtype):
    """float64 or float32 as a NumPy dtype, or say that there are no others."""
    if dtype is not None and dtype in (np.float64, np.float32):
        return np.dtype(dtype)
    raise ValueError(
        f"dtype: got {getattr(dtype, '__name__', dtype)}, expected numpy.float64 or numpy.float32: "
        "with fewer digits the difference of two phases drowns in rounding"
    )


def _common_type(given):
    """float32 where every array that was given is; float64 for anything else."""
    groups = [given[name] for name in _ARRAYS if given[name] is not None]
    parts = [part for group in groups for part in group if part is not None]
    single = all(isinstance(part, np.ndarray) and part.dtype == np.float32 for part in parts)
    return np.dtype(np.float32 if single else np.float64)


def _validated(given, dtype, kept=()):
    """The fields of a network, its arrays checked, copied and frozen.

    Arrays whose id is in `kept` are a network's own, and stay.
    """

    def taken(name, value, shape):
        if id(value) in kept:
            checks.fits(name, value, shape)
            return value
        result = checks.array(name, value, shape, dtype=dtype)
        result.setflags(write=False)
        return result

    weights, width = [], -1
    for i, weight in enumerate(given["weights"]):
        weights.append(taken(f"weights[{i}]", weight, (-1, width)))
        width = len(weights[-1])
    biases = [
        taken(f"biases[{i}]", bias, (len(weights[i]),)) for i, bias in enumerate(given["biases"])
    ]
    sizes = (weights[0].shape[1], *map(len, weights))
    feedback, lateral = given["feedback"], given["lateral"]
    if feedback is None:
        feedback = [None, *(w.T for w in weights[1:])]  # views, as read-only as the weights
    else:
        shapes = [None, *zip(sizes[1:-1], sizes[2:], strict=True)]
        feedback = _optional("feedback", list(feedback), shapes, taken)
        if any(b is None for b in feedback[1:]):
            raise ValueError("feedback: got None above layer 1, expected a matrix for each l >= 1")
    lateral = [None] * len(sizes) if lateral is None else list(lateral)
    return {
        "weights": tuple(weights),
        "biases": tuple(biases),
        "feedback": tuple(feedback),
        "lateral": tuple(
            _optional("lateral", lateral, [None, *((n, n) for n in sizes[1:])], taken)
        ),
        "activation": activation(given["activation"]),
        "output": activation(given["output"]),
        "cancellation": checks.number(
            "cancellation", given["cancellation"], at_least=0.0, at_most=1.0
        ),
        "feedback_gain": checks.number("feedback_gain", given["feedback_gain"], above=0.0),
    }


def _refuse_other_than_layers(weights, biases):
    for name, value in (("weights", weights), ("biases", biases)):
        if isinstance(value, str) or not hasattr(value, "__len__") or len(value) == 0:
            raise ValueError(f"{name}: got {value!r}, expected a sequence of at least one array")
    if len(weights) != len(biases):
        raise ValueError(f"biases: got {len(biases)} layers, expected {len(weights)}, as weights")


def _optional(name, given, shapes, taken):
    """One matrix, or None, for each place; a place without a shape must hold None."""
    if len(given) != len(shapes):
        raise ValueError(f"{name}: got {len(given)} entries, expected {len(shapes)}")
    result = []
    for index, (value, shape) in enumerate(zip(given, shapes, strict=True)):
        if shape is None and value is not None:
            raise ValueError(f"{name}[{index}]: got a matrix, expected None: the input is clamped")
        result.append(None if value is None else taken(f"{name}[{index}]", value, shape))
    return result


def _is_transposed_view(back, weight):
    """Whether the two are one matrix in memory, read along its rows and along its columns."""
    return back.base is weight and back.strides == weight.strides[::-1]


def _is_mirrored(feedback, weights):
    """Whether feedback was made by transposing these very weights."""
    return len(feedback) == len(weights) and all(
        map(_is_transposed_view, feedback[1:], weights[1:])
    )


def _same(new, old):
    """Whether a field holds what it held; arrays count by identity."""
    if isinstance(new, tuple):
        return len(new) == len(old) and all(map(is_, new, old))
    return new is old or (isinstance(new, float) and new == old)
