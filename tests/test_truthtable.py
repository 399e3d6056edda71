"""The truth table: what holds is exact, what is broken is not, and each row says which."""

import numpy as np
import pytest

from sevenconditions import ZOO, backprop, estimate_gradient
from sevenconditions.budget import violated
from sevenconditions.dynamics import forward_pass
from sevenconditions.recipe import CONDITIONS
from sevenconditions.truthtable import (
    LEARNING_RATE,
    STEPS,
    STRENGTHS,
    algorithms_on,
    broken_at,
    combination,
    problem,
    truth_table,
)


@pytest.fixture(scope="module")
def at():
    return problem()


def loss(net, at):
    """Half the squared error of the forward pass, computed here."""
    return 0.5 * ((forward_pass(net, at.x)[1][-1] - at.y) ** 2).sum(axis=1).mean()


def test_with_all_seven_the_update_is_the_gradient_and_learns_as_backprop_does(at):
    row = combination(at, ())
    assert row.index == 0
    assert max(row.angle_deg, *row.layers) < 0.01
    assert abs(row.norm_ratio - 1) < 1e-4
    net, course = at.net, [loss(at.net, at)]
    for _ in range(STEPS):
        step = backprop(net, at.x, at.y)
        net = net.replace(
            weights=[w - LEARNING_RATE * g for w, g in zip(net.weights, step.weights, strict=True)],
            biases=[b - LEARNING_RATE * g for b, g in zip(net.biases, step.biases, strict=True)],
            feedback=None,
        )
        course.append(loss(net, at))
    assert np.allclose(row.loss, course, rtol=1e-3)


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_condition_alone_turns_the_update_and_slows_learning(at, name):
    row = combination(at, (name,))
    assert row.broken == (name,) and row.index == 1 << CONDITIONS.index(name)
    assert row.angle_deg > 5
    assert row.loss[0] == pytest.approx(loss(at.net, at))
    assert row.loss[-1] > combination(at, ()).loss[-1]


def test_the_angle_is_that_between_the_update_and_backprop(at):
    broken = ("feedback", "nudging")
    recipe = violated({name: STRENGTHS[name] for name in broken}, seed=3)
    update, true = estimate_gradient(at.net, at.x, at.y, recipe), backprop(at.net, at.x, at.y)
    u, v = update.flat(), true.flat()
    cosine = u @ v / np.sqrt((u @ u) * (v @ v))
    row = combination(at, broken)
    assert row.angle_deg == pytest.approx(np.degrees(np.arccos(cosine)))
    assert row.norm_ratio == pytest.approx(np.sqrt((u @ u) / (v @ v)))


def test_the_nearest_algorithm_shares_most_of_what_is_broken(at):
    algorithms = algorithms_on(at)
    assert {"backprop", "bptt"}.isdisjoint(algorithms) and set(algorithms) < set(ZOO)
    for broken in [("nudging",), ("architecture",), ("nudging", "architecture"), ("contrast",)]:
        row = combination(at, broken, algorithms)
        assert algorithms[row.nearest][0] == set(broken)
    assert combination(at, ("phases",), algorithms).nearest == ""  # nobody in the zoo is noisy


def test_every_set_of_conditions_has_its_place():
    assert len({broken_at(i) for i in range(128)}) == 128
    for wrong in (-1, 128, 1.5):
        with pytest.raises(ValueError, match="from 0 to 127"):
            broken_at(wrong)


def test_an_unknown_condition_is_named(at):
    with pytest.raises(ValueError, match="'coffee'"):
        combination(at, ("coffee",))


@pytest.mark.slow
def test_the_table_holds_all_and_the_start_of_every_training_is_the_same(at):
    rows = truth_table()
    assert [row.index for row in rows] == list(range(128))
    assert len({row.loss[0] for row in rows}) == 1
    assert all(np.isfinite(row.loss).all() for row in rows)
    assert min(row.angle_deg for row in rows[1:]) > 5  # no two faults hide each other
