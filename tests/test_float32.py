"""Networks of float32 numbers: what stays float32, how good it is, and what is refused."""

import re
import warnings

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import (
    architecture,
    checks,
    contrast,
    exact,
    feedback,
    nudging,
    settling,
    solvers,
)
from sevenconditions.energy import conservative, repaired, rotated
from sevenconditions.learning import digits, train

AS_GIVEN = sc.ALL_HOLD._replace(architecture=architecture.as_given)
SETTLINGS = {
    "rest": settling.rest(),
    "euler": settling.euler(),
    "fixed_steps": settling.fixed_steps(20),
    "exact": settling.exact(),
}
NUDGINGS = {
    "one_sided": nudging.one_sided(3e-4),
    "centered": nudging.centered(3e-3),
    "holomorphic": nudging.holomorphic(0.02, 8),
    "clamped": nudging.clamped(),
    "infinitesimal": nudging.infinitesimal(),
}
# what the error against the judge stays below; measured over nets, activations and settlings
BOUNDS = {"one_sided": 1e-2, "centered": 1e-3, "holomorphic": 2e-4, "infinitesimal": 1e-5}


def single(seed, **options):
    """The example of that seed with every number in float32."""
    net, x, y = example(seed, **options)
    return net.astype(np.float32), np.float32(x), np.float32(y)


def truth(net, x, y):
    """The gradient of the network's own equilibrium, in float64."""
    return sc.recurrent_backprop(net, x, y, tied=True)


def types(parts):
    """The types of all arrays in nested tuples."""
    if isinstance(parts, tuple):
        return set().union(*map(types, parts))
    return set() if parts is None else {parts.dtype.name}


def test_a_network_is_float32_only_where_every_array_is():
    weights, biases = [np.ones((3, 2), np.float32)], [np.zeros(3, np.float32)]
    lateral = [None, np.zeros((3, 3), np.float32)]
    assert sc.Network(weights=weights, biases=biases).dtype == np.float32
    assert sc.Network(weights=weights, biases=biases, lateral=lateral).dtype == np.float32
    for other in (
        {"weights": [weights[0].tolist()]},
        {"weights": [np.float16(weights[0])]},
        {"biases": [np.zeros(3)]},
        {"lateral": [None, np.zeros((3, 3))]},
    ):
        net = sc.Network(**{"weights": weights, "biases": biases} | other)
        assert net.dtype == np.float64
        assert types((net.weights, net.biases, net.feedback, net.lateral)) == {"float64"}


def test_given_feedback_decides_with_the_rest():
    parts = {"weights": [np.ones((1, 1), np.float32)] * 2, "biases": [np.zeros(1, np.float32)] * 2}
    given = [None, np.ones((1, 1), np.float32)]
    assert sc.Network(**parts, feedback=given).dtype == np.float32
    assert sc.Network(**parts, feedback=[None, [[1.0]]]).dtype == np.float64


def test_layered_rounds_the_same_draw():
    double = sc.layered((8, 5, 3), bias=0.1, rng=np.random.default_rng(3))
    rounded = sc.layered((8, 5, 3), bias=0.1, rng=np.random.default_rng(3), dtype=np.float32)
    assert rounded.dtype == np.float32
    for a, b in zip(rounded.weights + rounded.biases, double.weights + double.biases, strict=True):
        np.testing.assert_array_equal(a, np.float32(b))
    assert rounded.feedback_is_transposed


@pytest.mark.parametrize("dtype", [np.float16, int, "half", "x", None, np.complex64])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match=r"dtype: got .*expected numpy.float64 or numpy.float32"):
        sc.layered((3, 2), rng=np.random.default_rng(0), dtype=dtype)
    with pytest.raises(ValueError, match=r"dtype: got .*expected numpy.float64 or numpy.float32"):
        example(0)[0].astype(dtype)


def test_a_network_keeps_its_type_through_every_replacement():
    net, *_ = single(0)
    double, *_ = example(0)
    for change in ({"cancellation": 1.0}, {"biases": double.biases}, {"feedback": None},
                   {"weights": double.weights, "feedback": None}):  # fmt: skip
        assert types((net.replace(**change).weights, net.replace(**change).biases)) == {"float32"}
        assert double.replace(**change).dtype == np.float64
    assert double.replace(weights=net.weights).dtype == np.float64


def test_astype_converts_and_comes_back():
    net, *_ = single(0, cancellation=0.5)
    double = net.astype(np.float64)
    assert double.dtype == np.float64
    assert double.cancellation == 0.5
    assert double.feedback[1].base is double.weights[1]
    assert net.astype(np.float32) is net
    for a, b in zip(double.astype(np.float32).weights, net.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    random = feedback.random(seed=1)(net)
    np.testing.assert_array_equal(random.astype(np.float64).feedback[1], random.feedback[1])


@pytest.mark.filterwarnings("error")
def test_a_number_too_large_for_float32_is_refused_as_infinite():
    net, *_ = single(0)
    with pytest.raises(ValueError, match=r"biases\[0\]: got 1 NaN or infinite"):
        net.replace(biases=[[1e300] + [0.0] * 9, *net.biases[1:]])


@pytest.mark.parametrize(
    "setting",
    [
        feedback.random(), feedback.mixed(0.3), feedback.sign_symmetric, feedback.flipped(0.2),
        feedback.scaled(0.5), rotated(0.1), conservative, repaired,
        architecture.weak_feedback(0.5), architecture.matched,
    ],
)  # fmt: skip
def test_settings_leave_the_type_as_it_is(setting):
    net = setting(single(0)[0])
    for one in net if isinstance(net, tuple) else (net,):
        assert types((one.weights, one.biases, one.feedback, one.lateral)) == {"float32"}


@pytest.mark.parametrize("name", sc.ACTIVATIONS)
@pytest.mark.parametrize("part", ["rate", "derivative", "inverse", "primitive", "conjugate"])
def test_an_activation_returns_the_type_that_it_gets(name, part):
    phi = sc.ACTIVATIONS[name]
    u = np.linspace(0.1, 0.9, 5)
    double, rounded = (getattr(phi, part)(v) for v in (u, np.float32(u)))
    assert double.dtype == np.float64
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, double, rtol=1e-5, atol=1e-6)
    if phi.analytic and part in ("rate", "derivative"):
        assert getattr(phi, part)(np.complex64(u)).dtype == np.complex64


@pytest.mark.parametrize("how", SETTLINGS)
@pytest.mark.parametrize("activation", sc.ACTIVATIONS)
def test_states_signals_and_gradients_of_a_float32_network_are_float32(activation, how):
    for c, gain, steps in (
        (0.0, 1.0, NUDGINGS),
        (0.5, 0.9, ("centered", "clamped")),
        (1.0, 1.0, NUDGINGS),
    ):
        net, x, y = single(1, activation=activation, cancellation=c, feedback_gain=gain)
        for name in steps:
            if (activation, name) == ("hard_sigmoid", "holomorphic"):
                continue
            if (how, name) == ("fixed_steps", "infinitesimal"):
                continue
            recipe = AS_GIVEN._replace(settling=SETTLINGS[how], nudging=NUDGINGS[name])
            read = sc.take_phases(net, x, 0.5 * y, recipe)
            states = types(tuple((s.potentials, s.rates) for s in read.states))
            heard = types((read.free.post, read.free.pre)) | types(
                tuple((r.post, r.pre) for r in read.nudged)
            )
            wanted = {"float32", "complex64"} if name == "holomorphic" else {"float32"}
            assert states == wanted
            assert heard == wanted | ({"complex64"} if name == "infinitesimal" else set())
            for rule in (
                contrast.contrastive_hebbian, contrast.post_change, contrast.plain_hebbian,
                contrast.mixed_with_hebbian(0.3),
            ):  # fmt: skip
                assert types(tuple(rule(read))) == {"float32"}


def test_the_limit_of_small_nudges_is_float32_where_the_nudged_phase_has_a_network_of_its_own():
    net, x, y = single(1)
    net = feedback.mixed(0.3)(net)
    recipe = AS_GIVEN._replace(
        energy=repaired, feedback=feedback.as_given, nudging=nudging.infinitesimal()
    )
    read = sc.take_phases(net, x, y, recipe)
    assert types((read.nudged[0].post, read.nudged[0].pre[1:])) == {"complex64"}
    gradient = recipe.contrast(read)
    assert types(tuple(gradient)) == {"float32"}
    double = sc.estimate_gradient(net.astype(np.float64), x, y, recipe)
    assert sc.relative_error(gradient, double) < 1e-5


def test_the_public_phases_and_the_energy_are_float32():
    net, x, y = single(0)
    free = sc.free_phase(net, x)
    plus = sc.nudged_phase(net, x, y, beta=1e-2, start=free)
    held = sc.clamped_phase(net, x, y, start=free)
    for state in (free, plus, held):
        assert types((state.potentials, state.rates)) == {"float32"}
    assert types(tuple(sc.hebbian(net, x, free))) == {"float32"}
    assert sc.energy(net, x, free).dtype == np.float32
    assert sc.settle(net, x, y=y, beta=0.1j, start=free).rates[0].dtype == np.complex64
    per_sample = sc.settle(net, x, y=y, beta=np.full(len(x), 0.1), start=free)
    assert per_sample.rates[0].dtype == np.float32
    current = tuple(np.full((len(x), n), 0.1) for n in net.sizes[1:])
    assert sc.settle(net, x, current=current).rates[0].dtype == np.float32


def test_data_and_starts_are_rounded_to_the_type_of_the_network():
    net, x, y = single(0)
    recipe = AS_GIVEN._replace(nudging=NUDGINGS["centered"])
    same = sc.estimate_gradient(net, x.astype(float), y.tolist(), recipe)
    np.testing.assert_array_equal(sc.estimate_gradient(net, x, y, recipe).flat(), same.flat())
    start = sc.free_phase(net.astype(np.float64), x)
    assert sc.free_phase(net, x, start=start).potentials[0].dtype == np.float32


@pytest.mark.parametrize("c", [0.0, 1.0])
@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("name", BOUNDS)
def test_an_estimate_in_float32_is_as_good_as_it_says(name, activation, c):
    for how in ("rest", "euler", "exact"):
        net, x, y = single(2, activation=activation, cancellation=c)
        recipe = AS_GIVEN._replace(settling=SETTLINGS[how], nudging=NUDGINGS[name])
        estimate = sc.estimate_gradient(net, x, y, recipe)
        assert sc.relative_error(estimate, truth(net, x, y)) < BOUNDS[name]


@pytest.mark.parametrize(
    ("few", "enough", "instead"),
    [
        (nudging.one_sided(8e-5), nudging.one_sided(9e-5), "one_sided(3e-4)"),
        (nudging.centered(9e-4), nudging.centered(1e-3), "centered(3e-3)"),
        (nudging.holomorphic(9e-4, 8), nudging.holomorphic(1e-3, 8), "holomorphic(0.02, 8)"),
    ],
)
@pytest.mark.parametrize("c", [0.0, 1.0])
def test_a_nudge_below_the_limit_is_refused_and_the_advice_works(few, enough, instead, c):
    net, x, y = single(0, cancellation=c)
    recipe = AS_GIVEN._replace(nudging=few)
    with pytest.raises(ValueError, match="in a float32 network, expected .* or more") as refusal:
        sc.estimate_gradient(net, x, y, recipe)
    advice = re.search(r"recipe\._replace\(nudging=nudging\.(\w+\([^)]*\))\)", str(refusal.value))
    assert advice[1] == instead
    better = eval(f"recipe._replace(nudging=nudging.{advice[1]})")
    known = truth(net, x, y)
    assert sc.relative_error(sc.estimate_gradient(net, x, y, better), known) < 1e-2
    assert sc.relative_error(
        sc.estimate_gradient(net, x, y, recipe._replace(nudging=enough)), known
    ) < 3e-2  # fmt: skip
    assert "net.astype(np.float64)" in str(refusal.value)
    double = sc.estimate_gradient(net.astype(np.float64), x, y, recipe)
    assert sc.relative_error(double, known) < 1e-3


@pytest.mark.parametrize("c", [0.0, 1.0])
def test_what_is_refused_would_be_noise(c):
    net, x, y = single(0, cancellation=c)
    free = sc.free_phase(net, x)
    with pytest.warns(sc.PrecisionWarning, match="beta = 1e-06 is too small for float32 states"):
        plus = sc.nudged_phase(net, x, y, beta=1e-6, start=free)
    estimate = sc.hebbian(net, x, free).minus(sc.hebbian(net, x, plus), over=1e-6)
    assert sc.relative_error(estimate, truth(net, x, y)) > 0.1


def test_all_hold_asks_for_a_larger_nudge_and_then_holds():
    net, x, y = single(0)
    with pytest.raises(ValueError, match=r"beta = 1e-05 in a float32 .*centered\(3e-3\)"):
        sc.estimate_gradient(net, x, y)
    recipe = sc.ALL_HOLD._replace(nudging=nudging.centered(3e-3))
    error = sc.relative_error(sc.estimate_gradient(net, x, y, recipe), sc.backprop(net, x, y))
    assert error < 1e-3


def test_weak_feedback_in_float32_is_refused_where_nothing_of_the_nudge_is_left():
    net, x, y = single(0)
    recipe = AS_GIVEN._replace(nudging=nudging.clamped())
    faint = recipe._replace(architecture=architecture.weak_feedback(1e-3))
    with pytest.raises(ValueError, match="feedback gain 0.001, which leaves 1e-06 of it at layer"):
        sc.estimate_gradient(net, x, y, faint)
    weak = recipe._replace(architecture=architecture.weak_feedback(0.1))
    double = sc.estimate_gradient(net.astype(np.float64), x, y, weak)
    assert sc.relative_error(sc.estimate_gradient(net, x, y, weak), double) < 1e-3
    strong = recipe._replace(architecture=architecture.weak_feedback(2.0, cancellation=1.0))
    assert np.isfinite(sc.estimate_gradient(net, x, y, strong).flat()).all()
    with pytest.raises(ValueError, match="expected 8.6e-05 or more"):  # it saves no faint nudge
        sc.estimate_gradient(net, x, y, strong._replace(nudging=nudging.one_sided(8e-5)))


def test_float64_networks_are_not_refused():
    net, x, y = example(0)
    recipe = AS_GIVEN._replace(nudging=nudging.one_sided(1e-6))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sc.estimate_gradient(net, x, y, recipe)


def test_a_tolerance_beyond_float32_is_lifted_and_a_looser_one_is_kept():
    net, x, _ = single(0)
    rest = sc.free_phase(net, x, tol=1e-13)
    size = max(np.abs(u).max() for u in rest.potentials)
    assert rest.converged
    assert rest.residual <= rest.tol == checks.reachable(1e-13, np.float32, size)
    assert 2e-7 < rest.tol < 2e-6
    assert sc.free_phase(net, x, tol=1e-3).tol == 1e-3
    assert sc.free_phase(net.astype(np.float64), x, tol=1e-13).tol == 1e-13


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("c", [0.0, 1.0])
def test_every_settling_reaches_rest_in_float32_whatever_the_size_of_the_state(scale, c):
    net, x, _ = single(3, cancellation=c)
    for how in ("rest", "euler", "exact"):
        rest = SETTLINGS[how](net, scale * x)
        assert rest.converged
        better = SETTLINGS["exact"](net.astype(np.float64), scale * x)
        for mine, theirs in zip(rest.potentials, better.potentials, strict=True):
            assert np.abs(mine - theirs).max() < 20 * rest.tol


@pytest.mark.parametrize(("size", "tol"), [(0.0, 2.0), (3.0, 8.0)])
def test_the_reachable_tolerance_grows_with_the_state(size, tol):
    eps = np.finfo(np.float32).eps
    assert checks.reachable(1e-13, np.float32, size) == tol * eps
    np.testing.assert_array_equal(
        checks.reachable(1e-13, np.float32, np.array([size, 1.0])), [tol * eps, 4.0 * eps]
    )
    assert checks.reachable(1e-13, np.float64, size) == 1e-13
    assert checks.reachable(1.0, np.float32, size) == 1.0


def test_the_judge_computes_in_float64():
    net, x, y = single(0)
    double = net.astype(np.float64)
    for judge in (
        sc.backprop, sc.recurrent_backprop, truth, lambda *args: sc.bptt(*args, n_steps=9),
    ):  # fmt: skip
        gradient = judge(net, x, y)
        assert types(tuple(gradient)) == {"float64"}
        np.testing.assert_array_equal(gradient.flat(), judge(double, x, y).flat())
    loss = lambda one: exact.feedforward_loss(one, x, y)
    assert loss(net) == loss(double)
    slope = sc.central_differences(loss, net)
    assert sc.relative_error(slope, sc.backprop(net, x, y)) < 1e-8


def test_an_audit_compares_float32_with_the_float64_truth():
    net, x, y = single(0)
    recipe = sc.ALL_HOLD._replace(nudging=nudging.centered(3e-3))
    report = sc.audit(net, x, y, recipe)
    assert all(row.holds for row in report.conditions)
    assert 1e-9 < report.relative_error < 1e-3
    broken = sc.audit(net, x, y, recipe._replace(feedback=feedback.random()))
    assert not broken.conditions[3].holds
    with pytest.raises(ValueError, match="float32 network"):
        sc.audit(net, x, y)


def test_inputs_are_left_alone():
    net, x, y = single(0)
    before = x.copy(), y.copy()
    sc.estimate_gradient(net, x, y, AS_GIVEN._replace(nudging=NUDGINGS["centered"]))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["backprop", "predictive_coding", "feedback_alignment"])
def test_training_in_float32_is_as_good_as_in_float64(name):
    reached = []
    for dtype in (np.float64, np.float32):
        net = sc.layered((64, 32, 10), gain=1.0, rng=np.random.default_rng(0), dtype=dtype)
        history = train(net, digits(0), sc.ZOO[name], epochs=10, learning_rate=0.2, batch=32)
        assert history.net.dtype == dtype
        assert types((history.net.weights, history.net.biases)) == {np.dtype(dtype).name}
        reached.append(history.accuracy[-1])
    assert reached[0] > 0.9
    assert abs(reached[0] - reached[1]) < 0.01


@pytest.mark.parametrize("beta", [0.1, 0.1 + 0.1j])
@pytest.mark.parametrize("solve", [solvers.relax, solvers.newton])
def test_one_nudge_for_all_samples_leaves_a_float32_network_its_type(solve, beta):
    net = sc.layered((4, 6, 3), gain=0.4, rng=np.random.default_rng(0), dtype=np.float32)
    x, y = np.ones((2, 4), np.float32), np.zeros((2, 3), np.float32)
    rest = solve(net, x, y=y, beta=beta)
    assert rest.rates[-1].dtype == np.result_type(np.float32, beta)
    exact = solve(net.astype(np.float64), x, y=y, beta=beta)
    np.testing.assert_allclose(rest.rates[-1], exact.rates[-1], atol=1e-5)
