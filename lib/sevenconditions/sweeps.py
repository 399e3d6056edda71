r"""Down-and-up sweeps: the Gauss-Seidel iteration for R(u) = 0, once in each direction.

A sweep keeps the drives :math:`a_l` of all layers above the first. From the output down it sets
:math:`e_l = \gamma B_{l+1} q_{l+1}`, what reaches layer l beside its drive, and
:math:`u_l = a_l + e_l`; from the input up it then sets the drives to what the new rates bring.
Every matrix is used once a sweep, as in one step of the dynamics, but news from either end crosses
the whole network. With full cancellation the way down is the backward pass.

The drive of layer 1 is constant. A linear output gives way to its nudge at once,
:math:`u_L = (a_L + \beta y) / (1 + \beta)`; any other takes one step of Newton's method a sweep.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from sevenconditions.activations import ACTIVATIONS

_LINEAR = ACTIVATIONS["linear"]
_NARROW = 16  # units whose derivative is a small matrix
_SMALL = 2048  # entries
_STIFFEST = 0.1  # a nudge near the critical one would divide by almost nothing


class _Parts(NamedTuple):
    """Views into an iterate: the drive of every layer, lateral inputs, an output under a nudge."""

    drives: list
    lateral: dict
    output: np.ndarray | None


class Sweeps:
    """The sweeps of one batch: buffers that are written in place, and what stays constant.

    Parameters
    ----------
    net : Network
    drive : ndarray, shape (batch, n_1)         W_1 x + b_1, what the clamped input brings.
    y : ndarray, shape (batch, n_L), or None
    beta : number or ndarray of shape (batch,)
    current : sequence of ndarray, shape (batch, n_l), or None
    dtype : dtype                               Of the states.

    Attributes
    ----------
    state : ndarray, shape (batch, width)       The iterate; write the next one into it.
    """

    def __init__(self, net, drive, y, beta, current, dtype):
        self.net, self.drive, self.current, self.last = net, drive, current, net.n_layers - 1
        self.cancellation, self.gain = net.cancellation, net.feedback_gain
        self.biases = [None, *(_spread(b, len(drive)) for b in net.biases[1:])]
        self.phis = [phi.rate for phi in net.phis]
        self.in_place = [isinstance(phi, np.ufunc) for phi in self.phis]
        self.up, self.down, self.across = (
            [None if part is None else part.T.astype(dtype, copy=False) for part in parts]
            for parts in (net.weights, net.feedback, net.lateral)
        )
        self.nudge = _Nudge(net.output, y, beta)
        blocks = self._blocks()
        width = sum(net.sizes[i + 1] for _, i in blocks)
        self.state, self.new = np.zeros((2, len(drive), width), dtype)
        self.before, self.after = (self._parts(blocks, s) for s in (self.state, self.new))
        hidden = [(len(drive), n) for n in net.sizes[1:-1]]
        self.beside, self.rates = ([np.empty(shape, dtype) for shape in hidden] for _ in range(2))
        self.rates.append(None)  # the output's are made anew each time

    def _blocks(self):
        """What an iterate holds: (what, layer)."""
        layers = range(self.net.n_layers)
        blocks = [("drive", i) for i in layers[1:]]
        blocks += [("lateral", i) for i in layers if self.across[i + 1] is not None]
        return blocks + [("output", layers[-1])] * self.nudge.takes_steps

    def _parts(self, blocks, state):
        parts = _Parts([self.drive] + [None] * (self.net.n_layers - 1), {}, None)
        start = 0
        for what, i in blocks:
            view = state[:, start : start + self.net.sizes[i + 1]]
            start += self.net.sizes[i + 1]
            if what == "output":
                return parts._replace(output=view)
            getattr(parts, "drives" if what == "drive" else "lateral")[i] = view
        return parts

    def start(self, potentials):
        """Begin with the iterate of some potentials; without any, with that of the forward pass.

        Parameters
        ----------
        potentials : sequence of ndarray, shape (any, n_l), or None
            Of the whole batch, or of the part that it repeats.
        """
        drives, lateral, output = self.before
        n, below = len(self.drive if potentials is None else potentials[0]), None
        for i, phi in enumerate(self.phis):
            drive = below @ self.up[i] + self.net.biases[i] if i else self.drive[:n]
            potential = drive if potentials is None else potentials[i]
            below = phi(potential)
            if i:
                _fill(drives[i], drive)
            if i in lateral:
                _fill(lateral[i], self._carried(i, below, drive) @ self.across[i + 1])
        if output is not None:
            _fill(output, potential)

    def sweep(self):
        """One sweep down and up.

        Returns
        -------
        ndarray, shape (batch, width)       What it changes in the iterate.
        """
        self._go_down()
        self._go_up()
        return self.new - self.state

    def advance(self, times):
        """So many sweeps, and the output layer after them, whatever the residual.

        Parameters
        ----------
        times : int >= 1
        """
        for _ in range(times):
            self._go_down()
            self._go_up()
            self.state, self.new = self.new, self.state
            self.before, self.after = self.after, self.before
        self._give_way(self.before)

    def _go_down(self):
        drives, lateral, _ = self.before
        self._give_way(self.before)
        for i in reversed(range(self.last)):
            self._feed_back(i, drives, self.beside[i])
            if i in lateral:
                self.beside[i] += lateral[i]
            self._fire(i, drives[i])

    def _go_up(self):
        drives, lateral, output = self.after
        for i in range(1, self.last + 1):
            self._bring_up(i, self.rates[i - 1], drives[i])
            if i < self.last:
                self._fire(i, drives[i])
        for i, part in lateral.items():
            self._bring_across(i, self.rates[i], drives[i], part)
        if output is not None:
            output[:] = self.top

    def rest(self):
        """Potentials, rates and residual R after the last sweep.

        Returns
        -------
        potentials, rates, residual : list of ndarray, shape (batch, n_l)
            In the buffers of the sweeps. The residual is infinite where the output by itself
            repels: there a negative nudge is stronger than its leak.
        """
        drives, lateral, _ = self.after
        self._give_way(self.after)
        residual, last = [], self.last
        potentials = [drive + e for drive, e in zip(drives[:-1], self.beside, strict=True)]
        for i in range(last):
            fed_back = self._feed_back(i, drives, np.empty_like(self.beside[i]))
            if i in lateral:
                fed_back += lateral[i]
            residual.append(np.subtract(self.beside[i], fed_back, out=fed_back))
        residual.append(self.nudge.residual(self.top, self.rates[-1], self.reached))
        if last in lateral:
            across = np.empty_like(lateral[last])
            self._bring_across(last, self.rates[-1], drives[-1], across)
            residual[-1] = residual[-1] + lateral[last] - across
        return [*potentials, self.top], self.rates, residual

    @property
    def is_narrow(self):
        """Whether `derivative` is to be had, and small: two layers, the upper one of few units."""
        plain = self.net.n_layers == 2 and not self.before.lateral
        return plain and not self.nudge.takes_steps and self.net.sizes[2] <= _NARROW

    @cached_property
    def _pairs(self):
        """W_ij B_jk of the two layers, one row for each hidden unit j."""
        weight, back = self.net.weights[1], self.net.feedback_gain * self.net.feedback[1]
        return (weight.T[:, :, None] * back[:, None, :]).reshape(len(back), -1)

    def derivative(self, rows):
        """How a sweep's drive of the output depends on the one before, at the last sweep.

        Parameters
        ----------
        rows : ndarray of int, over the samples

        Returns
        -------
        ndarray, shape (rows, n_L, n_L)
        """
        hidden, output = self.net.phis
        slope = hidden.derivative(self.drive[rows] + self.beside[0][rows]) @ self._pairs
        fed_back = output.derivative(self.top[rows]) * self.nudge.softness_of(rows)
        if self.net.cancellation:
            drive = self.before.drives[1][rows]
            fed_back = fed_back - self.net.cancellation * output.derivative(drive)
        return slope.reshape(len(rows), *[self.net.sizes[2]] * 2) * fed_back[:, None, :]

    def _give_way(self, parts):
        """Set the output layer to its input and its nudge."""
        self.reached = parts.drives[-1]
        if self.last in parts.lateral:
            self.reached = self.reached + parts.lateral[self.last]
        if self.current is not None:
            self.reached = self.reached + self.current[-1]
        self.top, self.rates[-1] = self.nudge.apply(self.reached, parts.output)

    def _feed_back(self, i, drives, out):
        """What feedback and a constant current bring to hidden layer i."""
        carried = self.rates[i + 1]
        if self.cancellation:
            carried = self._carried(i + 1, carried, drives[i + 1])
        _multiply(carried, self.down[i + 1], out)
        if self.gain != 1.0:
            out *= self.gain
        if self.current is not None:
            out += self.current[i]
        return out

    def _bring_up(self, i, below, out):
        _multiply(below, self.up[i], out)
        out += self.biases[i]

    def _bring_across(self, i, rate, drive, out):
        _multiply(self._carried(i, rate, drive), self.across[i + 1], out)

    def _carried(self, i, rate, drive):
        c = self.cancellation
        return rate if c == 0.0 else rate - c * self.phis[i](drive)

    def _fire(self, i, drive):
        u = np.add(drive, self.beside[i], out=self.rates[i])
        if self.in_place[i]:
            self.phis[i](u, out=u)
        else:
            self.rates[i] = self.phis[i](u)


class _Nudge:
    """What a nudge does to the output layer: u_L + beta (v_L - y) = what reaches the layer."""

    def __init__(self, phi, y, beta):
        self.phi, self.y = phi, y
        self.off, self.takes_steps = not np.any(beta), False
        self.clamps = not self.off and bool(np.isinf(beta).any())
        if self.off or self.clamps:
            return
        self.beta = beta.reshape(-1, 1) if np.ndim(beta) else beta
        stiffness = 1.0 + self.beta
        self.takes_steps = phi is not _LINEAR or bool((np.abs(stiffness) <= _STIFFEST).any())
        if not self.takes_steps:
            kind = np.result_type(y, stiffness)  # one nudge for all is a number without a type
            self.softness = _rows(1.0 / stiffness, y.shape).astype(kind, copy=False)
            self.pull = self.softness * self.beta * y

    def softness_of(self, rows):
        """How far the output follows its drive, of some samples."""
        if self.off or self.clamps:
            return float(self.off)
        return self.softness[rows]

    def apply(self, reached, output):
        """Potentials and rates of the output layer; one step of Newton's method from `output`."""
        if self.off:
            return reached, reached if self.phi is _LINEAR else self.phi(reached)
        if self.clamps:
            return reached, self.y
        if not self.takes_steps:
            u = reached * self.softness
            u += self.pull
            return u, u
        missing = output + self.beta * (self.phi(output) - self.y) - reached
        stiffness = 1.0 + self.beta * self.phi.derivative(output)
        u = output - missing / np.where(np.abs(stiffness) > _STIFFEST, stiffness, _STIFFEST)
        return u, self.phi(u)

    def residual(self, u, v, reached):
        """What the output layer has not yet given way to."""
        if self.off or self.clamps:
            return np.zeros_like(u)
        left = u + self.beta * (v - self.y) - reached
        if np.iscomplexobj(left):  # continued beyond what a real network could hold
            return left
        return np.where(1.0 + self.beta * self.phi.derivative(u) > 0.0, left, np.inf)


def _fill(rows, values):
    rows[:] = values if len(rows) == len(values) else np.tile(values, (len(rows) // len(values), 1))


def _multiply(a, b, out):
    # dot has a third of matmul's overhead, which a single sample feels
    if out.flags.c_contiguous:
        a.dot(b, out)
    else:
        np.matmul(a, b, out=out)


def _spread(bias, n_samples):
    """A small bias as a row for each sample: cheaper to add than one row for all."""
    return _rows(bias, (n_samples, len(bias))) if len(bias) * n_samples <= _SMALL else bias


def _rows(values, shape):
    rows = np.empty(shape, np.result_type(values))
    rows[:] = values
    return rows
