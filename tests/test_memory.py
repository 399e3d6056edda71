"""What is asked again is answered from memory, and only what is asked again."""

import itertools
import warnings
from functools import partial

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import (
    architecture,
    feedback,
    memory,
    nudging,
    phases,
    settling,
    solvers,
)
from sevenconditions.memory import Memory, same


class Asked:
    """A function that counts how often it is called."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


def test_equal_content_is_one_question_and_anything_else_another():
    total, kept = Asked(lambda *parts: sum(float(np.sum(part)) for part in parts)), Memory()
    x = np.arange(6.0).reshape(2, 3)
    questions = [(x,), (x.reshape(3, 2),), (x + 1.0,), (x, x), (x.astype(np.float32),), ((x, x),)]
    for question in questions:
        assert kept.once(total, *question) == total.function(*question)
    assert total.calls == len(questions)
    for question in questions:
        assert kept.once(total, *question) == total.function(*question)
    assert total.calls == len(questions)
    far = np.zeros(1000)
    far[501] = 1.0  # not among the entries that are looked at first
    assert [kept.once(total, a) for a in (np.zeros(1000), far)] == [0.0, 1.0]


def test_an_array_that_is_changed_later_is_another_question():
    total, kept, x = Asked(lambda x: float(x.sum())), Memory(), np.ones(3)
    assert kept.once(total, x) == 3.0
    x[1] = 5.0
    assert kept.once(total, x) == 7.0 and total.calls == 2
    assert kept.once(total, np.ones(3)) == 3.0 and total.calls == 2


def test_a_state_is_handed_out_as_a_copy():
    net, x, _ = example(0)
    kept = Memory()
    first = kept.once(solvers.relax, net, x)
    first.rates[0][:] = 7.0
    first.potentials[0][:] = 7.0
    second = kept.once(solvers.relax, net, x)
    assert not (second.rates[0] == 7.0).any() and not (second.potentials[0] == 7.0).any()


def test_networks_are_told_apart_by_everything_in_them():
    size, kept = Asked(lambda net: float(net.weights[0].sum())), Memory()
    net, *_ = example(0)
    weights = [w.copy() for w in net.weights]
    weights[2][3, 4] += 1e-12
    others = [
        net.replace(cancellation=0.5), net.replace(feedback_gain=0.5), net.replace(output="tanh"),
        net.replace(weights=weights, feedback=list(net.feedback)), feedback.mixed(0.1)(net),
        net.replace(lateral=[None, np.eye(10), None, None]),
    ]  # fmt: skip
    for other in (net, *others):
        kept.once(size, other)
    assert size.calls == 7
    for other in (net, *others):
        kept.once(size, other.replace())  # a new network of the same content
    assert size.calls == 7


def test_a_partial_function_is_the_same_with_the_same_arguments():
    net, x, _ = example(1)
    kept = Memory()
    kept.once(settling.rest(tol=1e-9), net, x)
    assert kept.knows(settling.rest(tol=1e-9), net, x)
    assert not kept.knows(settling.rest(tol=1e-8), net, x)
    assert not kept.knows(partial(solvers.relax, tol=1e-9), net, x)
    assert not kept.knows(solvers.newton, net, x)


def test_what_cannot_be_hashed_is_known_by_itself():
    class Rule:
        __hash__ = None

        def __call__(self, x):
            return float(x[0])

    kept, first, second = Memory(), Rule(), Rule()
    assert kept.once(first, np.ones(1)) == 1.0
    assert kept.knows(first, np.ones(1)) and not kept.knows(second, np.ones(1))


def test_warnings_come_back_with_the_answer_and_a_failure_is_not_kept():
    def shout(x):
        warnings.warn("loud", sc.BasinWarning, stacklevel=1)
        if x.sum() < 0:
            raise sc.ConvergenceError("no")
        return 1

    kept = Memory()
    for _ in range(2):
        with pytest.warns(sc.BasinWarning, match="loud"):
            assert kept.once(shout, np.ones(1)) == 1
    for _ in range(2):
        with pytest.warns(sc.BasinWarning, match="loud"), pytest.raises(sc.ConvergenceError):
            kept.once(shout, -np.ones(1))
    assert not kept.knows(shout, -np.ones(1))


def test_what_is_told_is_recalled():
    kept = Memory()
    assert kept.recall(np.sum, np.ones(2)) is None
    kept.tell(5.0, np.sum, np.ones(2))
    assert kept.recall(np.sum, np.ones(2)) == kept.once(np.sum, np.ones(2)) == 5.0


def test_a_full_memory_still_answers(monkeypatch):
    monkeypatch.setattr(memory, "_LIMIT", 100)
    total, kept = Asked(lambda x: float(x.sum())), Memory()
    for _ in range(2):
        assert kept.once(total, np.ones(10)) == 10.0
        assert kept.once(total, np.ones(11)) == 11.0
    assert total.calls == 3  # the first was kept, the second had no room


def test_the_recipe_that_is_ready_estimates_the_same():
    net, x, y = example(2, gain=0.6)
    recipe = sc.ALL_HOLD._replace(feedback=feedback.mixed(0.3), nudging=nudging.centered(1e-3))
    kept = Memory()
    for _ in range(2):
        ready = kept.ready(recipe, net)
        mine, theirs = (sc.estimate_gradient(net, x, y, r) for r in (ready, recipe))
        np.testing.assert_array_equal(mine.flat(), theirs.flat())
    early = kept.ready(recipe._replace(settling=settling.fixed_steps(3)), net)
    assert early.settling.stops_early and not ready.settling.stops_early
    with pytest.raises(ValueError, match="settling: got 'rest', expected a function"):
        sc.take_phases(net, x, y, kept.ready(recipe._replace(settling="rest"), net))


def test_states_are_the_same_only_with_all_that_is_in_them():
    net, x, y = example(3)
    free = sc.free_phase(net, x)
    plus = sc.nudged_phase(net, x, y, beta=0.1, start=free)
    assert same(free, free.samples(slice(None))) and not same(free, plus)
    assert not same(free, free.samples([0, 1])) and not same(free, free.potentials)


def test_an_audit_that_shares_a_memory_reports_the_same():
    net, x, y = example(4, gain=0.6)
    kept = Memory()
    noisy = sc.ALL_HOLD._replace(phases=phases.noisy(1e-3), nudging=nudging.centered(0.01))
    weak = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    for rule in (sc.ALL_HOLD, weak, noisy, sc.ZOO["feedback_alignment"], sc.backprop) * 2:
        for against, seed in itertools.product(("backprop", "equilibrium"), (1, 2)):
            shared, alone = (
                sc.audit(net, x, y, rule, against=against, rng=np.random.default_rng(seed),
                         memory=m).to_dict() for m in (kept, None)
            )  # fmt: skip
            assert shared == alone
