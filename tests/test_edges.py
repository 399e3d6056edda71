"""What once went wrong at the edges: saddles, held rates, empty errors, inputs that do not fit."""

import warnings

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import (
    architecture,
    dynamics,
    exact,
    feedback,
    nudging,
    phases,
    settling,
    solvers,
)  # fmt: skip
from sevenconditions.energy import homeostasis, repaired, rotate, rotated
from sevenconditions.equilibrium import Verdict
from sevenconditions.learning import _name

EXACT = sc.ALL_HOLD._replace(settling=settling.exact())
HOPFIELD = EXACT._replace(architecture=architecture.hopfield)


def saddle():
    """Silence is a fixed point here, and it repels."""
    net, x, y = example(0, gain=1.5, bias=0.0, output="tanh")
    return net, 0 * x, y


def test_a_symmetric_network_at_a_saddle_is_refused():
    net, x, y = saddle()
    with pytest.raises(sc.ConvergenceError, match="repels"):
        sc.estimate_gradient(net, x, y, HOPFIELD._replace(nudging=nudging.centered(1e-4)))


def test_symmetric_lateral_matrices_do_not_promise_rest_either():
    net, x, y = example(0, cancellation=1.0)
    net = net.replace(lateral=[None, 3.0 * np.eye(10), None, None])
    recipe = sc.ALL_HOLD._replace(architecture=architecture.as_given)
    with pytest.raises(sc.ConvergenceError, match="repels"):
        sc.estimate_gradient(net, x, y, recipe._replace(settling=settling.rest(follow=np.inf)))
    followed, dynamics_own = settling.rest()(net, x), sc.settle(net, x)
    for fast, slow in zip(followed.rates, dynamics_own.rates, strict=True):
        np.testing.assert_allclose(fast, slow, atol=1e-8)


def test_the_repaired_limit_is_refused_where_nothing_would_rest():
    net, x, y = saddle()
    recipe = HOPFIELD._replace(
        feedback=feedback.mixed(0.2, seed=1), energy=repaired, nudging=nudging.infinitesimal()
    )
    with pytest.raises(sc.ConvergenceError, match="repels"):
        sc.estimate_gradient(net, x, y, recipe)


def test_one_sample_that_needed_the_dynamics_does_not_vouch_for_the_others():
    net, x, y = saddle()
    x[1] = example(0)[1][1]

    def hasty(net, x, **options):
        return solvers.relax(net, x, tol=1e-13, max_sweeps=4, **options)

    recipe = HOPFIELD._replace(
        settling=hasty, feedback=feedback.mixed(0.2, seed=1), nudging=nudging.centered(1e-5)
    )
    with pytest.raises(sc.ConvergenceError, match="repels"):
        sc.estimate_gradient(net, x[:2], y[:2], recipe)


def test_the_euler_steps_take_a_complex_nudge():
    net, x, y = example(0)
    slow = sc.settle(net, x, y=y, beta=0.05 + 0.02j)
    np.testing.assert_allclose(
        slow.rates[-1], solvers.newton(net, x, y=y, beta=0.05 + 0.02j).rates[-1], atol=1e-8
    )


def test_settings_that_differ_have_names_that_differ():
    rules = [feedback.mixed(0.1), feedback.mixed(0.9), feedback.flipped(0.5), feedback.scaled(2.0)]
    assert len({_name(sc.ALL_HOLD._replace(feedback=rule)) for rule in rules}) == 4
    both = [phases.noisy(0.1), phases.noisy(0.1, phases.compartments)]
    assert len({_name(sc.ALL_HOLD._replace(phases=rule)) for rule in both}) == 2


def test_the_energy_of_a_clamped_state_is_that_of_the_rates_it_holds():
    net, x, y = example(0)
    held = sc.clamped_phase(net, x, y, start=sc.free_phase(net, x), tol=1e-12)
    slopes = sc.central_differences(lambda n: sc.energy(n, x, held).mean(), net, tied=True)
    np.testing.assert_allclose(sc.hebbian(net, x, held).flat(), -slopes.flat(), atol=1e-8)


@pytest.mark.parametrize("points", [4, 8, 16])
def test_on_the_circle_noise_counts_with_the_real_part_of_each_weight(points):
    net, x, y = example(0)
    recipe = HOPFIELD._replace(nudging=nudging.holomorphic(0.02, points))
    clean = sc.estimate_gradient(net, x, y, recipe)
    rng, noisy = np.random.default_rng(1), recipe._replace(phases=phases.noisy(1e-4))
    drawn = [sc.estimate_gradient(net, x, y, noisy, rng=rng) for _ in range(40)]
    measured = np.sqrt(np.mean([sc.relative_error(g, clean) ** 2 for g in drawn]))
    d3 = phases.noise_to_signal(
        net, x, solvers.newton(net, x), sigma=1e-4, nudging=recipe.nudging,
        signal=np.linalg.norm(clean.flat()),
    )  # fmt: skip
    assert np.sqrt(d3) == pytest.approx(measured, rel=0.05)


def test_a_whole_circle_leaves_no_residue():
    net, x, _ = example(0)
    found = phases.residue_to_signal(
        net, x, solvers.newton(net, x), nudging=nudging.holomorphic(0.1, 8), signal=1.0
    )
    assert found < 1e-12


def test_no_noise_at_all_goes_with_an_infinitesimal_nudge():
    net, x, y = example(0)
    silent = EXACT._replace(phases=phases.noisy(0.0), nudging=nudging.infinitesimal())
    assert (
        sc.relative_error(sc.estimate_gradient(net, x, y, silent), sc.backprop(net, x, y)) < 1e-12
    )


def in_single(*args, **options):
    rest = solvers.newton(*args, **options)
    return sc.Equilibrium(
        *(tuple(np.float32(p) for p in parts) for parts in (rest.potentials, rest.rates)),
        rest.residuals, rest.verdict, rest.dt, rest.tol, rest.beta,
    )  # fmt: skip


def test_single_precision_is_noticed_under_cancellation_too():
    net, x, y = example(1)
    recipe = sc.ALL_HOLD._replace(settling=in_single, nudging=nudging.one_sided(1e-6))
    with pytest.warns(sc.PrecisionWarning):
        sc.estimate_gradient(net, x, y, recipe)


def test_the_limit_of_small_nudges_has_no_nudge_that_is_too_small():
    net, x, y = example(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sc.estimate_gradient(
            net, x, y, HOPFIELD._replace(settling=in_single, nudging=nudging.infinitesimal())
        )


@pytest.mark.parametrize("chosen", ["met", "silent"])
def test_a_circle_without_an_error_is_not_called_too_wide(chosen):
    net, x, _ = example(0, bias=0.1 if chosen == "met" else 0.0)
    x = x if chosen == "met" else 0 * x
    y = dynamics.forward_pass(net, x)[1][-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sc.estimate_gradient(net, x, y, EXACT._replace(nudging=nudging.holomorphic(0.1, 8)))


def test_a_report_on_a_network_without_an_error_can_be_printed():
    net, x, _ = example(0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = sc.audit(net, x, dynamics.forward_pass(net, x)[1][-1])
    assert str(report) and report.to_dict()


def test_untied_copies_of_a_network_with_lateral_matrices_have_its_gradient():
    net, x, y = example(5, gain=0.4, cancellation=0.5)
    net = rotate(net, 0.5, rng=np.random.default_rng(0))
    mine = architecture._unrolled([net] * 30, x, y, 0.5)
    judge = sc.bptt(net, x, y, n_steps=30, dt=0.5, tied=True)
    assert sc.relative_error(mine, np.concatenate([w.ravel() for w in judge.weights])) < 1e-12


def test_without_noise_nothing_is_untied_whatever_the_feedback():
    net, x, y = example(5)
    net, rng = feedback.random(seed=1)(net), np.random.default_rng(0)
    assert architecture.tying_error(net, x, y, noise=0.0, n_steps=9, rng=rng) == 0.0


def test_a_step_below_zero_is_refused():
    net, x, y = example(5)
    with pytest.raises(ValueError, match="dt: got -1"):
        architecture.tying_error(
            net, x, y, noise=0.1, n_steps=9, dt=-1.0, rng=np.random.default_rng(0)
        )


def test_a_mismatch_keeps_the_two_phases_in_one_network():
    net, x, y = example(0)
    given = []

    def spying(*args, current=None, **options):
        given.append(current)
        return solvers.newton(*args, current=current, **options)

    recipe = EXACT._replace(
        settling=spying, phases=phases.mismatched(0.1, phases.two_phases),
        nudging=nudging.centered(1e-3),
    )  # fmt: skip
    sc.estimate_gradient(net, x, y, recipe)
    assert given == [None, None]


def test_a_residual_of_nan_has_reached_no_tolerance():
    run = sc.Equilibrium((), (), np.array([[1.0], [np.nan]]), Verdict.DIVERGED, 0.5, 1e-10)
    assert run.steps_to(1e-3).tolist() == [-1]


def test_an_equation_without_a_solution_is_a_convergence_error():
    net = sc.Network(weights=[[[1.0]], [[1.0]]], biases=[[1.0], [0.0]], activation="linear")
    for judge in (exact.equilibrium_loss, exact.recurrent_backprop):
        with pytest.raises(sc.ConvergenceError):
            judge(net, [[1.0]], [[0.0]])


def test_what_a_rule_of_a_recipe_returns_is_checked_too():
    net, x, y = example(0)
    for function in (sc.estimate_gradient, sc.audit):
        with pytest.raises(ValueError, match="rule: got"):
            function(net, x, y, EXACT._replace(contrast=lambda read: None))


def test_a_rotation_of_nothing_leaves_no_lateral_matrices():
    net, *_ = example(0)
    assert all(a is None for a in rotated(0.0)(net).lateral)


def test_the_best_step_under_a_nudge_counts_the_nudge():
    net, x, y = example(2, cancellation=1.0, gain=2.0)
    state = solvers.newton(net, x, y=y, beta=5.0, start=solvers.newton(net, x))
    found = settling.spectral_radius(net, x, state).max()  # dt = None: the best step
    radii = [settling.spectral_radius(net, x, state, dt=dt).max()
             for dt in np.linspace(0.02, 1.0, 50)]  # fmt: skip
    assert found == pytest.approx(min(radii))


def test_one_input_beside_six_states_is_refused():
    net, x, _ = example(0)
    free = solvers.newton(net, x)
    for measure in (sc.energy, architecture.state_mismatch, homeostasis):
        with pytest.raises(ValueError, match="state: got 6 samples, expected 1"):
            measure(net, x[0], free)


@pytest.mark.parametrize("solver", [sc.settle, solvers.relax])
def test_a_current_that_does_not_fit_is_refused_by_name(solver):
    net, x, _ = example(0)
    for wrong in (
        (np.zeros((6, 10)),), tuple(np.zeros((2, n)) for n in net.sizes[1:]),
        tuple(np.full((6, n), np.nan) for n in net.sizes[1:]),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="current"):
            solver(net, x, current=wrong)


def test_a_strong_nudge_from_silence_settles_as_one_from_the_free_phase_does():
    net, x, y = example(3, gain=0.5, output="tanh")
    assert solvers.relax(net, x, y=0.5 * np.tanh(y), beta=1e3).converged


def test_phases_that_were_cut_short_and_overflowed_are_refused():
    net, x, y = example(0)
    recipe = sc.ALL_HOLD._replace(
        settling=settling.fixed_steps(3000, dt=5.0), nudging=nudging.centered(0.1)
    )
    with np.errstate(all="ignore"), pytest.raises((sc.ConvergenceError, ValueError)):
        sc.estimate_gradient(net, x, y, recipe)


@pytest.mark.parametrize("follow", [np.nan, -1.0, 0])
def test_a_follow_that_is_no_tolerance_is_refused(follow):
    net, x, _ = example(0)
    with pytest.raises(ValueError, match="follow: got"):
        solvers.relax(net, x, follow=follow)


def test_homeostasis_adapts_feedback_alone_and_refuses_lateral_matrices():
    net, x, _ = example(0)
    turned = rotated(0.5)(net)
    with pytest.raises(ValueError, match="net: got lateral matrices, expected none"):
        homeostasis(turned, x, solvers.newton(turned, x))


def test_complex_data_are_refused_and_not_cut():
    net, x, y = example(0)
    with pytest.raises(ValueError, match="x: got"):
        sc.settle(net, x + 1j)
