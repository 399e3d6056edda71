"""Probes: what can be asked of a network, and of the rule it learns by, from outside (chapter 10).

A `Specimen` is a network that learns by a recipe, with one input and one target. Its state is
probed at rest: push a unit, hold it, silence it, read a pair of weights. Its rule is probed through
the update that it makes: let it run longer, nudge less, repeat, or compare the update with what it
should be. No probe asks which condition is broken.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from sevenconditions import checks, contrast, nudging, settling, solvers
from sevenconditions.checks import ConvergenceError
from sevenconditions.exact import backprop, feedforward_loss
from sevenconditions.gradient import Gradient
from sevenconditions.network import Network
from sevenconditions.recipe import ALL_HOLD, Recipe, prepared, take_phases

_LETTERS = "abcdefghijklm"  # of the hidden layers, lowest first
_PUSH = 1e-4  # a current so small that the response is linear to eight digits
_MOVE = 1e-5  # of a weight, for the slope of the loss


@dataclass(frozen=True, eq=False)
class Specimen:
    """A network, the recipe that it learns by, one input and one target.

    Parameters
    ----------
    net : Network           Of fewer than 14 hidden layers.
    x, y : ndarray, shape (1, n_0), (1, n_L)
    recipe : Recipe

    Units have names: ``x1``, ``x2`` are inputs, ``a1`` the first unit of the lowest hidden layer,
    ``b1`` of the next, ``o1`` an output. The methods read these names.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 2, 1), rng=np.random.default_rng(0))
    >>> it = Specimen(net, np.array([[1.0, 0.5]]), np.array([[0.2]]), sc.ALL_HOLD)
    >>> it.units
    ('x1', 'x2', 'a1', 'a2', 'o1')
    >>> up, down = it.weight_pair("a1", "o1")
    >>> up == down
    True
    """

    net: Network
    x: np.ndarray
    y: np.ndarray
    recipe: Recipe

    # --- names ---

    @cached_property
    def units(self):
        """Names of all units, layer by layer from the input up."""
        letters = ["x", *_LETTERS[: self.net.n_layers - 1], "o"]
        sizes = zip(letters, self.net.sizes, strict=True)
        return tuple(f"{letter}{i + 1}" for letter, n in sizes for i in range(n))

    def place(self, unit):
        """Layer (0 is the input) and index of a unit. Raises ValueError for an unknown name."""
        if unit not in self.units:
            raise ValueError(f"unit: got {unit!r}, expected one of {', '.join(self.units)}")
        at, starts = self.units.index(unit), np.cumsum((0, *self.net.sizes))
        layer = int(np.searchsorted(starts, at, side="right")) - 1
        return layer, int(at - starts[layer])

    def connection(self, lower, upper):
        """Index of a weight: layer, row, column. Raises ValueError unless upper is one above."""
        (below, column), (above, row) = self.place(lower), self.place(upper)
        if above != below + 1:
            raise ValueError(
                f"connection: got {lower!r} and {upper!r}, expected a unit and one of the layer "
                "above it, such as 'a1' and 'b2'"
            )
        return below, row, column

    # --- the network at rest ---

    @cached_property
    def ready(self):
        """The network as its recipe prepares it."""
        return prepared(self.net, self.recipe).free

    @cached_property
    def free(self):
        """The free phase, settled to rounding."""
        return self._at_rest(self.ready)

    def perturb(self, first, second):
        """Push one unit, read another, and the reverse: dv/dI both ways, per unit of current.

        Parameters
        ----------
        first, second : str     Two units that settle: not inputs.

        Returns
        -------
        there, back : float     Of the second unit while the first is pushed; the reverse.

        Raises
        ------
        ValueError
            If a name is unknown or an input.
        """
        (i, j), (k, l) = self._settling_place(first), self._settling_place(second)
        return float(self.responses(first)[k - 1][l]), float(self.responses(second)[i - 1][j])

    @cache  # noqa: B019, a specimen lives as long as its answers
    def responses(self, unit):
        """How all rates answer to a small push at one unit, per unit of current.

        Returns
        -------
        tuple of ndarray, shape (n_l,), for each layer that settles
        """
        plus, minus = (self._moved(self._pushed(unit, sign * _PUSH)) for sign in (1, -1))
        return tuple((up - down) / (2.0 * _PUSH) for up, down in zip(plus, minus, strict=True))

    def clamp(self, unit, by=0.2):
        """Hold a unit's potential away from its rest: how far all rates move in the free phase.

        Parameters
        ----------
        unit : str              One that settles.
        by : float              How far from its potential at rest.

        Returns
        -------
        tuple of tuple of n_l float, for each layer that settles

        Raises
        ------
        ValueError
            If the name is unknown or an input.
        ConvergenceError
            If no current holds the unit there.
        """
        layer, index = self._settling_place(unit)
        held, near, far = self.free.potentials[layer - 1][0, index] + by, 0.0, by
        state = self.free
        miss = -by
        for _ in range(30):  # the secant method, on the current that holds the unit
            state = self._pushed(unit, far)
            now = state.potentials[layer - 1][0, index] - held
            if abs(now) < 1e-13 or now == miss:
                break
            near, far, miss = far, far - now * (far - near) / (now - miss), now
        if abs(now) > 1e-9:
            raise ConvergenceError(f"clamp: no current holds {unit} {by:g} above its rest")
        return _plain(self._moved(state))

    def lesion(self, unit, target=None):
        """Silence a unit, or cut one connection: how far all rates move in the free phase.

        Parameters
        ----------
        unit : str              The unit to silence, not an input; with a target, where the
            connection starts.
        target : str or None    Where it ends: a unit one layer above, or below for feedback.

        Returns
        -------
        tuple of tuple of n_l float, for each layer that settles

        Raises
        ------
        ValueError
            If a name is unknown, or there is no such connection.
        """
        cut = self._silenced(unit) if target is None else self._cut(unit, target)
        return _plain(self._moved(self._at_rest(cut)))

    def weight_pair(self, lower, upper):
        """The two weights between two units: forward, and feedback.

        Parameters
        ----------
        lower, upper : str      Units of neighbouring layers, the lower not an input.

        Returns
        -------
        up, down : float

        Raises
        ------
        ValueError
            If there is no such pair: nothing is fed back to the input.
        """
        layer, row, column = self.connection(lower, upper)
        if layer == 0:
            raise ValueError(f"pair: got {lower!r}, an input; nothing is fed back to the input")
        return (
            float(self.ready.weights[layer][row, column]),
            float(self.ready.feedback[layer][column, row]),
        )

    # --- the update that its rule makes ---

    def update(self, rng):
        """What the rule writes, as it is. Returns a Gradient."""
        return self._written(self.recipe, rng)

    def longer_update(self, rng, times=4):
        """What the rule writes when its phases may take more time. Returns a Gradient."""
        steps = getattr(self.recipe.settling, "n_steps", None)
        if steps is None:  # it runs until it rests: longer is the same run
            return self.update(rng)
        longer = settling.fixed_steps(times * steps, dt=self.recipe.settling.dt)
        return self._written(self.recipe._replace(settling=longer), rng)

    def gentler_update(self, rng, times=0.5):
        """What the rule writes when beta is multiplied, by a half for instance. A Gradient."""
        times = checks.number("times", times, above=0)
        was = self.recipe.nudging
        gentle = nudging.Nudging(
            tuple(times * beta for beta in was.betas),
            tuple(weight / times for weight in was.weights),
            was.free_weight / times,
            was.order,
        )
        return self._written(self.recipe._replace(nudging=gentle), rng)

    def update_and_contrast(self, rng):
        """What the rule writes, and the contrast of the same two states as they were read.

        Returns
        -------
        written, contrast : Gradient
        """
        read = self._read(self.recipe, rng)
        return self.recipe.contrast(read), contrast.contrastive_hebbian(read)

    @cached_property
    def gradient(self):
        """Backprop's gradient of the feedforward loss. A Gradient."""
        return backprop(self.net, self.x, self.y)

    def steepest(self, n=1):
        """The n connections below the top layer along which the loss is steepest, as names."""
        sizes = self.net.sizes
        starts = np.cumsum((0, *sizes))
        found = {
            (self.units[starts[l] + j], self.units[starts[l + 1] + i]): abs(g[i, j])
            for l, g in enumerate(self.gradient.weights[:-1])
            for i in range(sizes[l + 1])
            for j in range(sizes[l])
        }
        return sorted(found, key=found.get, reverse=True)[:n]

    def slope(self, lower, upper):
        """Slope of the feedforward loss along one weight, found by moving the weight.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If there is no such connection.
        """
        layer, row, column = self.connection(lower, upper)
        losses = []
        for move in (_MOVE, -_MOVE):
            moved = [w.copy() for w in self.net.weights]
            moved[layer][row, column] += move
            there = self.net.replace(weights=moved, feedback=None)
            losses.append(feedforward_loss(there, self.x, self.y))
        return float((losses[0] - losses[1]) / (2.0 * _MOVE))

    # --- how ---

    def _settling_place(self, unit):
        layer, index = self.place(unit)
        if layer == 0:
            raise ValueError(f"unit: got {unit!r}, an input; expected a unit that settles")
        return layer, index

    def _at_rest(self, net, current=None, start=None):
        state = solvers.newton(net, self.x, current=current, start=start)
        if not state.converged:
            raise ConvergenceError("probe: the network does not come to rest under it")
        return state

    def _pushed(self, unit, current):
        layer, index = self._settling_place(unit)
        extra = [np.zeros((1, n)) for n in self.net.sizes[1:]]
        extra[layer - 1][0, index] = current
        return self._at_rest(self.ready, tuple(extra), self.free)

    def _moved(self, state):
        pairs = zip(state.rates, self.free.rates, strict=True)
        return tuple((after - before)[0] for after, before in pairs)

    def _silenced(self, unit):
        layer, index = self._settling_place(unit)
        weights = [w.copy() for w in self.ready.weights]
        biases = [b.copy() for b in self.ready.biases]
        feedback = [None, *(b.copy() for b in self.ready.feedback[1:])]
        lateral = [None if a is None else a.copy() for a in self.ready.lateral]
        weights[layer - 1][index] = biases[layer - 1][index] = 0.0
        if layer > 1:
            feedback[layer - 1][:, index] = 0.0
        if layer < self.net.n_layers:
            weights[layer][:, index] = feedback[layer][index] = 0.0
        if lateral[layer] is not None:
            lateral[layer][index] = lateral[layer][:, index] = 0.0
        return self.ready.replace(
            weights=weights, biases=biases, feedback=feedback, lateral=lateral
        )

    def _cut(self, start, end):
        (first, i), (last, j) = self.place(start), self.place(end)
        if last == first + 1:
            weights = [w.copy() for w in self.ready.weights]
            weights[first][j, i] = 0.0
            kept = [None, *self.ready.feedback[1:]]  # only the way up is cut
            return self.ready.replace(weights=weights, feedback=kept)
        if last == first - 1 and last > 0:
            feedback = [None, *(b.copy() for b in self.ready.feedback[1:])]
            feedback[last][j, i] = 0.0
            return self.ready.replace(feedback=feedback)
        raise ValueError(
            f"connection: got {start!r} and {end!r}, expected neighbouring layers, such as "
            "'a1', 'b2' for a weight or 'b2', 'a1' for feedback"
        )

    def _written(self, recipe, rng):
        return recipe.contrast(self._read(recipe, rng))

    def _read(self, recipe, rng):
        """The phases of a recipe: the same ones each time, unless they are read with noise."""
        if recipe.phases is ALL_HOLD.phases:
            return self._read_once(recipe)
        return take_phases(self.net, self.x, self.y, recipe, allow_unsettled=True, rng=rng)

    @cache  # noqa: B019
    def _read_once(self, recipe):
        return take_phases(self.net, self.x, self.y, recipe, allow_unsettled=True)


def _plain(layers):
    return tuple(tuple(map(float, layer)) for layer in layers)


def entry(gradient: Gradient, connection) -> float:
    """One weight's entry of a gradient, by the index that `Specimen.connection` gives.

    Examples
    --------
    >>> entry(Gradient((np.array([[1.0, 2.0]]),), (np.zeros(1),)), (0, 0, 1))
    2.0
    """
    layer, row, column = connection
    return float(gradient.weights[layer][row, column])
