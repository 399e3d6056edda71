"""The fast path reaches what the explicit dynamics reach, sample by sample, and says when not."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import dynamics, feedback, relaxation, response, solvers, sweeps
from sevenconditions.acceleration import Mixing, Newton
from sevenconditions.equilibrium import Verdict
from sevenconditions.relaxation import Relaxation
from sevenconditions.sweeps import Sweeps

NARROW, WIDE = (8, 12, 4), (8, 10, 9, 8, 5)


def distance(first, second):
    pairs = zip((*first.potentials, *first.rates), (*second.potentials, *second.rates), strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


def problem(sizes, c, gamma, kind, *, seed=0, n_samples=7, **options):
    net, x, y = example(
        seed, sizes=sizes, n_samples=n_samples, cancellation=c, feedback_gain=gamma, **options
    )
    if kind == "random":
        net = feedback.random(seed=1)(net)
        net = net.replace(feedback=[None, *(0.5 * b for b in net.feedback[1:])])
    if kind == "lateral":
        rng = np.random.default_rng(3)
        net = net.replace(lateral=[None, *(0.2 * rng.standard_normal((n, n)) / n**0.5
                                           for n in net.sizes[1:])])  # fmt: skip
    return net, x, y


@pytest.mark.parametrize("kind", ["transposed", "random", "lateral"])
@pytest.mark.parametrize("gamma", [1.0, 0.3])
@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sizes", [NARROW, WIDE])
@pytest.mark.parametrize("tol", [1e-6, 1e-10])
def test_the_same_fixed_point_as_the_explicit_dynamics_to_ten_tolerances(
    sizes, c, gamma, kind, tol
):
    net, x, y = problem(sizes, c, gamma, kind)
    for output in ("linear", "tanh"):
        given = net.replace(output=output)
        free = sc.settle(given, x, tol=1e-3 * tol)
        mine = solvers.relax(given, x, tol=tol)
        assert mine.converged and mine.dt == np.inf and distance(mine, free) < 10 * tol
        for beta in (0.3, -0.05, np.inf):
            slow = sc.settle(given, x, y=0.5 * np.tanh(y), beta=beta, start=free, tol=1e-3 * tol)
            fast = solvers.relax(given, x, y=0.5 * np.tanh(y), beta=beta, start=mine, tol=tol)
            assert fast.converged and distance(fast, slow) < 10 * tol


@pytest.mark.parametrize("sizes", [NARROW, WIDE])
def test_the_residual_that_is_reported_is_the_residual(sizes):
    net, x, y = problem(sizes, 0.5, 0.7, "lateral")
    push = tuple(0.1 * np.ones((len(x), n)) for n in net.sizes[1:])
    run = solvers.relax(net, x, y=y, beta=0.3, current=push, tol=1e-5)
    true = dynamics.residual(net, x, run.potentials, y=y, beta=0.3, current=push)
    largest = np.max([np.abs(r).max(axis=1) for r in true], axis=0)
    np.testing.assert_allclose(run.residual_per_sample, largest, rtol=1e-6, atol=1e-15)
    assert (largest <= 1e-5).all() and largest.max() > 1e-9


@pytest.mark.parametrize("sizes", [NARROW, WIDE])
@pytest.mark.parametrize("worthwhile", [1, 2**15])
def test_a_sample_alone_and_in_any_batch_is_the_same(monkeypatch, sizes, worthwhile):
    monkeypatch.setattr(relaxation, "_WORTHWHILE", worthwhile)
    net, x, y = problem(sizes, 0.0, 1.0, "transposed", gain=0.5, n_samples=40)
    x[::4] *= 3.0  # some rest much sooner than others
    together = solvers.relax(net, x, tol=1e-9)
    nudged = solvers.relax(net, x, y=y, beta=0.2, start=together, tol=1e-9)
    for rows in ([3], [4, 7, 8], slice(10, 40)):
        alone = solvers.relax(net, x[rows], tol=1e-9)
        assert distance(alone, together.samples(rows)) < 1e-13
        again = solvers.relax(net, x[rows], y=y[rows], beta=0.2, start=alone, tol=1e-9)
        assert distance(again, nudged.samples(rows)) < 1e-13


def test_a_large_batch_goes_on_with_those_that_do_not_rest_yet(monkeypatch):
    net, x, _ = problem(WIDE, 0.0, 1.0, "transposed", gain=0.5, n_samples=40)
    x[:30] *= 10.0  # saturated units answer weakly, and these rest sooner
    sizes = []
    sweep = Sweeps.sweep

    def counted(self):
        sizes.append(len(self.state))
        return sweep(self)

    monkeypatch.setattr(Sweeps, "sweep", counted)
    monkeypatch.setattr(relaxation, "_WORTHWHILE", 1)
    run = solvers.relax(net, x, tol=1e-10)
    assert sizes[0] == 40 and 0 < sizes[-1] <= 10
    assert len(sizes) == run.n_steps + 1
    assert (np.diff(run.residuals[:, :30], axis=0)[-1] == 0.0).all()  # those had left


@pytest.mark.parametrize("c", [0.0, 1.0])
@pytest.mark.parametrize("sizes", [NARROW, WIDE])
def test_repeats_are_rows_that_share_their_input(sizes, c):
    net, x, y = problem(sizes, c, 0.8, "lateral")
    free = solvers.relax(net, x)
    push = tuple(0.1 * np.ones((len(x), n)) for n in net.sizes[1:])
    betas = (0.1, -0.1, 0.02j)
    column = np.repeat(betas, len(x))
    together = solvers.relax(
        net, x, y=y, beta=column, start=free, current=push, repeats=3, tol=1e-11
    )
    assert len(together.rates[0]) == 3 * len(x)
    for i, beta in enumerate(betas):
        alone = solvers.relax(net, x, y=y, beta=beta, start=free, current=push, tol=1e-11)
        part = together.samples(slice(i * len(x), (i + 1) * len(x)))
        assert distance(part, alone) < 1e-10


def test_repeats_that_the_sweeps_leave_run_the_dynamics_with_their_own_inputs():
    net, x, y = problem(WIDE, 0.0, 1.0, "transposed")
    free, column = solvers.relax(net, x), np.repeat([0.2, -0.1], len(x))
    few = solvers.relax(net, x, y=y, beta=column, start=free, repeats=2, max_sweeps=1, tol=1e-9)
    whole = solvers.relax(net, x, y=y, beta=column, start=free, repeats=2, tol=1e-9)
    assert np.isfinite(few.dt) and few.verdict is Verdict.SETTLED
    assert distance(few, whole) < 1e-7


def test_a_number_of_nudges_that_does_not_fit_the_repeats_is_refused():
    net, x, y = problem(NARROW, 0.0, 1.0, "transposed")
    with pytest.raises(ValueError, match="beta: got shape"):
        solvers.relax(net, x, y=y, beta=np.full(3, 0.1), repeats=2)
    with pytest.raises(ValueError, match="repeats: got 0"):
        solvers.relax(net, x, repeats=0)


def test_nudged_phases_begin_with_what_the_free_one_knows(monkeypatch):
    net, x, y = problem(NARROW, 0.0, 1.0, "transposed", gain=0.5)
    free = solvers.relax(net, x, tol=1e-10)
    assert free.memory.shape == (len(x), 4, 4)
    taken, own = [], Sweeps.derivative
    monkeypatch.setattr(
        Sweeps, "derivative", lambda self, rows: taken.append(len(rows)) or own(self, rows)
    )
    knowing = solvers.relax(net, x, y=y, beta=1e-3, start=free, tol=1e-10)
    assert sum(taken) == 0 and knowing.n_steps < 6
    naive = solvers.relax(net, x, y=y, beta=1e-3, start=free.potentials, tol=1e-10)
    assert sum(taken) >= len(x)
    assert distance(knowing, naive) < 1e-9
    # the inverse that is kept is that of the sweeps' own derivative
    batch = Relaxation(net, x, None, 0.0, free.potentials, None, 1e-10, None)
    batch.map.sweep()
    derivative = own(batch.map, np.arange(len(x)))
    whole = free.memory @ (np.eye(4) - derivative)
    np.testing.assert_allclose(whole, np.tile(np.eye(4), (7, 1, 1)), atol=0.05)
    # what another network knew is no obstacle
    other, *_ = problem((8, 12, 3), 0.0, 1.0, "transposed")
    foreign = sc.Equilibrium(
        tuple(np.zeros((7, n)) for n in (12, 3)), free.rates, free.residuals, free.verdict,
        np.inf, 1e-10, memory=free.memory,
    )  # fmt: skip
    assert solvers.relax(other, x, start=foreign).converged


@pytest.mark.parametrize("c", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_derivative_of_a_sweep_is_that_of_differences(c, beta):
    net, x, y = problem(NARROW, c, 0.7, "random")
    drive, target = dynamics.input_drive(net, x), (y if beta else None)

    def after(state):
        one = Sweeps(net, drive, target, beta, None, float)
        one.state[:] = state
        return state + one.sweep(), one.derivative(np.arange(len(x)))

    state = np.random.default_rng(0).standard_normal((len(x), 4))
    _, derivative = after(state)
    for k, e in enumerate(1e-6 * np.eye(4)):
        slope = (after(state + e)[0] - after(state - e)[0]) / 2e-6
        np.testing.assert_allclose(derivative[:, :, k], slope, atol=1e-9)


def test_newton_needs_a_small_upper_layer_and_an_output_that_gives_way_at_once():
    net, x, y = problem(NARROW, 0.0, 1.0, "transposed")
    drive = dynamics.input_drive(net, x)
    assert Sweeps(net, drive, y, 0.1, None, float).is_narrow
    assert Sweeps(net.replace(output="tanh"), drive, None, 0.0, None, float).is_narrow
    assert not Sweeps(net.replace(output="tanh"), drive, y, 0.1, None, float).is_narrow
    assert not Sweeps(net, drive, y, -0.95, None, float).is_narrow
    lateral, *_ = problem(NARROW, 0.0, 1.0, "lateral")
    assert not Sweeps(lateral, drive, None, 0.0, None, float).is_narrow
    wide, x, _ = problem((8, 12, 17), 0.0, 1.0, "transposed")
    assert not Sweeps(wide, dynamics.input_drive(wide, x), None, 0.0, None, float).is_narrow


def test_mixing_and_newton_are_quicker_than_the_plain_sweeps(monkeypatch):
    for sizes, faster in ((NARROW, Newton), (WIDE, Mixing)):
        net, x, _ = problem(sizes, 0.0, 1.0, "transposed", gain=0.5)
        quick = solvers.relax(net, x, tol=1e-10).n_steps
        with monkeypatch.context() as patched:
            patched.setattr(faster, "next", lambda self, x, step, *rest: x + step)
            plain = solvers.relax(net, x, tol=1e-10).n_steps
        assert quick < 0.8 * plain


def test_with_full_cancellation_a_weak_nudge_is_one_way_down_and_up():
    net, x, y = problem((8, *[10] * 12, 5), 1.0, 1.0, "transposed", gain=0.6)
    free = solvers.relax(net, x)
    assert free.n_steps == 0  # it is the forward pass
    assert solvers.relax(net, x, y=y, beta=1e-6, start=free, tol=1e-12).n_steps <= 2


def test_mixing_solves_a_linear_map_in_as_many_steps_as_it_has_dimensions(rng):
    n = 4
    matrix = 0.3 * rng.standard_normal((2, n, n))
    shift, x = rng.standard_normal((2, n)), np.zeros((2, n))
    mixing, always = Mixing(2, n, float), np.ones(2, bool)
    for _ in range(n + 3):
        step = shift + (matrix @ x[:, :, None])[:, :, 0] - x
        x = mixing.next(x, step, np.abs(step).max(axis=1), always, always)
    exact = np.linalg.solve(np.eye(n) - matrix, shift[:, :, None])[:, :, 0]
    np.testing.assert_allclose(x, exact, atol=1e-9)


def test_mixing_forgets_keeps_and_waits_for_each_sample_by_itself(rng):
    def run(slow, n_samples, forget_at=None):
        draw = np.random.default_rng(5)
        mixing, x = Mixing(3, 2, float), draw.standard_normal((3, 2))
        states = []
        for k in range(6):
            step = np.cos(x) - x
            flags = np.array([slow <= k, True, k >= 4])
            if k == forget_at:
                mixing.forget(np.array([False, True, False]))
            x = mixing.next(x, step, np.abs(step).max(axis=1), flags, np.ones(3, bool))
            states.append(x)
        return np.array(states)

    early, late = run(0, 3), run(3, 3)
    np.testing.assert_array_equal(early[:, 1:], late[:, 1:])  # of no concern to the others
    assert (early[:, 0] != late[:, 0]).any()
    forgetful = run(0, 3, forget_at=4)
    np.testing.assert_array_equal(early[:, [0, 2]], forgetful[:, [0, 2]])
    assert (early[4:, 1] != forgetful[4:, 1]).any()
    assert np.abs(np.cos(early[-1, 1]) - early[-1, 1]).max() < 1e-4


def test_a_sample_whose_steps_grow_takes_plain_steps_until_they_are_small_again():
    mixing, x, always = Mixing(2, 1, float), np.zeros((2, 1)), np.ones(2, bool)
    calm = Mixing(2, 1, float)
    for size in (1.0, 0.5, 0.1, 0.9, 0.7, 0.4, 0.05):
        step = np.array([[size], [0.1]])
        mine = mixing.next(x, step, step[:, 0], always, always)
        theirs = calm.next(x, np.array([[0.1], [0.1]]), np.full(2, 0.1), always, always)
        if size > 0.6 and size < 1.0:
            assert mine[0] == x[0] + size and mixing.count[0] == 0
        np.testing.assert_array_equal(mine[1], theirs[1])
    newton = Newton(sweeps, np.full((1, 1, 1), 3.0))
    never = np.zeros(1, bool)
    moves = [newton.next(np.zeros((1, 1)), np.full((1, 1), s), np.array([s]), never, never).item()
             for s in (1.0, 0.1, 0.2, 0.8, 0.45)]  # fmt: skip
    np.testing.assert_allclose(moves, [3.0, 0.3, 0.6, 0.8, 1.35])


def test_after_many_plain_steps_in_a_row_better_ones_are_tried_again():
    newton, never = Newton(sweeps, np.full((1, 1, 1), 3.0)), np.zeros(1, bool)

    def move(size):
        step = np.full((1, 1), size)
        return newton.next(np.zeros((1, 1)), step, step[0], never, never).item()

    move(0.1)
    moves = [move(1.0) for _ in range(25)]
    assert moves == [1.0] * 20 + [3.0] * 5  # and from then on 1.0 is what they have been


def test_where_the_flow_circles_the_sweeps_still_find_the_point_that_it_circles():
    turn = np.array([[1.3, -1.5], [1.5, 1.3]])
    turning = sc.Network(
        weights=[np.eye(2)], biases=[np.zeros(2)], lateral=[None, turn], output="tanh"
    )
    x = np.array([[0.1, 0.05], [0.3, -0.2]])
    flow = sc.settle(turning, x, quiet=True)
    found = solvers.relax(turning, x, follow=np.inf)
    assert not flow.converged and found.converged and found.dt == np.inf
    with pytest.raises(sc.ConvergenceError, match="repels"):
        response.refuse_repelling(turning, x, found.potentials)


def test_a_nudge_that_makes_a_sample_jump_is_followed_by_the_sweeps_themselves():
    net, x, y = problem(WIDE, 0.0, 1.0, "transposed", gain=0.5, n_samples=40)
    x[::4] *= 3.0
    free = solvers.relax(net, x, tol=1e-9)
    run = solvers.relax(net, x, y=y, beta=0.2, start=free, tol=1e-9)
    slow = sc.settle(net, x, y=y, beta=0.2, start=free, tol=1e-9)
    assert run.dt == np.inf and run.n_steps < 200 < slow.n_steps


def test_what_rounding_leaves_of_a_large_state_ends_the_sweeps_and_is_not_called_settled():
    net, x, _ = problem(WIDE, 0.0, 1.0, "transposed", activation="linear")
    run = solvers.relax(net, 1e8 * x, tol=1e-12)
    assert run.n_steps < 60 and not run.converged and run.dt == np.inf
    assert run.residual < 1e-6


def test_fixed_sweeps_are_those_of_the_sweeps_one_by_one():
    net, x, y = problem(WIDE, 0.5, 0.7, "random")
    drive = dynamics.input_drive(net, x)
    many, one = (Sweeps(net, drive, y, 0.2, None, float) for _ in range(2))
    for each in (many, one):
        each.start(None)
    many.advance(5)
    for _ in range(5):
        one.state += one.sweep()
    np.testing.assert_allclose(many.state, one.state, atol=1e-14)
    np.testing.assert_allclose(many.rates[-1], one.rest()[1][-1], atol=1e-14)


@pytest.mark.parametrize("sizes", [NARROW, WIDE])
def test_what_is_returned_shares_nothing_with_what_was_given_or_with_itself(sizes):
    net, x, y = problem(sizes, 0.0, 1.0, "transposed")
    free = solvers.relax(net, x)
    nudged = solvers.relax(net, x, y=y, beta=0.1, start=free)
    for run in (free, nudged):
        arrays = (*run.potentials, *run.rates)
        for i, one in enumerate(arrays):
            others = (*arrays[:i], x, y, *(() if run is free else free.potentials))
            assert not any(np.shares_memory(one, other) for other in others)
    before = [u.copy() for u in (*free.potentials, free.memory) if u is not None]
    solvers.relax(net, x, y=y, beta=5.0, start=free)
    after = [u for u in (*free.potentials, free.memory) if u is not None]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_with_a_current_a_cancelling_network_follows_the_dynamics_too():
    net = sc.Network(
        weights=[[[0.0]], [[3.0]]], biases=[[0.0], [0.0]], activation="tanh", output="tanh",
        cancellation=1.0, feedback=[None, [[4.0]]],
    )  # fmt: skip
    push = (np.array([[0.0]]), np.array([[1.5]]))
    mine, dynamics_own = (
        solvers.relax(net, [0.0], current=push),
        sc.settle(net, [0.0], current=push),
    )
    assert distance(mine, dynamics_own) < 1e-8


def test_small_biases_are_spread_and_large_ones_are_not_and_both_count(monkeypatch):
    net, x, _ = problem(WIDE, 0.0, 1.0, "transposed", bias=0.5)
    spread = solvers.relax(net, x)
    monkeypatch.setattr(sweeps, "_SMALL", 0)
    assert distance(spread, solvers.relax(net, x)) < 1e-14


def test_an_output_beyond_its_own_stability_is_left_to_the_dynamics_which_diverge():
    net, x, y = problem(NARROW, 0.0, 1.0, "transposed")
    run = solvers.relax(net, x, y=y, beta=-1.5, start=solvers.relax(net, x))
    assert run.verdict is Verdict.DIVERGED and not run.converged


@pytest.mark.parametrize("kind", ["transposed", "random", "lateral"])
@pytest.mark.parametrize("beta", [0.0, 0.4, -0.95, np.inf])
@pytest.mark.parametrize("output", ["linear", "tanh"])
def test_after_any_sweep_the_residual_of_each_layer_is_that_of_the_dynamics(kind, beta, output):
    net, x, y = problem(WIDE, 0.5, 0.7, kind, output=output)
    y, push = 0.5 * np.tanh(y), [0.1 * np.ones((len(x), n)) for n in net.sizes[1:]]
    target = None if beta == 0.0 else y
    sweeping = Sweeps(net, dynamics.input_drive(net, x), target, beta, push, float)
    sweeping.start(None)
    for _ in range(3):
        sweeping.state += sweeping.sweep()
    sweeping.sweep()
    potentials, rates, residual = sweeping.rest()
    true = dynamics.residual(net, x, potentials, y=target, beta=beta, current=push)
    for mine, theirs in zip(residual, true, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-13)
    held = dynamics.held_rates(net, potentials, target, beta)
    for mine, theirs in zip(rates, held, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-15)


def test_a_small_step_with_a_large_residual_is_not_rest(monkeypatch):
    net, x, _ = problem(WIDE, 0.0, 1.0, "transposed")
    loud = net.replace(
        weights=[net.weights[0], *(0.02 * w for w in net.weights[1:])],
        feedback=[None, *(20.0 * b for b in net.feedback[1:])],
    )
    woken, forget = [], Mixing.forget
    monkeypatch.setattr(Mixing, "forget", lambda self, rows: woken.append(rows.sum())
                        or forget(self, rows))  # fmt: skip
    run = solvers.relax(loud, x, tol=1e-7)
    true = dynamics.residual(loud, x, run.potentials)
    assert max(np.abs(r).max() for r in true) <= 1e-7
    assert sum(woken) > 0 and run.dt == np.inf and run.n_steps < 40


def test_what_cannot_be_held_is_given_up_at_once(monkeypatch):
    net, x, y = problem(NARROW, 0.0, 1.0, "transposed")
    count, sweep = [], Sweeps.sweep
    monkeypatch.setattr(Sweeps, "sweep", lambda self: count.append(1) or sweep(self))
    run = solvers.relax(net, x, y=y, beta=-1.5, start=solvers.relax(net, x))
    assert not run.converged and len(count) < 100


def test_complex_iterates_mix_as_well_as_real_ones(rng):
    n = 3
    matrix = 0.3 * (rng.standard_normal((2, n, n)) + 1j * rng.standard_normal((2, n, n)))
    shift = rng.standard_normal((2, n)) + 1j * rng.standard_normal((2, n))
    mixing, x, always = Mixing(2, n, complex), np.zeros((2, n), complex), np.ones(2, bool)
    for _ in range(n + 3):
        step = shift + (matrix @ x[:, :, None])[:, :, 0] - x
        x = mixing.next(x, step, np.abs(step).max(axis=1), always, always)
    exact = np.linalg.solve(np.eye(n) - matrix, shift[:, :, None])[:, :, 0]
    np.testing.assert_allclose(x, exact, atol=1e-9)


def test_repeats_from_silence_begin_with_the_forward_pass():
    net, x, y = problem(WIDE, 0.0, 1.0, "transposed", gain=0.6)
    column = np.repeat([0.0, 0.1], len(x))
    run = solvers.relax(net, x, y=y, beta=column, repeats=2)
    alone = solvers.relax(net, x, y=y, beta=0.1)
    assert distance(run.samples(slice(len(x), None)), alone) < 1e-9


def test_what_an_input_brings_is_computed_once_for_all_nudges(monkeypatch):
    net, x, y = problem(WIDE, 0.0, 1.0, "transposed")
    rows, drive = [], dynamics.input_drive
    counted = lambda net, x: rows.append(len(x)) or drive(net, x)
    monkeypatch.setattr(relaxation, "input_drive", counted)
    recipe = sc.ALL_HOLD._replace(
        architecture=sc.architecture.hopfield, nudging=sc.nudging.centered(1e-3)
    )
    sc.estimate_gradient(net, x, y, recipe)
    assert rows == [len(x)] * 2
