r"""The equations of motion near a state, by products with the layers' own matrices.

A small change of the potentials changes the residual by

.. math:: \frac{dR}{du}\,\delta u = \delta u - N D\,\delta u, \qquad D = \mathrm{diag}\,\varphi'(u)

where N brings changes of the rates back as changes of what reaches the potentials. The matrix
`dynamics.jacobian` has n x n entries a sample; here nothing is larger than the weights. Vectors are
stacked over the layers 1 to L, shape (batch, n). Wide systems are solved by SciPy's Krylov methods.
"""

from functools import cached_property

import numpy as np

from sevenconditions import dynamics
from sevenconditions.checks import ConvergenceError

# Below these, measured: n units, and units of every other layer, to which a system is reduced.
DENSE = 96
_FEW = 64
_ACCURATE = 1e-13  # residual of a solution, relative to the right-hand side
_GOOD_ENOUGH = 1e-11  # where rounding does not allow that
_NEARLY = 1e-6  # below this what is left is solved for all samples together, else for each alone
_ATTEMPTS = 3
_STEPS = 300  # products of one attempt
_RESTART = 30  # of these between two restarts
_LARGEST_MATRIX = 2500  # units up to which a sample alone has a dense matrix
_AT_ONCE = 256  # right-hand sides


class _Operator:
    """1 - N D, from N D: what the equations of motion and their reduction have in common.

    A final class below has `slopes` (D), `metric`, `dtype`, `is_symmetric`, `loop` (N),
    `transposed_loop`, `matrix` and `samples`.
    """

    def product(self, change):
        """The operator times a change of the potentials: dR/du times it, if nothing is reduced.

        Parameters
        ----------
        change : ndarray, shape (batch, n)

        Returns
        -------
        ndarray, shape (batch, n)
        """
        return change - self.loop(self.slopes * change)

    def transposed_product(self, change):
        """The transpose of the operator times a vector, shapes as for `product`."""
        return change - self.slopes * self.transposed_loop(change)

    def symmetric_loop(self, change):
        r"""r m N r / m with r^2 = D and m^2 = M: symmetric, with the eigenvalues of N D."""
        return self._inward * self.loop(self._outward * change)

    def twice_symmetric_part(self, change):
        """r m N r / m plus its transpose, whether or not they are equal."""
        back = self._outward * self.transposed_loop(self._inward * change)
        return self.symmetric_loop(change) + back

    @cached_property
    def _inward(self):
        return np.sqrt(self.slopes) * np.sqrt(self.metric)

    @cached_property
    def _outward(self):
        return np.sqrt(self.slopes) / np.sqrt(self.metric)

    def iterated(self, rhs, transposed):
        """Solve for rhs, shape (batch, n), by products; only a sample that resists has a matrix.

        All samples are the blocks of one system, whose Krylov space they share. Those that are not
        accurate then get what is left solved again: together, or each alone where much is left, so
        that a nearly singular sample does not spoil the others.
        """
        size = np.linalg.norm(rhs, axis=1)
        left = rhs / np.where(size > 0.0, size, 1.0)[:, None]
        solution, error = np.zeros_like(left), np.where(size > 0.0, 1.0, 0.0)
        going = np.flatnonzero(size)
        for attempt in range(_ATTEMPTS):
            if not len(going):
                break
            together = attempt == 0 or error[going].max() < _NEARLY
            unfinished = []
            for rows in [going] if together else going[:, None]:
                step, remains = self.samples(rows)._attempt(
                    left[rows], error[rows, None], transposed, together
                )
                found = np.linalg.norm(remains, axis=1)
                better, stuck = found < error[rows], ~(found < 0.5 * error[rows])
                kept = rows[better]
                solution[kept] += step[better]
                left[kept], error[kept] = remains[better], found[better]
                done = (error[rows] <= _ACCURATE) | (stuck & (error[rows] <= _GOOD_ENOUGH))
                unfinished.append(rows[~done])
            going = np.concatenate(unfinished)
        if (error > _GOOD_ENOUGH).any():
            raise ConvergenceError(
                f"linear response: got a residual of {error.max():.2g} relative to the nudge after "
                f"{_ATTEMPTS} attempts of {_STEPS} Krylov steps, expected {_GOOD_ENOUGH:g} or "
                "below: dR/du is nearly singular at this state, or far from attracting. Scale the "
                "weights down"
            )
        return size[:, None] * solution

    def _attempt(self, left, scale, transposed, together):
        """A step towards the solution for what is left, of lengths `scale`, and what remains."""
        product = self.transposed_product if transposed else self.product
        direct = not together and self.shape[1] <= _LARGEST_MATRIX
        solve = self._directly if direct else self._by_krylov
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            step = scale * solve(left / scale, transposed)
            return step, left - product(step)

    def _directly(self, rhs, transposed):
        matrix = self.matrix.transpose(0, 2, 1) if transposed else self.matrix
        try:
            return np.linalg.solve(matrix, rhs[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            return np.zeros_like(rhs)

    def _by_krylov(self, rhs, transposed):
        """A solution for rows of length 1, as far as one attempt comes."""
        from scipy.sparse import linalg

        def whole(apply):
            return linalg.LinearOperator(
                (rhs.size, rhs.size),
                matvec=lambda v: apply(v.reshape(rhs.shape)).ravel(),
                dtype=np.result_type(rhs, self.dtype),
            )

        if self.is_symmetric and not transposed:
            # z = r m du solves a symmetric system; du follows from it without dividing by a slope
            system = whole(lambda z: z - self.symmetric_loop(z))
            z, _ = linalg.cg(
                system, (self._inward * rhs).ravel(), rtol=0.1 * _ACCURATE, maxiter=_STEPS
            )
            return rhs + self.loop(self._outward * z.reshape(rhs.shape))
        # measured: as robust as gmres and sooner; bicgstab is sooner still, but promises nothing
        found, _ = linalg.lgmres(
            whole(self.transposed_product if transposed else self.product), rhs.ravel(),
            rtol=0.3 * _ACCURATE, atol=0.0, inner_m=_RESTART, maxiter=_STEPS // _RESTART,
        )  # fmt: skip
        return found.reshape(rhs.shape)


class Linearisation(_Operator):
    """dR/du at a state, as an operator: products with it and its transpose, and solutions.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (batch, n_0)
    potentials : tuple of ndarray, shape (batch, n_l)
    beta : number or ndarray of shape (batch,)      As for `dynamics.jacobian`.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> near = Linearisation(net, np.zeros((1, 1)), (np.zeros((1, 1)), np.zeros((1, 1))))
    >>> near.product(np.array([[1.0, 0.0]])), near.solve(np.array([[0.75, 0.0]]))
    (array([[ 1. , -0.5]]), array([[1. , 0.5]]))
    """

    def __init__(self, net, x, potentials, beta=0.0):
        self.net, self.x, self.potentials, self.given_beta = net, x, tuple(potentials), beta
        self.places = _places(net)
        slopes = [phi.derivative(u) for phi, u in zip(net.phis, potentials, strict=True)]
        if np.isinf(beta).any():  # a rate that is held follows no potential
            slopes[-1], beta = np.zeros_like(slopes[-1]), 0.0
        self.dtype = np.result_type(np.float64, *slopes, beta)
        self.slopes = np.concatenate(slopes, axis=1).astype(self.dtype, copy=False)
        self.beta = dynamics.column(beta)
        self.predicted = None
        if net.cancellation:
            drives = dynamics.drives(net, x, dynamics.rates(net, potentials))
            predicted = [phi.derivative(a) for phi, a in zip(net.phis, drives, strict=True)]
            self.predicted = net.cancellation * np.concatenate(predicted, axis=1)
        self.weights, self.feedback, self.lateral = (
            [None if part is None else part.astype(np.float64, copy=False) for part in parts]
            for parts in (net.weights, net.feedback, net.lateral[1:])
        )

    @property
    def shape(self):
        """(batch, n)."""
        return self.slopes.shape

    @property
    def is_small(self):
        """Whether a dense matrix of each sample is the quickest way."""
        return self.shape[1] <= DENSE

    @cached_property
    def is_symmetric(self):
        """Whether M N is symmetric, so that the spectrum is real: where there is an energy."""
        # a symmetric lateral matrix has an energy only where nothing is subtracted from the rates
        has_energy = self.predicted is None or all(a is None for a in self.lateral)
        return self.net.is_symmetric and has_energy and self.dtype.kind == "f"

    def samples(self, chosen):
        """The same for some samples only, or for some of them several times.

        Parameters
        ----------
        chosen : slice or ndarray of int or bool, over the samples
        """
        beta = self.given_beta[chosen] if np.ndim(self.given_beta) else self.given_beta
        return Linearisation(self.net, self.x[chosen], [u[chosen] for u in self.potentials], beta)

    @cached_property
    def matrix(self):
        """dR/du itself, shape (batch, n, n): for small networks, or few samples."""
        return dynamics.jacobian(self.net, self.x, self.potentials, beta=self.given_beta)

    def loop(self, change):
        """N times a change of the rates: how much more reaches each potential."""
        result = np.zeros(change.shape, np.result_type(change, self.dtype))
        gain = self.net.feedback_gain
        for i, here in enumerate(self.places):
            carried = change[:, here]
            if i > 0:
                below = self.places[i - 1]
                drive = change[:, below] @ self.weights[i].T
                result[:, here] += drive
                if self.predicted is not None:
                    carried = carried - self.predicted[:, here] * drive
                result[:, below] += gain * (carried @ self.feedback[i].T)
            if self.lateral[i] is not None:
                result[:, here] += carried @ self.lateral[i].T
        if np.any(self.beta):
            result[:, here] -= self.beta * change[:, here]
        return result

    def transposed_loop(self, change):
        """The transpose of N times a vector, shapes as for `loop`."""
        result = np.zeros(change.shape, np.result_type(change, self.dtype))
        for i, here in enumerate(self.places):
            carried = 0.0
            if self.lateral[i] is not None:
                carried = change[:, here] @ self.lateral[i]
            if i > 0:
                below = self.places[i - 1]
                carried = carried + self.net.feedback_gain * (change[:, below] @ self.feedback[i])
                drive = change[:, here]
                if self.predicted is not None:
                    drive = drive - self.predicted[:, here] * carried
                result[:, below] += drive @ self.weights[i]
            result[:, here] += carried
        if np.any(self.beta):
            result[:, here] -= self.beta * change[:, here]
        return result

    @cached_property
    def metric(self):
        """M, a number for each unit."""
        return np.repeat(self.net.metric, self.net.sizes[1:])

    @cached_property
    def reduced(self):
        """`Reduction` to every other layer, or None where the loop has no such form."""
        return Reduction.of(self)

    def solve(self, rhs, *, transposed=False):
        """The change of the potentials that dR/du turns into rhs.

        Parameters
        ----------
        rhs : ndarray, shape (batch, n) or (batch, n, any)
        transposed : bool           Solve with the transpose of dR/du instead.

        Returns
        -------
        ndarray, shape of rhs

        Raises
        ------
        ConvergenceError
            If the iteration does not reach a relative residual of 1e-11.

        Notes
        -----
        Aims at 1e-13. What a sample gets depends on its batch to that accuracy, not to the last
        digit: wide systems are solved for all samples together.
        """
        if rhs.ndim == 2:
            return self.solve(rhs[:, :, None], transposed=transposed)[:, :, 0]
        rows = rhs.transpose(0, 2, 1)
        if self.reduced is not None and self.reduced.is_small:
            return self.reduced.solve(rows, transposed).transpose(0, 2, 1)
        if self.is_small:
            matrix = self.matrix.transpose(0, 2, 1) if transposed else self.matrix
            return np.linalg.solve(matrix, rhs)
        flat = rows.reshape(-1, rhs.shape[1])
        sample = np.repeat(np.arange(len(rhs)), rhs.shape[2])
        parts = np.array_split(np.arange(len(flat)), -(-len(flat) // _AT_ONCE))
        found = [self.samples(sample[part])._solved(flat[part], transposed) for part in parts]
        return np.concatenate(found).reshape(rows.shape).transpose(0, 2, 1)

    def _solved(self, rhs, transposed):
        if self.reduced is None:
            return self.iterated(rhs, transposed)
        return self.reduced.solve(rhs[:, None], transposed)[:, 0]


class Reduction(_Operator):
    r"""dR/du without cancellation and lateral matrices, reduced to every other layer.

    Then even layers reach only odd ones, and back: with X what the others bring to the layers that
    are kept, and Y what these bring to the others,

    .. math:: (1 - X D' Y D)\,\delta u = \delta R + X D'\,\delta R'

    where a prime marks the others. The eigenvalues of dR/du are :math:`1 \pm \sqrt\mu` for each
    eigenvalue mu of X D' Y D, and 1. Vectors are stacked over the layers that are kept.
    """

    def __init__(self, near):
        self.near = near
        edges = [np.cumsum((0, *near.net.sizes[1 + side :: 2])) for side in (0, 1)]
        self.side = int(edges[1][-1] < edges[0][-1])
        self.places = [  # of each layer, in its own half
            slice(*edges[i % 2][i // 2 : i // 2 + 2]) for i in range(near.net.n_layers)
        ]
        halves = [
            np.concatenate([np.arange(p.start, p.stop) for p in near.places[side::2]] or [[]])
            for side in (0, 1)
        ]
        self.kept, self.others = (halves[s].astype(int) for s in (self.side, 1 - self.side))
        self.slopes, self.beyond = near.slopes[:, self.kept], near.slopes[:, self.others]
        self.metric, self.dtype = near.metric[self.kept], near.dtype
        self.is_symmetric = near.is_symmetric

    @classmethod
    def of(cls, near):
        """The reduction to the half of the layers that has fewer units, if there is one."""
        net = near.net
        if net.cancellation or any(a is not None for a in near.lateral) or np.any(near.beta):
            return None
        return cls(near)

    @property
    def shape(self):
        """(batch, n_kept)."""
        return self.slopes.shape

    @property
    def is_small(self):
        """Whether a dense matrix of each sample is the quickest way."""
        return self.shape[1] <= _FEW

    def samples(self, chosen):
        """As `Linearisation.samples`."""
        return Reduction(self.near.samples(chosen))

    def loop(self, change):
        """X D' Y times a change of the rates."""
        return self._across(self.beyond * self._across(change, self.side), 1 - self.side)

    def transposed_loop(self, change):
        """The transpose of X D' Y times a vector."""
        return self._back(self.beyond * self._back(change, 1 - self.side), self.side)

    def _across(self, rates, side):
        """What the layers of one half (even or odd) bring to the other: X or Y, times rates."""
        near, places = self.near, self.places
        result = np.zeros((*rates.shape[:-1], self._width(1 - side)), rates.dtype)
        for i in range(1, len(places)):
            lower, upper = places[i - 1], places[i]
            if (i - 1) % 2 == side:
                result[..., upper] += rates[..., lower] @ near.weights[i].T
            else:
                back = rates[..., upper] @ near.feedback[i].T
                result[..., lower] += near.net.feedback_gain * back
        return result

    def _back(self, change, side):
        """The transpose of `_across` the same half."""
        near, places = self.near, self.places
        result = np.zeros((*change.shape[:-1], self._width(side)), change.dtype)
        for i in range(1, len(places)):
            lower, upper = places[i - 1], places[i]
            if (i - 1) % 2 == side:
                result[..., lower] += change[..., upper] @ near.weights[i]
            else:
                up = change[..., lower] @ near.feedback[i]
                result[..., upper] += near.net.feedback_gain * up
        return result

    def _width(self, side):
        return len(self.kept if side == self.side else self.others)

    @cached_property
    def inward(self):
        """X, shape (n_kept, n_others)."""
        return self._across(np.eye(len(self.others)), 1 - self.side).T

    @cached_property
    def outward(self):
        """Y, shape (n_others, n_kept)."""
        return self._across(np.eye(len(self.kept)), self.side).T

    @property
    def matrix(self):
        """1 - X D' Y D of each sample, shape (batch, n_kept, n_kept)."""
        return np.eye(len(self.kept)) - self._loop_matrix

    @property
    def _loop_matrix(self):
        return (self.inward * self.beyond[:, None]) @ self.outward * self.slopes[:, None]

    def solve(self, rhs, transposed):
        """As `Linearisation.solve`, for rhs of shape (batch, any, n); any is 1 where not small."""
        mine, rest = rhs[..., self.kept], rhs[..., self.others]
        here, there = self.slopes[:, None], self.beyond[:, None]
        if transposed:
            kept = self._kept(mine + here * self._back(rest, self.side), transposed)
            others = rest + there * self._back(kept, 1 - self.side)
        else:
            kept = self._kept(mine + self._across(there * rest, 1 - self.side), transposed)
            others = rest + self._across(here * kept, self.side)
        result = np.empty(rhs.shape, kept.dtype)
        result[..., self.kept], result[..., self.others] = kept, others
        return result

    def _kept(self, reached, transposed):
        if not self.is_small:
            return self.iterated(reached[:, 0], transposed)[:, None]
        system = self.matrix.transpose(0, 2, 1) if transposed else self.matrix
        return np.linalg.solve(system, reached.transpose(0, 2, 1)).transpose(0, 2, 1)

    def eigenvalues(self):
        """All eigenvalues of dR/du, shape (batch, n); real where there is an energy."""
        near = self.near
        if near.is_symmetric:
            inner = (self.inward * self.beyond[:, None]) @ self.outward
            scaled = self._inward[:, :, None] * inner * self._outward[:, None]
            roots = np.sqrt(np.maximum(np.linalg.eigvalsh(scaled), 0.0))
        else:
            roots = np.sqrt(np.linalg.eigvals(self._loop_matrix).astype(complex))
        result = np.ones(near.shape, roots.dtype)
        n = roots.shape[1]
        result[:, :n] -= roots
        result[:, n : 2 * n] += roots
        return result


def _places(net):
    """Where each settling layer stands in a stacked vector."""
    edges = np.cumsum((0, *net.sizes[1:]))
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
