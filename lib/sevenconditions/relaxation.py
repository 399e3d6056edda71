"""A batch that sweeps until each of its samples has come to rest.

The map is that of `sweeps`, its steps are made better by `acceleration`, and the residual itself
says when a sample rests.
"""

import numpy as np

from sevenconditions import checks
from sevenconditions.acceleration import Mixing, Newton
from sevenconditions.dynamics import input_drive
from sevenconditions.equilibrium import Equilibrium, Verdict, largest
from sevenconditions.sweeps import Sweeps

_WORTHWHILE = 2**15  # units in a batch from which it pays to let samples leave early
_LONG = 16  # sweeps after which it is asked whether rounding is all that is left
_ROUNDINGS = 8  # in units of rounding: nothing makes a residual smaller than this for certain


class Relaxation:
    """Samples that come to rest one by one; in a large batch they leave when half of them have.

    A sample at rest keeps its state while the others move on, and learns from steps of its own
    only: nothing of it depends on the batch.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (batch, n_0)
    y : ndarray, shape (batch, n_L), or None
    beta : number or ndarray of shape (batch,)
    first : tuple of ndarray, shape (batch, n_l), or None       Potentials to start from.
    current : tuple of ndarray, shape (batch, n_l), or None
    tol : float > 0             On the residual of each sample.
    memory : ndarray, shape (batch, n_L, n_L), or None          As of `Equilibrium.memory`.
    repeats : int >= 1          How often the batch stands in a row, under nudges of its own.
    """

    def __init__(self, net, x, y, beta, first, current, tol, memory, repeats=1):
        kinds = (*(first or ()), *(current or ()), *(() if np.isinf(beta).any() else (beta,)))
        self.dtype = np.result_type(net.dtype, *kinds)
        self.net, self.beta = net, beta
        drive = input_drive(net, x).astype(self.dtype, copy=False)
        self.drive, self.y, memory = (_repeated(p, repeats) for p in (drive, y, memory))
        self.current = current and [_repeated(part, repeats) for part in current]
        n_samples = len(self.drive)
        self.rows, self.map = np.arange(n_samples), self._sweeps(slice(None))
        self.map.start(first)
        self.faster = self._faster(memory)
        self.tol, self.limit, self.rounding = np.full(n_samples, tol), np.full(n_samples, tol), None
        self.size, self.still = np.full(n_samples, np.inf), False
        self.few = _WORTHWHILE // sum(net.sizes[1:])
        self.history, self.kept = [], None

    def _sweeps(self, rows):
        return Sweeps(
            self.net,
            self.drive[rows],
            None if self.y is None else self.y[rows],
            self.beta[rows] if np.ndim(self.beta) else self.beta,
            None if self.current is None else [part[rows] for part in self.current],
            self.dtype,
        )

    def _faster(self, memory):
        """What takes better steps than the sweeps do: Newton's method where it is cheap."""
        if not self.map.is_narrow:
            return Mixing(*self.map.state.shape, self.dtype)
        n = self.net.sizes[-1]
        if memory is None or memory.shape[1] != n:
            memory = np.broadcast_to(np.eye(n), (len(self.rows), n, n))
        return Newton(self.map, memory.astype(self.dtype))

    def settle(self, max_sweeps):
        """Sweep until all samples rest, or max_sweeps times."""
        for left in reversed(range(max_sweeps)):
            step = self.map.sweep()
            if self.rounding is None and (
                self.net.dtype == np.float32 or len(self.history) == _LONG
            ):
                self._set_limits()
            size = np.abs(step).max(axis=1, initial=0.0)
            ratio = size / self.size
            self.slow = size * ratio * ratio * ratio > self.limit
            self.still = self.still | ~((size > self.limit) & (size < np.inf))
            self.size, self.moving = size, ~self.still
            self._note(size)
            n_still = np.count_nonzero(self.still)
            if not left or n_still == len(size) or n_still > max(len(size) // 2, self.few):
                leaving = self._look_closely(everyone=not left)
                if leaving.all():
                    break
                step = step[~leaving]
            if n_still:
                step[self.still] = 0.0
            self.map.state[:] = self.faster.next(
                self.map.state, step, self.size, self.slow, self.moving
            )
        return self._equilibrium()

    @property
    def floor(self):
        """Residuals that rounding may leave, as far as that was asked."""
        return 0.0 if self.rounding is None else self.rounding

    def _set_limits(self):
        """Steps and residuals that are as small as they get with states of this size."""
        size = largest(self.map.rest()[0])
        rounding = _ROUNDINGS * np.finfo(self.dtype).eps * (1.0 + size)
        self.rounding = np.zeros(len(self.drive))
        self.rounding[self.rows] = rounding
        self.tol[self.rows] = checks.reachable(self.tol[self.rows], self.net.dtype, size)
        self.limit = np.maximum(self.limit, np.maximum(self.tol[self.rows], 0.25 * rounding))

    def _note(self, size):
        whole = self.history[-1].copy() if self.history else np.empty(len(self.drive))
        whole[self.rows] = size
        self.history.append(whole)

    def _look_closely(self, everyone):
        """Compare the residual itself with the tolerance; who meets it leaves, others wake up."""
        potentials, rates, residual = self.map.rest()
        sizes = (np.abs(r, out=r if r.dtype.kind == "f" else None) for r in residual)
        true = np.max([size.max(axis=1) for size in sizes], axis=0)
        tol = self.tol[self.rows]
        above = (true > tol) & np.isfinite(true)
        if self.rounding is not None:
            above &= true > self.rounding[self.rows]
        woken = self.still & above
        leaving = (self.still & ~above) | np.full(len(true), everyone)
        self.history[-1][self.rows[leaving]] = true[leaving]
        learned = [self.faster.inverses] if self.map.is_narrow else []
        self._store(leaving, (*potentials, *rates, *learned))
        if woken.any():
            self.limit[woken] *= np.clip(0.5 * tol[woken] / true[woken], 0.01, 0.5)
            self.still = self.still & ~woken
            self.faster.forget(woken)
        if leaving.any() and not leaving.all():
            self._keep(~leaving)
        return leaving

    def _store(self, leaving, parts):
        if self.kept is None and leaving.all():  # nobody has left early: nothing to collect
            self.kept = list(parts)
            return
        if self.kept is None:
            self.kept = [np.empty((len(self.drive), *p.shape[1:]), self.dtype) for p in parts]
        for ours, new in zip(self.kept, parts, strict=True):
            ours[self.rows[leaving]] = new[leaving]

    def _keep(self, staying):
        state, self.rows = self.map.state[staying], self.rows[staying]
        self.limit, self.size, self.slow, self.still, self.moving = (
            part[staying] for part in (self.limit, self.size, self.slow, self.still, self.moving)
        )
        self.map = self._sweeps(self.rows)
        self.map.state[:] = state
        self.faster.keep(staying, self.map)

    def _equilibrium(self):
        n = self.net.n_layers
        if self.kept[n - 1] is self.kept[2 * n - 1]:  # linear units: but two arrays are promised
            self.kept[2 * n - 1] = self.kept[n - 1].copy()
        memory = self.kept[2 * n] if len(self.kept) > 2 * n else None
        return Equilibrium(
            tuple(self.kept[:n]), tuple(self.kept[n : 2 * n]), np.array(self.history),
            Verdict.SLOW, np.inf, float(self.tol.max()), self.beta, memory=memory,
        )  # fmt: skip


def _repeated(part, times):
    if part is None or times == 1:
        return part
    return np.tile(part, (times,) + (1,) * (part.ndim - 1))
