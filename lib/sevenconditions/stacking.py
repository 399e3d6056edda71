"""Settle the nudged phases of many runs together, as rows of one batch, before they are asked for.

A phases function is called as usual, but with a settling that answers for the free phase only and
writes down what is asked of it next. Requests for the same network are then settled in one batch,
and a memory is told the answers; the runs themselves find them there.
"""

import warnings
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from sevenconditions import settling, solvers
from sevenconditions.equilibrium import Equilibrium, Verdict
from sevenconditions.memory import Run

_FEWEST = 3  # fewer are as quick by themselves
_ROWS = 4096  # a batch larger than this gains nothing


def settle_together(runs, memory):
    """Tell a memory the first nudged phases of some runs; what is left they settle by themselves.

    Parameters
    ----------
    runs : iterable of (Network, x, y, Recipe)
    memory : Memory

    Returns
    -------
    int                     How many phases it was told.

    Examples
    --------
    >>> from sevenconditions import ALL_HOLD, layered, nudging
    >>> from sevenconditions.memory import Memory
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones((1, 3)), np.zeros((1, 2))
    >>> recipes = [ALL_HOLD._replace(nudging=nudging.centered(b)) for b in (0.1, 0.2, 0.3)]
    >>> settle_together([(net, x, y, recipe) for recipe in recipes], Memory())
    3
    """
    alike = {}
    for run in runs:
        request = _first_request(*run, memory)
        if request is not None and _goes_by_sample(request):
            kinds = np.asarray(request.beta).dtype.kind, type(request.start), type(request.current)
            key = memory.mark((request.settling, request.net, *kinds, request.is_at_rest))
            alike.setdefault(key, []).append(request)
    return sum(_tell(requests, memory) for group in alike.values() for requests in _batches(group))


class _Request(NamedTuple):
    settling: object
    net: object
    x: np.ndarray
    y: np.ndarray
    beta: object
    start: object
    current: tuple | None

    @property
    def is_at_rest(self):
        """Whether it starts at its target, and would only ride along with the others."""
        return isinstance(self.start, Equilibrium) and np.array_equal(self.start.rates[-1], self.y)

    @property
    def question(self):
        return Run(self.settling), *self[1:]


class _Asked(BaseException):  # no phases function is to catch it
    """A settling was asked for a nudged phase."""


def _first_request(net, x, y, recipe, memory):
    """The first nudged phase that a run asks for, if it gets so far."""
    if not recipe.nudging.betas:
        return None

    def settle(net, x, *, y=None, beta=0.0, start=None, current=None):
        if not np.any(beta):
            return ready.settling(net, x, y=y, beta=beta, start=start, current=current)
        raise _Asked(_Request(recipe.settling, net, x, y, beta, start, current))

    rng = np.random.default_rng(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ready = memory.ready(recipe, net)
            recipe.phases(
                ready.energy.networks, x, y, nudging=recipe.nudging, settle=settle, rng=rng
            )
    except _Asked as asked:
        return asked.args[0]
    except Exception:  # the run itself will say it
        return None
    return None


def _goes_by_sample(request):
    """Whether each sample settles as it would alone, and there are arrays to stack."""
    inner = request.settling.func if isinstance(request.settling, partial) else request.settling
    known = inner is solvers.relax or isinstance(inner, type(settling.fixed_steps(1)))
    whole = isinstance(request.x, np.ndarray) and isinstance(request.y, np.ndarray)
    return known and whole and bool(np.isfinite(request.beta).all())


def _batches(requests):
    """Requests in batches of not too many rows."""
    count = -(-sum(len(r.x) for r in requests) // _ROWS)
    size = -(-len(requests) // count)
    return [requests[i : i + size] for i in range(0, len(requests), size)]


def _tell(requests, memory):
    """Settle some requests together and tell the answers that each would have got by itself."""
    requests = [r for r in requests if not memory.knows(*r.question)]
    together = _settled(requests) if len(requests) >= _FEWEST else None
    if together is None:
        return 0
    edges = np.cumsum([0, *(len(r.x) for r in requests)])
    rows = [slice(*pair) for pair in zip(edges, edges[1:], strict=False)]
    rests = _had_settled(together)
    late = [r for r in rows if not rests[r].all()]
    told = 0
    for request, mine in zip(requests, rows, strict=True):
        if mine in late and len(late) > 1:  # one that is late alone has had its own way
            continue
        state = together.samples(mine)
        if mine not in late and together.verdict is not Verdict.TRUNCATED:
            state = replace(state, verdict=Verdict.SETTLED, dt=np.inf)
        if np.ndim(request.beta) == 0:
            state = replace(state, beta=request.beta)
        memory.tell(state, *request.question)
        told += 1
    return told


def _had_settled(together):
    """Which samples were at rest before the others, if any were not, took to the dynamics."""
    if together.verdict is Verdict.TRUNCATED:
        return np.ones(together.residuals.shape[1], dtype=bool)
    by_sweeps = together.verdict is Verdict.SETTLED and together.dt == np.inf
    return together.residuals[-1 if by_sweeps else -2] <= together.tol


def _settled(requests):
    """The state of all requests in one batch; None where that fails or warns."""
    settle, net = requests[0].settling, requests[0].net
    columns = [np.broadcast_to(np.reshape(r.beta, (-1, 1)), (len(r.x), 1)) for r in requests]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            x, y, start, current = (
                _joined([getattr(r, n) for r in requests]) for n in ("x", "y", "start", "current")
            )
            beta = np.concatenate(columns)
            state = settle(net, x, y=y, beta=beta, start=start, current=current)
        except Exception:  # the run that it came from will say it
            return None
    return None if seen else state


def _joined(parts):
    """Arrays, tuples of them, or states, each with its samples after those of the one before."""
    first = parts[0]
    if any(part is None for part in parts):
        return None
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    if isinstance(first, tuple):
        return tuple(_joined(list(layer)) for layer in zip(*parts, strict=True))
    if isinstance(first, Equilibrium):
        last = [state.residuals[-1:].T for state in parts]
        fields = {name: _joined([getattr(s, name) for s in parts])
                  for name in ("potentials", "rates", "memory")}  # fmt: skip
        return replace(first, residuals=_joined(last).T, trajectory=None, **fields)
    raise ValueError(f"start: got {type(first).__name__}, expected an Equilibrium or arrays")
