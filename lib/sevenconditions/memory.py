"""A memory for what several runs have in common: asked again, it answers from what it kept.

The audits of one network, on one batch, ask for much of the same: prepared networks, free phases,
the limit of small nudges, the exact gradient. A function that is remembered must be pure, as every
slot of a recipe is: the same arguments, the same answer.
"""

import warnings
from dataclasses import fields, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from sevenconditions.equilibrium import Equilibrium
from sevenconditions.network import Network, PhaseNetworks
from sevenconditions.recipe import ALL_HOLD, prepared

_GLANCE = 64  # entries of an array by which it is looked up, before it is compared as a whole
_LIMIT = 2**28  # bytes; beyond them nothing new is kept


class Memory:
    """Answers by function and arguments; arguments are told apart by their content.

    It serves one thread at a time, and keeps what it knows for as long as it lives.

    Examples
    --------
    >>> memory, asked = Memory(), []
    >>> total = lambda x: asked.append(x) or float(x.sum())
    >>> memory.once(total, np.ones(3)), memory.once(total, np.ones(3)), len(asked)
    (3.0, 3.0, 1)
    """

    def __init__(self):
        self._answers, self._networks, self._first = {}, {}, {}
        self._size = 0

    def once(self, function, *args):
        """Return ``function(*args)``, computed the first time only; its warnings come every time.

        Parameters
        ----------
        function : callable     Pure.
        args : Network, Equilibrium, ndarray, tuple of them, or any value that is not changed later

        Returns
        -------
        what the function returns; an Equilibrium as a copy of its own
        """
        question = (function, *args)
        mark = self.mark(question)
        answer = self._find(question, mark)
        if answer is None:
            answer = _heard(function, args)
            self._keep(question, answer, mark)
        return answer()

    def recall(self, function, *args):
        """What was told to be ``function(*args)``; None where nothing was."""
        question = (function, *args)
        answer = self._find(question, self.mark(question))
        return None if answer is None else answer()

    def knows(self, function, *args):
        """Whether ``function(*args)`` has been computed or told."""
        question = (function, *args)
        return self._find(question, self.mark(question)) is not None

    def tell(self, value, function, *args):
        """Keep a value that was found in another way as the answer to ``function(*args)``."""
        question = (function, *args)
        self._keep(question, _Answer(value), self.mark(question))

    def networks(self, net, recipe):
        """What a recipe makes of a network, as `recipe.prepared`.

        Parameters
        ----------
        net : Network
        recipe : Recipe

        Returns
        -------
        PhaseNetworks
        """
        return self.once(_prepared, net, recipe.architecture, recipe.feedback, recipe.energy)

    def ready(self, recipe, net):
        """The recipe for this one network: its networks are made, and what settles is remembered.

        Parameters
        ----------
        recipe : Recipe
        net : Network

        Returns
        -------
        Recipe
        """
        settling = _Settling(self, recipe.settling) if callable(recipe.settling) else None
        return recipe._replace(
            architecture=_as_given,
            feedback=_as_given,
            energy=_Made(self.networks(net, recipe)),
            settling=settling or recipe.settling,
        )

    def mark(self, value):
        """What a value is looked up by: equal for equal values, and seldom for others."""
        if isinstance(value, Network):
            return self._number(value)
        if isinstance(value, np.ndarray):
            flat = value.ravel()
            return value.shape, value.dtype.str, flat[:: 1 + flat.size // _GLANCE].tobytes()
        if isinstance(value, Equilibrium):
            return self.mark(value.potentials[-1])
        if isinstance(value, partial):
            return tuple(map(self.mark, (value.func, *value.args, *value.keywords.items())))
        if isinstance(value, tuple):
            return tuple(map(self.mark, value))
        return value if _has_hash(value) else id(value)

    def _find(self, question, mark):
        for known, answer in self._answers.get(mark, ()):
            if same(known, question):
                return answer
        return None

    def _keep(self, question, answer, mark):
        size = _bytes(question) + _bytes(answer)
        if self._size + size <= _LIMIT:
            self._size += size
            self._answers.setdefault(mark, []).append((_own(question), answer))

    def _number(self, net):
        """The same number for every network of the same content."""
        if id(net) in self._first:
            return id(net)
        parts = tuple(self.mark(getattr(net, f.name)) for f in fields(net))
        alike = self._networks.setdefault(parts, [])
        for known in alike:
            if same(known, net):
                return id(known)
        alike.append(net)
        self._first[id(net)] = net  # held, so that no other network can have its number
        return id(net)


class _Answer(NamedTuple):
    value: object
    said: tuple = ()  # the warnings of the first time

    def __call__(self):
        for warning in self.said:
            warnings.warn(warning, stacklevel=4)
        # whoever writes into a state writes into a copy
        return _own(self.value) if isinstance(self.value, Equilibrium) else self.value


class _Made(NamedTuple):
    """The energy slot of a recipe whose networks are made."""

    networks: PhaseNetworks

    def __call__(self, net):
        return self.networks


class _Settling(NamedTuple):
    """A settling, remembered."""

    memory: Memory
    inner: object

    @property
    def stops_early(self):
        """Whether the settling that is remembered does."""
        return getattr(self.inner, "stops_early", False)

    def __call__(self, net, x, *, y=None, beta=0.0, start=None, current=None):
        return self.memory.once(Run(self.inner), net, x, y, beta, start, current)


class Run(NamedTuple):
    """A settling as a function of its arguments in order: how a memory asks for an equilibrium.

    Parameters
    ----------
    settling : callable, as described at `settling.rest`

    Examples
    --------
    >>> from sevenconditions.equilibrium import settle
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> Run(settle)(net, [1.0], None, 0.0, None, None).rates[0].round(6).item()
    2.0
    """

    settling: object

    def __call__(self, net, x, y, beta, start, current):
        """Settle; a free phase from silence is asked for without a target, a nudge or a start."""
        if y is None and start is None and current is None and not np.any(beta):
            return self.settling(net, x)
        return self.settling(net, x, y=y, beta=beta, start=start, current=current)


def same(first, second):
    """Whether two arguments have the same content.

    Examples
    --------
    >>> same((np.ones(2), None), (np.ones(2), None)), same(np.ones(2), np.zeros(2))
    (True, False)
    """
    if first is second and not isinstance(first, np.ndarray | tuple):
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, Network | Equilibrium):
        names = [f.name for f in fields(first)]
        return all(same(getattr(first, name), getattr(second, name)) for name in names)
    if isinstance(first, partial):
        parts = ("func", "args", "keywords")
        return all(same(getattr(first, part), getattr(second, part)) for part in parts)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def _prepared(net, architecture, feedback, energy):
    slots = {"architecture": architecture, "feedback": feedback, "energy": energy}
    return prepared(net, ALL_HOLD._replace(**slots))


def _as_given(net):
    return net


def _own(value):
    """A copy of what others may still write into."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Equilibrium):
        return replace(value, potentials=_own(value.potentials), rates=_own(value.rates))
    if isinstance(value, tuple):
        parts = map(_own, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _bytes(value):
    """Bytes of the arrays in a value; networks are held elsewhere too."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, Equilibrium):
        return _bytes((value.potentials, value.rates, value.residuals))
    return sum(map(_bytes, value)) if isinstance(value, tuple) else 0


def _heard(function, args):
    """The answer of a function, with the warnings that it gave; they are passed on if it fails."""
    failure = None
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            value = function(*args)
        except Exception as error:
            failure = error
    said = tuple(w.message for w in seen)
    if failure is None:
        return _Answer(value, said)
    for warning in said:
        warnings.warn(warning, stacklevel=4)
    raise failure


def _has_hash(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True
