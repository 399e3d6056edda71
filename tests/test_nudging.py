"""Condition 6: the order of the error, its floor, and how to choose beta without a reference."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import architecture, dynamics, nudging, settling, solvers
from sevenconditions.nudging import Nudging

EXACT = sc.ALL_HOLD._replace(settling=settling.exact())
FORMS = {0: EXACT._replace(architecture=architecture.hopfield), 1: EXACT}
GAINS = {0: 0.4, 1: 0.7}


def kind_of(order):
    """A nudging of the order: one-sided, centered, or so many points on a circle."""
    if order == "one_sided":
        return nudging.one_sided, 1
    if order == "centered":
        return nudging.centered, 2
    return (lambda beta: nudging.holomorphic(beta, order)), order


def case(seed, c, **options):
    net, x, y = example(seed, n_samples=16, **{"gain": GAINS[c]} | options)
    ready = sc.recipe.prepared(net, FORMS[c]).free
    truth = sc.recurrent_backprop(ready, x, y, tied=True)
    return net, ready, x, y, truth


def error(net, x, y, c, scheme, truth):
    return sc.relative_error(
        sc.estimate_gradient(net, x, y, FORMS[c]._replace(nudging=scheme)), truth
    )


@pytest.mark.parametrize(
    ("order", "reach"), [("one_sided", 0.01), ("centered", 0.03), (2, 0.03), (4, 0.1), (8, 0.2),
                         (16, 0.35)]
)  # fmt: skip
@pytest.mark.parametrize("c", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_falls_with_the_order_of_the_nudging(order, reach, c, seed):
    net, ready, x, y, truth = case(seed, c)
    kind, expected = kind_of(order)
    limit = nudging.critical_beta(ready, x, solvers.newton(ready, x))
    betas = limit * np.geomspace(reach / 3.0, reach, 4)
    errors = [error(net, x, y, c, kind(b), truth) for b in betas]
    assert nudging.error_order(betas, errors) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("c", [0, 1])
def test_the_slopes_hold_for_every_smooth_activation(activation, c):
    net, ready, x, y, truth = case(4, c, activation=activation)
    limit = nudging.critical_beta(ready, x, solvers.newton(ready, x))
    betas = limit * np.geomspace(0.002, 0.01, 3)
    for kind, expected in ((nudging.one_sided, 1), (nudging.centered, 2)):
        errors = [error(net, x, y, c, kind(b), truth) for b in betas]
        assert nudging.error_order(betas, errors) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("order", "betas", "bound"),
    [
        ("one_sided", (1e-7, 3e-8), 5e-7),
        ("centered", (2e-6, 1e-6), 5e-10),
        (16, (0.01, 0.02), 2e-14),
    ],
)
@pytest.mark.parametrize("c", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_error_in_double_precision(order, betas, bound, c, seed):
    net, _, x, y, truth = case(seed, c)
    kind, _ = kind_of(order)
    assert min(error(net, x, y, c, kind(b), truth) for b in betas) < bound


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("c", [0, 1])
def test_the_limit_itself_has_no_error_and_a_finite_nudge_has(activation, c):
    net, _, x, y, truth = case(5, c, activation=activation)
    assert error(net, x, y, c, nudging.infinitesimal(), truth) < 1e-13
    assert error(net, x, y, c, nudging.one_sided(0.1), truth) > 1e-4


@pytest.mark.parametrize(("kind", "order"), [(nudging.one_sided, 1), (nudging.centered, 2)])
@pytest.mark.parametrize("c", [0, 1])
def test_the_error_is_estimated_without_a_reference(kind, order, c):
    net, _, x, y, truth = case(6, c)
    true = error(net, x, y, c, kind(0.02), truth) * np.linalg.norm(truth.flat())
    guess = nudging.error_estimate(
        lambda b: sc.estimate_gradient(net, x, y, FORMS[c]._replace(nudging=kind(b))), 0.02, order
    )
    assert guess == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize(("kind", "order"), [(nudging.one_sided, 1), (nudging.centered, 2)])
def test_the_best_beta_for_a_tolerance_is_near_the_best_there_is(kind, order):
    net, ready, x, y, truth = case(7, 0)
    tol, rng = 1e-7, np.random.default_rng(0)
    free = solvers.newton(ready, x)
    noise = nudging.settling_noise(ready, x, free, tol=tol, rng=rng)
    bias = nudging.error_estimate(
        lambda b: sc.estimate_gradient(net, x, y, FORMS[0]._replace(nudging=kind(b))), 0.01, order
    ) / 0.01**order  # fmt: skip
    best, _ = nudging.best_beta(bias, order, noise)
    loose = FORMS[0]._replace(settling=settling.euler(tol=tol, dt=0.5))
    errors = {}
    for beta in (best / 30, best, best * 30):
        found = sc.estimate_gradient(net, x, y, loose._replace(nudging=kind(beta)))
        errors[beta] = sc.relative_error(found, truth)
    assert errors[best] == min(errors.values())
    assert errors[best] < 0.2 * max(errors.values())


def test_the_best_beta_moves_with_the_tolerance_as_its_power_says():
    for order in (1, 2, 4):
        tight, loose = (nudging.best_beta(1.0, order, noise) for noise in (1e-10, 1e-6))
        assert np.log(loose[0] / tight[0]) / np.log(1e4) == pytest.approx(1 / (order + 1))
        assert np.log(loose[1] / tight[1]) / np.log(1e4) == pytest.approx(order / (order + 1))


def test_the_convergence_radius_is_the_critical_beta_while_errors_are_small():
    net, x, y = example(8, gain=0.5, n_samples=4)
    free = solvers.newton(net, x)
    near = free.rates[-1] + 1e-3 * (y - free.rates[-1])
    limit = nudging.critical_beta(net, x, free)
    scheme = nudging.holomorphic(0.5 * limit, 32)
    outputs = [solvers.newton(net, x, y=near, beta=b, start=free).rates[-1] for b in scheme.betas]
    found = nudging.convergence_radius(scheme.betas, outputs)
    assert found == pytest.approx(limit, rel=0.2)


def test_a_circle_wider_than_the_radius_is_pointed_out_and_more_points_do_not_help():
    net, x, y = example(8, gain=0.6, n_samples=8)
    limit = nudging.critical_beta(net, x, solvers.newton(net, x))
    truth = sc.recurrent_backprop(net, x, y, tied=True)
    errors = []
    for points in (8, 16):
        with pytest.warns(sc.BasinWarning) as seen:
            errors.append(error(net, x, y, 0, nudging.holomorphic(1.2 * limit, points), truth))
        assert any("wider than the radius of convergence" in str(w.message) for w in seen)
    assert min(errors) > 0.01


def test_a_kinked_activation_is_refused_on_the_circle():
    net, x, y = example(0, activation="hard_sigmoid", output="linear")
    with pytest.raises(ValueError, match="hard_sigmoid, which is not analytic"):
        sc.estimate_gradient(net, x, y, EXACT._replace(nudging=nudging.holomorphic(0.1, 8)))


@pytest.mark.parametrize("kind", [nudging.one_sided, nudging.centered])
@pytest.mark.parametrize("beta", [0, 0.0, np.nan, np.inf, "small"])
def test_bad_nudges_are_refused(kind, beta):
    with pytest.raises(ValueError, match="beta: got"):
        kind(beta)


def test_other_bad_settings_are_refused():
    with pytest.raises(ValueError, match="points: got 1, expected a whole number of at least 2"):
        nudging.holomorphic(0.1, 1)
    with pytest.raises(ValueError, match="weights: got 1, expected 2"):
        Nudging((0.1, 0.2), (1.0,))
    with pytest.raises(ValueError, match="two or more, all above 0"):
        nudging.error_order([0.1], [0.1])
    with pytest.raises(ValueError, match="noise: got 0"):
        nudging.best_beta(1.0, 1, 0.0)


def test_half_a_circle_is_settled_and_the_rest_is_its_mirror():
    for points in (2, 3, 4, 5, 8):
        scheme = nudging.holomorphic(0.1, points)
        assert len(scheme.betas) == points // 2 + 1
        # the weights take the first derivative of every power up to the order
        for power in range(points):
            taken = np.real(np.array(scheme.weights) @ np.array(scheme.betas) ** power)
            assert taken == pytest.approx(-1.0 if power == 1 else 0.0, abs=1e-12)


def test_single_precision_states_ask_for_a_larger_nudge():
    net, x, y = example(1, n_samples=8)
    truth = sc.recurrent_backprop(net, x, y, tied=True)

    def in_single(*args, **options):
        rest = solvers.newton(*args, **options)
        return sc.Equilibrium(
            *(tuple(np.float32(p) for p in parts) for parts in (rest.potentials, rest.rates)),
            rest.residuals, rest.verdict, rest.dt, rest.tol, rest.beta,
        )  # fmt: skip

    recipe = FORMS[0]._replace(settling=in_single)
    with pytest.warns(sc.PrecisionWarning, match="too small for float32 states"):
        poor = sc.estimate_gradient(net, x, y, recipe._replace(nudging=nudging.one_sided(1e-6)))
    good = sc.estimate_gradient(net, x, y, recipe._replace(nudging=nudging.centered(3e-3)))
    assert sc.relative_error(poor, truth) > 0.01 > 1e-3 > sc.relative_error(good, truth)


def test_single_precision_data_are_as_good_as_double():
    net, x, y = example(1, n_samples=8)
    x, y = np.float32(x), np.float32(y)
    same = sc.estimate_gradient(net, x.astype(float), y.astype(float))
    np.testing.assert_array_equal(sc.estimate_gradient(net, x, y).flat(), same.flat())


def test_opposite_nudges_in_single_precision_must_be_larger_than_one_alone():
    net, x, y = example(1)

    def in_single(*args, **options):
        rest = solvers.newton(*args, **options)
        return sc.Equilibrium(
            *(tuple(np.float32(p) for p in parts) for parts in (rest.potentials, rest.rates)),
            rest.residuals, rest.verdict, rest.dt, rest.tol, rest.beta,
        )  # fmt: skip

    recipe = sc.ALL_HOLD._replace(architecture=architecture.hopfield, settling=in_single)
    sc.estimate_gradient(net, x, y, recipe._replace(nudging=nudging.one_sided(3e-4)))
    with pytest.warns(sc.PrecisionWarning):
        sc.estimate_gradient(net, x, y, recipe._replace(nudging=nudging.centered(3e-4)))


def test_four_points_see_a_circle_that_is_far_too_wide():
    net, x, y = example(1, gain=0.6, n_samples=8)
    wide = nudging.holomorphic(2.5 * nudging.critical_beta(net, x, solvers.newton(net, x)), 4)
    recipe = FORMS[0]._replace(nudging=wide)
    with pytest.warns(sc.BasinWarning) as seen:
        sc.estimate_gradient(net, x, y, recipe)
    assert any("wider than the radius of convergence" in str(w.message) for w in seen)


def test_a_nudging_is_refused_a_nudge_of_zero_or_of_nothing():
    for wrong in (0.0, 0j, np.nan):
        with pytest.raises(ValueError, match="beta: got"):
            nudging.Nudging((wrong,), (-1.0,))


def test_each_nudging_says_the_order_of_its_error():
    schemes = (nudging.one_sided(0.1), nudging.centered(0.1), nudging.holomorphic(0.1, 6),
               nudging.infinitesimal(), nudging.clamped())  # fmt: skip
    assert [scheme.order for scheme in schemes] == [1, 2, 6, np.inf, 0]


def test_the_noise_of_settling_is_what_a_residual_of_that_size_does_to_the_product():
    net, x, _ = example(3, cancellation=0.5, feedback_gain=0.7, output="tanh")
    free, tol = solvers.newton(net, x), 1e-6
    noise = nudging.settling_noise(net, x, free, tol=tol, rng=np.random.default_rng(4))
    left = tol * np.random.default_rng(4).uniform(-1.0, 1.0, (len(x), 23))
    moved = solvers.newton(net, x, current=sc.dynamics.split(net, left), start=free)
    change = sc.hebbian(net, x, moved).minus(sc.hebbian(net, x, free)).flat()
    assert noise == pytest.approx(np.linalg.norm(change), rel=1e-4)


@pytest.mark.parametrize(
    ("betas", "errors"), [([0.1, 0.2], [0.1, 0.0]), ([0.1, 0.2], [0.1, -1.0]),
                          ([0.1, 0.2, 0.3], [0.1, 0.2])]
)  # fmt: skip
def test_an_order_needs_an_error_above_zero_for_each_beta(betas, errors):
    with pytest.raises(ValueError, match="betas, errors: got .* expected as many of each"):
        nudging.error_order(betas, errors)


def test_a_loose_rest_leaves_a_residual_of_the_tolerance_and_the_noise_that_is_foreseen():
    net, ready, x, y, truth = case(0, 0)
    free = solvers.newton(ready, x)
    stop = nudging.loose_rest(tol=1e-4, rng=np.random.default_rng(0))
    left = dynamics.residual(ready, x, stop(ready, x).potentials)
    largest = max(np.abs(part).max() for part in left)
    assert 5e-5 < largest < 1.01e-4
    beta = 1e-4
    estimate = sc.estimate_gradient(
        net, x, y, FORMS[0]._replace(settling=stop, nudging=nudging.one_sided(beta))
    )
    noise = nudging.settling_noise(ready, x, free, tol=1e-4, rng=np.random.default_rng(1))
    found = np.linalg.norm(estimate.minus(truth).flat())
    assert 0.7 < found / (np.sqrt(2) * noise / beta) < 1.4
