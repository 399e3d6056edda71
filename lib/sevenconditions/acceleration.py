r"""Two ways to take better steps than the fixed-point map itself, :math:`x \leftarrow T(x)`.

Both work on :math:`f(x) = T(x) - x` and on each sample of a batch by itself, so that a result never
depends on its neighbours. `Mixing` learns from the last few steps; `Newton` uses the derivative of
the map, where that is a small matrix. A sample whose steps grow takes the plain steps of the map
until they are small again, or have not become so in many.
"""

import numpy as np

_LOST = 5.0  # a step so many times the smallest one so far is no progress
_PATIENCE = 20  # plain steps in a row: they may go round in circles, where others would arrive
_RIDGE = 64.0  # in units of rounding, on the normal equations: two turns may point the same way


class Mixing:
    r"""Anderson mixing: the last few steps suggest the next one.

    .. math:: x_{k+1} = x_k + f_k - \sum_i w_i\,(\Delta x_i + \Delta f_i), \qquad
       w = \arg\min_w \Bigl\lVert f_k - \sum_i w_i\,\Delta f_i \Bigr\rVert

    with the differences between successive iterates. A sample mixes from the first step on that
    has shrunk too slowly.

    Parameters
    ----------
    n_samples, n : int      Shape of an iterate.
    dtype : dtype
    memory : int            How many differences each sample keeps, the last ones.

    Source
    ------
    Anderson 1965, J. ACM 12:547-560.

    Examples
    --------
    >>> mixing, x, always = Mixing(1, 1, float), np.array([[0.0]]), np.array([True])
    >>> for _ in range(3):  # x = 1 + x / 2, solved at once: the map is linear
    ...     x = mixing.next(x, 1.0 - 0.5 * x, np.ones(1), always, always)
    >>> x.round(9).item()
    2.0
    """

    def __init__(self, n_samples, n, dtype, memory=5):
        self.moves = np.zeros((n_samples, memory, n), dtype)  # changes of iterate plus step
        self.turns = np.zeros((n_samples, memory, n), dtype)  # changes of the step
        self.gram, self.memory = np.zeros((n_samples, memory, memory), dtype), memory
        self.count, self.last = np.zeros(n_samples, int), None
        self.mixes, self.progress = np.zeros(n_samples, bool), _Progress(n_samples)
        limits = np.finfo(dtype)
        self.ridge = 1.0 + _RIDGE * limits.eps
        # a difference that is not there takes part with weight zero
        np.einsum("bii->bi", self.gram)[:] = limits.tiny

    def next(self, x, step, size, slow, moving):
        """The iterate after `x`, from which the map takes the given step; a step of zero stays.

        Parameters
        ----------
        x, step : ndarray, shape (n_samples, n)
        size : ndarray, shape (n_samples,)              The largest entry of each step.
        slow : ndarray of bool, shape (n_samples,)      Whose step has shrunk too little.
        moving : ndarray of bool, shape (n_samples,)    Whose step follows from the one before.

        Returns
        -------
        ndarray, shape (n_samples, n)
        """
        self.mixes |= slow
        plain = x + step
        lost = self.progress.lost(size)
        if lost.any():
            self.forget(lost)
            moving = moving & ~lost
        if self.last is not None:
            self._remember(plain, step, self.mixes & moving)
        self.last = (plain, step)
        used = min(self.count.max(initial=0), self.memory)
        if not used:
            return plain
        slope = _products(self.turns[:, :used], step)
        weights = np.linalg.solve(self.gram[:, :used, :used], slope[:, :, None])
        return plain - (weights.transpose(0, 2, 1) @ self.moves[:, :used])[:, 0]

    def _remember(self, plain, step, mixed):
        if mixed.all() and (self.count == self.count[0]).all():
            rows, slots = slice(None), self.count[0] % self.memory
        else:
            rows = np.flatnonzero(mixed)
            slots = self.count[rows] % self.memory
        self.count[rows] += 1
        turn = step[rows] - self.last[1][rows]
        self.moves[rows, slots] = plain[rows] - self.last[0][rows]
        self.turns[rows, slots] = turn
        products = _products(self.turns[rows], turn)
        self.gram[rows, :, slots] = products
        self.gram[rows, slots, :] = products.conj()
        self.gram[rows, slots, slots] *= self.ridge
        self.gram[rows, slots, slots] += np.finfo(self.gram.dtype).tiny

    def forget(self, chosen):
        """Nothing is left of what some samples remembered."""
        self.moves[chosen] = self.turns[chosen] = self.gram[chosen] = 0.0
        np.einsum("bii->bi", self.gram)[chosen] = np.finfo(self.gram.dtype).tiny
        self.count[chosen] = 0

    def keep(self, chosen, map):
        """Go on with some of the samples only."""
        self.moves, self.turns = self.moves[chosen], self.turns[chosen]
        self.gram = self.gram[chosen]
        self.count, self.mixes = self.count[chosen], self.mixes[chosen]
        self.progress.keep(chosen)
        if self.last is not None:
            self.last = tuple(part[chosen] for part in self.last)


class Newton:
    r"""Newton's method with a derivative that is kept while it serves.

    .. math:: x_{k+1} = x_k + \left(1 - T'\right)^{-1} f_k

    A sample whose step has shrunk too slowly has its derivative taken anew.

    Parameters
    ----------
    map : object with a method `derivative`
        Index of samples -> T' at their last step, shape (., n, n); as `sweeps.Sweeps`.
    inverses : ndarray, shape (n_samples, n, n)
        :math:`(1 - T')^{-1}` to begin with: of a state nearby, or the identity.

    Examples
    --------
    >>> class Half:
    ...     derivative = staticmethod(lambda rows: np.full((len(rows), 1, 1), 0.5))
    >>> newton = Newton(Half, np.ones((1, 1, 1)))
    >>> always = np.array([True])
    >>> newton.next(np.array([[0.0]]), np.array([[1.0]]), np.ones(1), always, always).item()
    2.0
    """

    def __init__(self, map, inverses):
        self.map, self.inverses = map, inverses
        self.progress = _Progress(len(inverses))

    def next(self, x, step, size, slow, moving):
        """The iterate after `x`; parameters and returns as `Mixing.next`."""
        chosen = np.flatnonzero(slow & moving)
        if len(chosen):
            identity = np.eye(x.shape[1])
            self.inverses[chosen] = np.linalg.inv(identity - self.map.derivative(chosen))
        better = np.einsum("bij,bj->bi", self.inverses, step)
        lost = self.progress.lost(size)
        if lost.any():
            better[lost] = step[lost]
        return x + better

    def forget(self, chosen):
        """Nothing has to be forgotten: what is used is the derivative where it is taken."""

    def keep(self, chosen, map):
        """Go on with some of the samples only, and with their map."""
        self.inverses, self.map = self.inverses[chosen], map
        self.progress.keep(chosen)


class _Progress:
    """Which samples have lost their way: their steps are larger than they have been."""

    def __init__(self, n_samples):
        self.least, self.since = np.full(n_samples, np.inf), np.zeros(n_samples, int)

    def lost(self, size):
        self.least = np.minimum(self.least, size)
        lost = size > _LOST * self.least
        self.since = np.where(lost, self.since + 1, 0)
        again = self.since > _PATIENCE
        if again.any():
            self.least, self.since = (
                np.where(again, size, self.least),
                np.where(again, 0, self.since),
            )
            lost = lost & ~again
        return lost

    def keep(self, chosen):
        self.least, self.since = self.least[chosen], self.since[chosen]


def _products(turns, step):
    """Inner products of each sample's turns with its step, shape (n_samples, any)."""
    return (turns.conj() @ step[:, :, None])[:, :, 0]
