"""Products with the layers' own matrices against the dense Jacobian."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import dynamics, feedback, linearisation
from sevenconditions.linearisation import Linearisation

BETAS = [0.0, 0.3, np.inf, np.array([0.0, 0.1, 0.5, 1.0]), 0.2 + 0.1j]


def linearised(c, scheme, lateral, *, gain=0.6, beta=0.0, sizes=(4, 9, 7, 5, 3)):
    """A network of one kind, the linearisation at a random state, and the dense Jacobian there."""
    net, x, _ = example(
        1, sizes=sizes, n_samples=4, cancellation=c, feedback_gain=gain, output="tanh"
    )
    if scheme:
        net = feedback.random(seed=1)(net)
    rng = np.random.default_rng(2)
    if lateral:
        draws = [rng.standard_normal((n, n)) / n for n in sizes[1:]]
        net = net.replace(lateral=[None, *(a if lateral == "askew" else a + a.T for a in draws)])
    u = tuple(rng.standard_normal((4, n)) for n in sizes[1:])
    return Linearisation(net, x, u, beta), dynamics.jacobian(net, x, u, beta=beta)


def same_numbers(some, others, atol=1e-6):
    """Whether each row holds the same numbers, in any order (a double one has fewer digits)."""
    apart = np.abs(some[:, :, None] - others[:, None, :])
    return max(apart.min(axis=1).max(), apart.min(axis=2).max()) < atol


@pytest.mark.parametrize("beta", BETAS, ids=repr)
@pytest.mark.parametrize("lateral", [None, "even", "askew"])
@pytest.mark.parametrize("scheme", [False, True])
@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_both_products_are_those_of_the_dense_jacobian(c, scheme, lateral, beta):
    near, dense = linearised(c, scheme, lateral, beta=beta)
    v = np.random.default_rng(3).standard_normal(near.shape)
    np.testing.assert_allclose(near.product(v), np.einsum("bij,bj->bi", dense, v), atol=1e-14)
    np.testing.assert_allclose(
        near.transposed_product(v), np.einsum("bji,bj->bi", dense, v), atol=1e-14
    )
    np.testing.assert_array_equal(near.matrix, dense)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("way", ["reduced", "dense", "iterated"])
@pytest.mark.parametrize(
    ("c", "scheme", "lateral", "beta"),
    [(0.0, False, None, 0.0), (0.0, True, None, 0.0), (0.0, False, None, np.inf)]
    + [(c, s, lat, b) for c in (0.5, 1.0) for s in (False, True) for lat in (None, "even", "askew")
       for b in (0.0, 0.4)],
)  # fmt: skip
def test_every_way_solves_the_same_system(monkeypatch, way, c, scheme, lateral, beta, transposed):
    if way != "reduced":
        monkeypatch.setattr(linearisation, "_FEW", -1)
    if way == "iterated":
        monkeypatch.setattr(linearisation, "DENSE", 0)
        monkeypatch.setattr(linearisation, "_AT_ONCE", 3)  # in parts
    near, dense = linearised(c, scheme, lateral, beta=beta)
    assert (near.reduced is None) == (c > 0.0)
    assert c > 0.0 or near.reduced.is_small == (way == "reduced")
    dense = dense.transpose(0, 2, 1) if transposed else dense
    rhs = np.random.default_rng(3).standard_normal((*near.shape, 2))
    np.testing.assert_allclose(
        near.solve(rhs, transposed=transposed), np.linalg.solve(dense, rhs), rtol=1e-11, atol=1e-11
    )
    one = near.solve(rhs[:, :, 1], transposed=transposed)
    np.testing.assert_allclose(one, np.linalg.solve(dense, rhs)[:, :, 1], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("gain", [1.0, 0.3])
@pytest.mark.parametrize(
    ("c", "lateral", "scheme", "symmetric"),
    [(0.0, None, False, True), (0.0, "even", False, True), (1.0, None, False, True),
     (0.0, "askew", False, False), (0.0, None, True, False), (0.5, "even", False, False)],
)  # fmt: skip
def test_the_loop_is_called_symmetric_exactly_where_it_is(c, lateral, scheme, symmetric, gain):
    near, dense = linearised(c, scheme, lateral, gain=gain)
    loop = np.array([near.symmetric_loop(np.tile(e, (4, 1))) for e in np.eye(near.shape[1])])
    loop = loop.transpose(1, 2, 0)
    assert near.is_symmetric == symmetric
    apart = np.abs(loop - loop.transpose(0, 2, 1)).max()
    assert (apart < 1e-14) if symmetric else (apart > 1e-3)
    twice = np.array([near.twice_symmetric_part(np.tile(e, (4, 1))) for e in np.eye(near.shape[1])])
    np.testing.assert_allclose(twice.transpose(1, 2, 0), loop + loop.transpose(0, 2, 1), atol=1e-14)
    assert same_numbers(np.linalg.eigvals(np.eye(24) - loop), np.linalg.eigvals(dense))


@pytest.mark.parametrize("sizes", [(3, 5, 8, 2), (3, 8, 5), (3, 4), (3, 2, 6, 2, 6)])
def test_the_reduction_keeps_the_smaller_half_of_the_layers(sizes):
    near, dense = linearised(0.0, True, None, sizes=sizes)
    widths = sum(sizes[1::2]), sum(sizes[2::2])
    assert near.reduced.matrix.shape == (4, min(widths), min(widths))
    assert near.reduced.eigenvalues().shape == near.shape
    assert same_numbers(near.reduced.eigenvalues(), np.linalg.eigvals(dense))


def test_units_whose_slope_is_zero_are_no_obstacle(monkeypatch):
    monkeypatch.setattr(linearisation, "_FEW", -1)
    monkeypatch.setattr(linearisation, "DENSE", 0)
    net, x, _ = example(0, activation="hard_sigmoid", cancellation=0.5)
    free = sc.free_phase(net, x)
    near = Linearisation(net, x, free.potentials)
    assert (near.slopes == 0.0).any()
    rhs = np.random.default_rng(0).standard_normal(near.shape)
    dense = np.linalg.solve(near.matrix, rhs[:, :, None])[:, :, 0]
    np.testing.assert_allclose(near.solve(rhs), dense, atol=1e-12)


def test_a_singular_system_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(linearisation, "DENSE", 0)
    net = sc.Network(
        weights=[np.ones((3, 1))], biases=[np.zeros(3)], output="linear",
        lateral=[None, np.diag([1.0, 0.5, 0.2])],
    )  # fmt: skip
    near = Linearisation(net, np.zeros((1, 1)), (np.zeros((1, 3)),))
    with pytest.raises(sc.ConvergenceError, match="residual of .* expected 1e-11 .* singular"):
        near.solve(np.ones((1, 3)))


@pytest.fixture
def iterated(monkeypatch):
    """No network is small: every system is solved by products."""
    monkeypatch.setattr(linearisation, "_FEW", -1)
    monkeypatch.setattr(linearisation, "DENSE", 0)


def errors(near, solution, rhs, transposed=False):
    """The residual of each sample, relative to its right-hand side."""
    product = near.transposed_product if transposed else near.product
    return np.linalg.norm(rhs - product(solution), axis=1) / np.linalg.norm(rhs, axis=1)


KINDS = [(0.0, False, None), (0.0, True, None), (1.0, False, None), (0.5, True, "askew")]


@pytest.mark.parametrize(("c", "scheme", "lateral"), KINDS)
def test_small_right_hand_sides_are_solved_to_as_many_digits_as_large_ones(
    iterated, c, scheme, lateral
):
    near, _ = linearised(c, scheme, lateral)
    rhs = np.random.default_rng(0).standard_normal(near.shape)
    rhs *= np.array([1e-12, 1.0, 1e9, 0.0])[:, None]
    for transposed in (False, True):
        found = near.solve(rhs, transposed=transposed)
        assert errors(near.samples([0, 1, 2]), found[:3], rhs[:3], transposed).max() < 3e-13
        assert not found[3].any()


def test_no_right_hand_side_at_all_needs_no_solver(iterated, monkeypatch):
    near, _ = linearised(0.5, True, None)
    monkeypatch.setattr(linearisation._Operator, "_attempt", None)
    assert not near.solve(np.zeros(near.shape)).any()


@pytest.mark.parametrize(("c", "scheme", "lateral"), KINDS)
def test_a_sample_alone_has_the_solution_that_it_has_in_a_batch(iterated, c, scheme, lateral):
    near, _ = linearised(c, scheme, lateral)
    rhs = np.random.default_rng(0).standard_normal(near.shape)
    together = near.solve(rhs)
    for i in range(4):
        alone = near.samples([i]).solve(rhs[[i]])
        np.testing.assert_allclose(
            alone[0], together[i], rtol=0.0, atol=1e-12 * np.abs(alone).max()
        )


@pytest.mark.parametrize(("c", "scheme", "lateral"), KINDS)
def test_conjugate_gradients_serve_where_the_loop_is_symmetric_and_only_there(
    iterated, monkeypatch, c, scheme, lateral
):
    from scipy.sparse import linalg

    used = []
    for name in ("cg", "lgmres"):
        method = getattr(linalg, name)
        spy = lambda *a, name=name, method=method, **k: used.append(name) or method(*a, **k)
        monkeypatch.setattr(linalg, name, spy)
    near, _ = linearised(c, scheme, lateral)
    near.solve(np.ones(near.shape))
    assert set(used) == {"cg" if near.is_symmetric else "lgmres"}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("c", "scheme", "lateral"), KINDS)
def test_one_attempt_suffices_where_the_state_attracts(
    iterated, monkeypatch, c, scheme, lateral, transposed
):
    near, _ = linearised(c, scheme, lateral)
    attempts, attempt = [], linearisation._Operator._attempt
    monkeypatch.setattr(
        linearisation._Operator, "_attempt", lambda *a: attempts.append(a) or attempt(*a)
    )
    near.solve(np.random.default_rng(0).standard_normal(near.shape), transposed=transposed)
    assert len(attempts) == 1


def test_what_little_is_left_is_solved_for_all_samples_together(iterated, monkeypatch):
    near, dense = linearised(0.5, True, None)
    attempts, solve = [], linearisation._Operator._by_krylov

    def careless(self, rhs, transposed):
        attempts.append(len(rhs))
        return (1.0 + 1e-8) * solve(self, rhs, transposed)

    monkeypatch.setattr(linearisation._Operator, "_by_krylov", careless)
    monkeypatch.setattr(linearisation._Operator, "_directly", None)
    rhs = np.random.default_rng(0).standard_normal(near.shape)
    assert errors(near, near.solve(rhs), rhs).max() < 1e-13
    assert attempts == [4, 4]


@pytest.mark.parametrize("largest", [0, 2500])
@pytest.mark.parametrize(("c", "scheme"), [(1.0, False), (0.5, True)])
def test_a_sample_that_is_nearly_singular_does_not_spoil_the_others(
    iterated, monkeypatch, c, scheme, largest
):
    near, _ = linearised(c, scheme, None)
    lows, highs = np.full(4, -40.0), np.zeros(4)
    start = np.sign(np.linalg.det(near.matrix))
    for _ in range(30):  # the nudge at which the determinant passes 0, to 1e-8
        middle = 0.5 * (lows + highs)
        there = Linearisation(near.net, near.x, near.potentials, middle)
        same = np.sign(np.linalg.det(there.matrix)) == start
        lows, highs = np.where(same, lows, middle), np.where(same, middle, highs)
    beta = np.array([0.0, 0.0, highs[2] + 1e-4, 0.0])
    near = Linearisation(near.net, near.x, near.potentials, beta)
    monkeypatch.setattr(linearisation, "_STEPS", 10)
    monkeypatch.setattr(linearisation, "_RESTART", 5)
    monkeypatch.setattr(linearisation, "_LARGEST_MATRIX", largest)
    rhs = np.random.default_rng(0).standard_normal(near.shape)
    calm = [0, 1, 3]
    if largest:
        found = near.solve(rhs)
        assert errors(near, found, rhs).max() < 1e-11
        assert np.abs(found[2]).max() > 1e3 * np.abs(found[calm]).max()
    else:  # products alone do not reach the one, and say so
        with pytest.raises(sc.ConvergenceError, match="linear response: got a residual of"):
            near.solve(rhs)
        monkeypatch.setattr(linearisation, "_STEPS", 300)
        near.samples(calm).solve(rhs[calm])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("c", "scheme", "lateral"), KINDS)
def test_a_system_that_repels_is_solved_as_well(iterated, c, scheme, lateral, transposed):
    near, _ = linearised(c, scheme, lateral)
    strong = near.net.replace(
        weights=[4.0 * w for w in near.net.weights],
        feedback=[None, *(4.0 * b for b in near.net.feedback[1:])],
        lateral=[None if a is None else 4.0 * a for a in near.net.lateral],
    )
    near = Linearisation(strong, near.x, near.potentials)
    lowest = np.linalg.eigvals(near.matrix).real.min()
    assert lowest < -0.1 or c == 1.0
    rhs = np.random.default_rng(0).standard_normal(near.shape)
    assert errors(near, near.solve(rhs, transposed=transposed), rhs, transposed).max() < 1e-11


@pytest.mark.parametrize("sizes", [(3, 5, 8, 2), (3, 8, 5), (3, 2, 6, 2, 6)])
def test_the_loop_through_every_other_layer_is_that_of_its_matrix(sizes):
    near, _ = linearised(0.0, True, None, sizes=sizes)
    half = near.reduced
    v = np.random.default_rng(0).standard_normal(half.shape)
    np.testing.assert_allclose(half.product(v), np.einsum("bij,bj->bi", half.matrix, v), atol=1e-14)
    np.testing.assert_allclose(
        half.transposed_product(v), np.einsum("bji,bj->bi", half.matrix, v), atol=1e-14
    )


def test_samples_are_the_same_linearisation_of_some_rows():
    near, dense = linearised(0.5, True, "askew", beta=np.array([0.0, 0.1, 0.5, 1.0]))
    part, v = near.samples([3, 0, 3]), np.random.default_rng(0).standard_normal((3, near.shape[1]))
    np.testing.assert_allclose(
        part.product(v), np.einsum("bij,bj->bi", dense[[3, 0, 3]], v), atol=1e-14
    )


def test_a_float32_network_is_linearised_with_the_digits_of_float64():
    near, _ = linearised(0.5, False, None)
    single = near.net.astype(np.float32)
    u = [p.astype(np.float32) for p in near.potentials]
    mine = Linearisation(single, near.x.astype(np.float32), u)
    v = np.random.default_rng(0).standard_normal(near.shape)
    assert mine.product(v).dtype == np.float64
    solved = mine.product(mine.solve(v))
    np.testing.assert_allclose(solved, v, atol=1e-5)
