"""Outermost eigenvalues and loop norms without dense matrices, against those of dense ones."""

import gc
import weakref

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import dynamics, feedback, linearisation, settling, spectrum
from sevenconditions.energy import rotate

WIDE = (6, 40, 30, 40, 3)


def wide(c, scheme, lateral=None, *, seed=1, sizes=WIDE, n_samples=3, **options):
    """A network wider than the dense limit, its input, a random state and the dense Jacobian."""
    net, x, _ = example(seed, sizes=sizes, n_samples=n_samples, cancellation=c, **options)
    if scheme:
        net = feedback.random(seed=2)(net)
    if lateral:
        net = rotate(net, 0.5, rng=np.random.default_rng(3))
    rng = np.random.default_rng(4)
    u = tuple(rng.standard_normal((n_samples, n)) for n in sizes[1:])
    return net, x, u


def measures(values):
    """All that is ever read off the outermost eigenvalues."""
    steps = [spectrum.radii(values, dt) for dt in (0.05, 0.3, 1.0, 2.0)]
    return np.array([*steps, values.real.min(axis=1), values.real.max(axis=1)])


@pytest.mark.parametrize("few", [-1, 64])
@pytest.mark.parametrize("beta", [0.0, 0.5, np.inf, np.array([0.0, 0.1, 1.0])], ids=repr)
@pytest.mark.parametrize(
    ("c", "scheme", "lateral"),
    [(0.0, False, None), (0.5, False, None), (1.0, False, None), (0.0, True, None),
     (1.0, True, None), (0.0, False, "askew"), (0.5, True, "askew")],
)  # fmt: skip
def test_the_outermost_eigenvalues_serve_as_well_as_all(monkeypatch, c, scheme, lateral, beta, few):
    monkeypatch.setattr(linearisation, "_FEW", few)
    net, x, u = wide(c, scheme, lateral, feedback_gain=0.7)
    dense = np.linalg.eigvals(dynamics.jacobian(net, x, u, beta=beta))
    found = spectrum.outermost(net, x, u, beta=beta)
    np.testing.assert_allclose(measures(found), measures(dense), rtol=1e-8)
    limits = spectrum.dt_limits(dense)
    np.testing.assert_allclose(spectrum.dt_limits(found), limits, rtol=1e-8)
    all_of_them = spectrum.eigenvalues(net, x, u, beta=beta)
    assert all_of_them.shape == dense.shape
    np.testing.assert_allclose(measures(all_of_them), measures(dense), rtol=1e-9)


def test_a_real_spectrum_costs_no_matrix_and_gives_its_two_ends(monkeypatch):
    monkeypatch.setattr(linearisation, "_FEW", -1)
    monkeypatch.setattr(dynamics, "jacobian", None)
    net, x, u = wide(0.0, False)
    assert spectrum.outermost(net, x, u).shape == (3, 2)


@pytest.mark.parametrize("scheme", [False, True])
def test_every_other_layer_tells_the_ends_in_half_the_products(monkeypatch, scheme):
    monkeypatch.setattr(linearisation, "_FEW", -1)
    net, x, u = wide(0.0, scheme)
    counts = []
    for cls in (linearisation.Linearisation, linearisation.Reduction):
        calls, loop = [], cls.loop
        with monkeypatch.context() as patch:
            patch.setattr(cls, "loop", lambda self, v, n=calls, f=loop: n.append(1) or f(self, v))
            if cls is linearisation.Linearisation:
                patch.setattr(cls, "reduced", None)
            found = spectrum.outermost(net, x, u)
        counts.append(len(calls))
        dense = np.linalg.eigvals(dynamics.jacobian(net, x, u))
        np.testing.assert_allclose(measures(found), measures(dense), rtol=1e-8)
    assert 0 < counts[1] < 0.7 * counts[0]


def test_a_loop_that_only_turns_shrinks_nothing_and_a_loop_of_nothing_is_no_error(monkeypatch):
    monkeypatch.setattr(linearisation, "_FEW", -1)
    net, x, u = wide(0.0, False, activation="linear", output="linear")
    for size in (1.0, 0.0):
        up = [size * w for w in net.weights[1:]]
        turned = net.replace(weights=[net.weights[0], *up], feedback=[None, *(-w.T for w in up)])
        dense = np.linalg.eigvals(dynamics.jacobian(turned, x, u))
        found = spectrum.outermost(turned, x, u)
        np.testing.assert_allclose(measures(found), measures(dense), rtol=1e-7)
        np.testing.assert_allclose(found.real.min(axis=1), 1.0, atol=1e-7)
        assert spectrum.attracts(turned, x, u).all()


def test_a_loop_from_which_nothing_returns_has_the_eigenvalue_one_alone(monkeypatch):
    monkeypatch.setattr(linearisation, "_FEW", -1)
    monkeypatch.setattr(linearisation, "DENSE", 0)
    net, x, u = wide(0.0, True, sizes=(6, 40, 30))
    net = net.replace(weights=[net.weights[0], 0.0 * net.weights[1]])
    np.testing.assert_array_equal(spectrum.outermost(net, x, u), np.ones((3, 2)))


def test_eigenvalues_that_crowd_at_the_edge_are_waited_for():
    net, x, u = wide(0.0, True, sizes=(6, 150, 140, 3), n_samples=2)
    dense = np.linalg.eigvals(dynamics.jacobian(net, x, u))
    np.testing.assert_allclose(measures(spectrum.outermost(net, x, u)), measures(dense), rtol=1e-9)


@pytest.mark.parametrize(("radius", "holds"), [(0.98, True), (1.02, False), (1.3, False)])
def test_a_symmetric_network_attracts_until_its_radius_is_one(monkeypatch, radius, holds):
    monkeypatch.setattr(linearisation, "_FEW", -1)
    monkeypatch.setattr(spectrum, "loop_norm", lambda net: 2.0)
    net, x, u = wide(0.0, False, n_samples=1)
    scale = radius / spectrum.radii(spectrum.outermost(net, x, u), 1.0).item()
    up = [scale * w for w in net.weights[1:]]
    scaled = net.replace(weights=[net.weights[0], *up], feedback=[None, *(w.T for w in up)])
    assert spectrum.attracts(scaled, x, u).all() == holds


def test_samples_in_parts_are_the_same_as_together(monkeypatch):
    net, x, u = wide(0.0, False, "askew", n_samples=5)
    together = measures(spectrum.outermost(net, x, u))
    monkeypatch.setattr(spectrum, "_AT_ONCE", 2 * 113 * 300)
    np.testing.assert_allclose(measures(spectrum.outermost(net, x, u)), together, rtol=1e-9)


def test_what_a_krylov_space_cannot_tell_a_dense_matrix_does_or_an_error(monkeypatch):
    net, x, u = wide(1.0, True)
    dense = np.linalg.eigvals(dynamics.jacobian(net, x, u))
    monkeypatch.setattr(spectrum, "_STEPS", 10)
    found = spectrum.outermost(net, x, u)
    np.testing.assert_allclose(measures(found), measures(dense), rtol=1e-9)
    monkeypatch.setattr(spectrum, "_LARGEST_MATRIX", 100)
    with pytest.raises(sc.ConvergenceError, match="residual of .* 10 Krylov steps, .* 113 units"):
        spectrum.outermost(net, x, u)


def test_advice_does_without_the_spectrum_that_it_cannot_have(monkeypatch):
    net, x, _ = wide(1.0, True)
    used = sc.settle.__globals__["spectrum"]
    monkeypatch.setattr(used, "_STEPS", 10)
    monkeypatch.setattr(used, "_LARGEST_MATRIX", 100)
    with pytest.warns(sc.ConvergenceWarning, match="radius of the settling map here: nan"):
        sc.settle(net, x, dt=0.1, max_steps=3)


@pytest.mark.parametrize("few", [-1, 64])
@pytest.mark.parametrize(
    ("c", "scheme", "lateral", "scale"),
    [(0.0, False, None, 1.0), (0.5, False, None, 1.0), (0.0, True, None, 0.5),
     (0.0, False, "askew", 1.0), (1.0, True, "askew", 0.5)],
)  # fmt: skip
def test_a_fixed_point_attracts_until_an_eigenvalue_passes_zero(
    monkeypatch, few, c, scheme, lateral, scale
):
    monkeypatch.setattr(linearisation, "_FEW", few)
    net, x, u = wide(c, scheme, lateral, gain=scale, sizes=(6, 40, 30, 40, 3))
    u = tuple(0.0 * part for part in u)
    seen = set()
    for factor in (0.2, 0.7, 1.0, 1.5, 3.0, 6.0):
        stretched = net.replace(
            weights=[net.weights[0], *(factor * w for w in net.weights[1:])],
            feedback=[None, *(factor * b for b in net.feedback[1:])],
            lateral=[None if a is None else factor * a for a in net.lateral],
        )
        lowest = np.linalg.eigvals(dynamics.jacobian(stretched, x, u)).real.min(axis=1)
        assert np.abs(lowest).min() > 1e-3
        np.testing.assert_array_equal(spectrum.attracts(stretched, x, u), lowest > 0.0)
        seen |= set(lowest > 0.0)
    assert seen == {True, False}


def test_a_negative_nudge_may_repel_where_the_loop_is_weak():
    net = sc.Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    x, u = np.zeros((1, 1)), (np.zeros((1, 1)),) * 2
    assert spectrum.loop_norm(net) < 1.0
    assert spectrum.attracts(net, x, u, beta=-0.7).all()
    assert not spectrum.attracts(net, x, u, beta=-0.8).any()  # critical: -3/4


def dense_norms(net):
    """The norms of W + F, W and F, stacked, in the metric and with the slope bounds."""
    up, down = settling._stacked(net)
    metric = np.sqrt(np.repeat(net.metric, net.sizes[1:]))
    slope = np.sqrt(np.repeat([phi.slope_bound for phi in net.phis], net.sizes[1:]))
    return [
        np.linalg.norm((slope * metric)[:, None] * part * (slope / metric), 2)
        for part in (up + down, up, down)
    ]


@pytest.mark.parametrize("rows", [0, 128])
@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize("scheme", [False, True])
@pytest.mark.parametrize("c", [0.0, 0.6])
@pytest.mark.parametrize("sizes", [(8, 10, 8, 5), (3, 5), (3, 20, 30, 20, 10)])
def test_the_loop_norm_is_that_of_the_stacked_matrix(monkeypatch, sizes, c, scheme, lateral, rows):
    monkeypatch.setattr(spectrum, "_DENSE_NORM", rows)
    net, *_ = example(
        0, sizes=sizes, activation="logistic", cancellation=c, feedback_gain=0.3, gain=1.5
    )
    if scheme:
        net = feedback.random(seed=1)(net)
    if lateral:
        rng = np.random.default_rng(0)
        net = net.replace(lateral=[None, *(rng.standard_normal((n, n)) / n for n in sizes[1:])])
    both, up, down = dense_norms(net)
    expected = both + c * up * down
    found = spectrum.loop_norm(net)
    assert expected * (1.0 - 1e-12) <= found <= expected * (1.0 + 1e-6) + 1e-15


def test_a_loop_norm_that_does_not_converge_is_infinite(monkeypatch):
    monkeypatch.setattr(spectrum, "_DENSE_NORM", 0)
    monkeypatch.setattr(spectrum, "_STEPS", 3)
    net, *_ = example(0, sizes=(3, 30, 30, 30, 10))
    assert spectrum.loop_norm(net) == np.inf


@pytest.mark.parametrize("c", [0.0, 0.3])
@pytest.mark.parametrize("scheme", [False, True])
def test_the_undamped_map_contracts_by_the_loop_norm_between_any_states(c, scheme):
    net, x, _ = example(2, gain=0.4, cancellation=c, feedback_gain=0.6, output="logistic")
    if scheme:
        net = feedback.random(seed=1)(net)
    bound = spectrum.loop_norm(net)
    size = np.repeat(net.metric, net.sizes[1:]) * np.repeat(
        [phi.slope_bound for phi in net.phis], net.sizes[1:]
    )
    rng = np.random.default_rng(0)
    for scale in (1e-3, 0.1, 1.0, 3.0):
        u, w = ([scale * rng.standard_normal((6, n)) for n in net.sizes[1:]] for _ in range(2))
        moved = [
            np.concatenate(s, axis=1) - np.concatenate(dynamics.residual(net, x, s), axis=1)
            for s in (u, w)
        ]
        before, after = np.concatenate(u, 1) - np.concatenate(w, 1), moved[0] - moved[1]
        lengths = [np.sqrt((size * part**2).sum(axis=1)) for part in (before, after)]
        assert (lengths[1] <= bound * lengths[0]).all()


def test_the_loop_norm_is_sharp_for_a_symmetric_network_at_silence():
    net, x, _ = example(3, feedback_gain=0.5, activation="tanh")
    silent = dynamics.silence(net, 1)
    radius = spectrum.radii(spectrum.eigenvalues(net, x[:1], silent), 1.0).item()
    assert spectrum.loop_norm(net) == pytest.approx(radius, rel=1e-9)


def test_the_loop_norm_is_remembered_as_long_as_the_network_lives(monkeypatch):
    net, *_ = example(4)
    first = spectrum.loop_norm(net)
    monkeypatch.setattr(spectrum, "_norm_of_both", None)  # not asked again
    assert spectrum.loop_norm(net) == first
    watched = weakref.ref(net)
    del net
    gc.collect()
    assert watched() is None


def test_single_precision_changes_no_certificate():
    net, *_ = example(5, sizes=(4, 30, 20, 3))
    assert spectrum.loop_norm(net.astype(np.float32)) == pytest.approx(
        spectrum.loop_norm(net), rel=1e-6
    )


def test_an_eigenvalue_far_out_does_not_end_the_search_for_the_others():
    z = np.concatenate([np.linspace(0.5, 1.5, 199), [5.0]])
    loop = np.diag(1.0 - z)
    loop[0, 1] = 1e-9  # no energy, so that Arnoldi's method is asked
    net = sc.Network(
        weights=[np.zeros((200, 1))], biases=[np.zeros(200)], lateral=[None, loop], output="linear"
    )
    found = spectrum.outermost(net, np.zeros((1, 1)), (np.zeros((1, 200)),))
    np.testing.assert_allclose(measures(found), measures(z[None]), rtol=1e-6)
    assert found.shape[1] < 200


def test_nor_does_a_pair_far_out_where_every_other_layer_is_asked():
    mu = np.concatenate([[-25.0], np.linspace(0.0, 0.5, 149)])
    zeros = [np.zeros(150)] * 2
    net = sc.Network(
        weights=[np.zeros((150, 1)), np.eye(150)], biases=zeros, feedback=[None, np.diag(mu)],
        activation="linear", output="linear",
    )  # fmt: skip
    found = spectrum.outermost(net, np.zeros((1, 1)), (np.zeros((1, 150)),) * 2)
    roots = np.sqrt(mu[None].astype(complex))
    both = np.concatenate([1.0 - roots, 1.0 + roots], axis=1)
    np.testing.assert_allclose(measures(found), measures(both), rtol=1e-8)
    assert found.shape[1] < 300


@pytest.mark.parametrize("guess", [0.1, -0.1])
def test_a_sign_that_is_not_certain_is_not_taken(monkeypatch, guess):
    net, x, u = wide(0.5, True)
    lowest = np.linalg.eigvals(dynamics.jacobian(net, x, u)).real.min(axis=1)
    vague = np.full(3, guess), np.full(3, 0.05)
    monkeypatch.setattr(spectrum, "_stiffness", lambda near: np.full(3, -1.0))
    monkeypatch.setattr(spectrum, "loop_norm", lambda net: 2.0)
    monkeypatch.setattr(spectrum, "_lowest", lambda near: vague)
    np.testing.assert_array_equal(spectrum.attracts(net, x, u), lowest > 0.0)
