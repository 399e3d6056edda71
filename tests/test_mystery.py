"""The mystery network: drawn alike from one seed, hidden, fair, and solved by rule."""

import collections
import re

import numpy as np
import pytest
from detective import solve

import sevenconditions as sc
from sevenconditions.mystery import ANSWERS, LEVELS, MEANINGS, NEARLY, Case, measured

SEEDS = range(16)
OF_UPDATES = ("run_longer", "change_beta", "compare_with_states")


@pytest.fixture(scope="module")
def cases():
    """Level -> a case for each seed, with nothing asked yet."""
    return {level: [sc.mystery(seed, level) for seed in SEEDS] for level in LEVELS}


def fresh(case):
    """The same case, with its whole budget."""
    again = Case.__new__(Case)
    again.__dict__.update(case.__dict__, log=())
    return again


def culprit(case):
    return case.reveal().accused


def with_culprit(cases, name):
    return next(fresh(case) for case in [*cases[2], *cases[3]] if culprit(case) == name)


def interview(case):
    """One answer of each kind."""
    return [
        case.perturb("a1", "o1"), case.clamp("a2"), case.lesion("b1"), case.lesion("o1", "b2"),
        case.read_pair("a1", "b3"), case.run_longer(), case.change_beta("x1", "a1"),
    ]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_seed_gives_the_same_case(level):
    first, second = sc.mystery(-5, level), sc.mystery(-5, level)
    assert list(map(str, interview(first))) == list(map(str, interview(second)))
    assert [first.accuse(s) for s in first.suspects] == [second.accuse(s) for s in second.suspects]
    other = sc.mystery(5, level)
    assert list(map(str, interview(other))) != list(map(str, first.log))


def test_an_answer_does_not_depend_on_what_was_asked_before(cases):
    first, second = fresh(cases[3][0]), fresh(cases[3][0])
    forwards = [ask(first) for ask in (Case.repeat, Case.run_longer, lambda c: c.clamp("b1"))]
    backwards = [ask(second) for ask in (lambda c: c.clamp("b1"), Case.run_longer, Case.repeat)]
    assert list(map(str, forwards)) == list(map(str, backwards[::-1]))


@pytest.mark.parametrize("level", LEVELS)
def test_the_budget_is_spent_one_by_one_and_then_the_case_says_what_to_do(cases, level):
    case = fresh(cases[level][1])
    for left in reversed(range(LEVELS[level].budget)):
        case.perturb("a1", "a2")
        assert case.left == left
    with pytest.raises(ValueError, match="probes are spent.*accuse one of.*another seed"):
        case.perturb("a1", "a2")
    assert len(case.log) == LEVELS[level].budget


def test_a_probe_that_is_refused_costs_nothing(cases):
    case = fresh(cases[1][0])
    for refused in (
        lambda: case.perturb("x1", "a1"),
        lambda: case.read_pair("a1", "o1"),
        lambda: case.run_longer("a1", "a2"),
        lambda: case.lesion("q1"),
    ):
        with pytest.raises(ValueError, match="expected"):
            refused()
    assert case.left == LEVELS[1].budget


def test_a_case_gives_nothing_away_in_words(cases):
    for level in (2, 3):  # all answers are suspected, so each case must read like every other
        shown = {re.sub(r"Case \d+", "Case", repr(case)) for case in map(fresh, cases[level])}
        assert len(shown) == 1
    for case in map(fresh, cases[1]):
        assert culprit(case) in case.suspects
        assert not set(ANSWERS) - set(case.suspects) & set(repr(case).split())
        answers = " ".join(map(str, interview(case)))
        assert not any(name in answers for name in ANSWERS)
    assert "_Hidden" not in repr(cases[1][0])


def test_every_answer_is_a_culprit_somewhere_and_sits_anywhere_among_the_suspects():
    drawn = [sc.mystery(seed, 1) for seed in range(40)]
    assert set(map(culprit, drawn)) == set(ANSWERS)
    places = collections.Counter(case.suspects.index(culprit(case)) for case in drawn)
    assert len(places) == 4 and min(places.values()) > 3
    assert all(case.suspects == tuple(a for a in ANSWERS if a in case.suspects) for case in drawn)


@pytest.mark.parametrize("level", LEVELS)
def test_the_detective_solves_the_cases_within_the_budget(cases, level):
    solved = [case.accuse(solve(fresh(case))).right for case in cases[level]]
    assert all(solved) if level < 3 else np.mean(solved) >= 0.9


def test_a_culprit_shows_where_a_reader_looks_first(cases):
    probes = {
        "settling": "run_longer", "nudging": "change_beta", "contrast": "compare_with_states",
        "phases": "repeat",
    }  # fmt: skip
    seen = 0
    for case in cases[1] + cases[2] + cases[3]:
        if culprit(case) in probes:
            where, level = case.steepest()[0], LEVELS[case.level]
            rng = np.random.default_rng(0)
            values = measured(case._it, probes[culprit(case)], where, rng).values
            size = np.abs(values).max()
            share = level.mark / 3 if culprit(case) == "phases" else level.mark  # another draw
            assert np.ptp(values) >= share * size, case
            seen += 1
    assert seen > 15


def test_exactly_one_accusation_is_right(cases):
    for case in cases[1][:8] + cases[3][:8]:
        assert sum(case.accuse(suspect).right for suspect in case.suspects) == 1
        assert case.reveal() == case.accuse(culprit(case))


def test_a_verdict_shows_the_difference_where_it_is_right_and_none_where_it_is_wrong(cases):
    for case in cases[2]:
        for suspect in set(case.suspects) - {"none"}:
            said = case.accuse(suspect)
            below = said.evidence.values[: 1 if said.evidence.where[0][0] == "b" else 2]
            moved = max(np.abs(part).max() for part in below)
            shows = moved if said.evidence.probe == "lesion" else np.ptp(said.evidence.values)
            near = suspect in NEARLY.get(culprit(case), {})
            if said.right or near:
                assert shows > 0.01, said
            else:
                assert shows < 1e-4, said
            assert said.meaning in (
                NEARLY[culprit(case)][suspect] if near else MEANINGS[suspect][not said.right]
            )


def test_a_verdict_is_computed_by_the_very_probe_that_it_names(cases):
    for case in cases[2][:6]:
        for suspect in set(case.suspects) - {"none", "phases"}:
            said = case.accuse(suspect).evidence
            if culprit(case) == "phases" and said.probe in OF_UPDATES:
                continue  # another run, other noise
            again = measured(case._it, said.probe, said.where, np.random.default_rng(1))
            np.testing.assert_allclose(
                np.concatenate([np.ravel(v) for v in again.values]),
                np.concatenate([np.ravel(v) for v in said.values]),
                atol=1e-9,
            )


def test_none_is_judged_by_the_angle_to_backprop(cases):
    for case in cases[2]:
        said, it = case.accuse("none"), case._it
        whole = sc.estimate_gradient(
            it.net, it.x, it.y, it.recipe, allow_unsettled=True, rng=np.random.default_rng(0)
        )
        angle = sc.angle_deg(whole, sc.backprop(it.net, it.x, it.y))
        assert said.right == (angle < 0.1)
        if culprit(case) != "phases":
            assert said.evidence.values[0] == pytest.approx(angle, abs=1e-6)


def test_a_culprit_is_the_only_condition_that_its_recipe_breaks(cases):
    for case in cases[2]:
        it = case._it
        report = sc.audit(it.net, it.x, it.y, it.recipe, rng=np.random.default_rng(0))
        broken = [row.name for row in report.conditions if row.holds is False]
        assert culprit(case) in [*broken, "none"]
        assert broken or culprit(case) == "none"


def test_a_red_herring_costs_nothing_and_is_named_with_the_right_answer():
    found = [
        case
        for case in (sc.mystery(seed, 3) for seed in range(40))
        if case._hidden.herring is not None and culprit(case) == "none"
    ]
    assert found
    for case in found:
        it, gain = case._it, case._hidden.herring
        assert sc.angle_deg(it.update(None), sc.backprop(it.net, it.x, it.y)) < 1e-3
        up, down = it.perturb("b1", "o1")
        assert down == pytest.approx(gain * up, rel=1e-5)  # one step down costs one gain
        assert np.subtract(*it.perturb("b1", "b2")) == pytest.approx(0, abs=1e-8)
        assert f"gain {gain:.2f}" in str(case.accuse("none"))
        assert "gain" not in str(case.accuse("energy"))


def test_the_error_of_reading_is_what_the_level_says():
    reads, exact = [], []
    for seed in range(12):
        case = sc.mystery(seed, 3)
        reads += [case.read_pair("a1", "b1").values for _ in range(7)]
        exact += [case._it.weight_pair("a1", "b1")] * 7
    sizes = np.maximum(LEVELS[3].error * np.abs(exact), LEVELS[3].floor)
    scores = (np.array(reads) - exact) / sizes
    assert np.std(scores) == pytest.approx(1, rel=0.2)
    assert np.mean(scores) == pytest.approx(0, abs=0.3)


def test_asking_again_reads_anew_and_with_no_error_reads_the_same(cases):
    rough, exact = fresh(cases[3][0]), fresh(cases[1][0])
    assert rough.read_pair("a1", "b1").values != rough.read_pair("a1", "b1").values
    assert exact.read_pair("a1", "b1").values == exact.read_pair("a1", "b1").values


def test_noise_in_the_phases_is_noise_in_every_run(cases):
    case = with_culprit(cases, "phases")
    assert len(set(case.repeat().values)) == 5
    quiet = with_culprit({2: cases[2], 3: []}, "energy")
    assert np.ptp(quiet.repeat().values) < 0.05 * np.abs(quiet.repeat().values).max()


@pytest.mark.parametrize("refused", [0, 4, "1"])
def test_an_unknown_level_is_refused(refused):
    with pytest.raises(ValueError, match="expected one of 1, 2, 3"):
        sc.mystery(0, refused)


@pytest.mark.parametrize("refused", [0.5, None, "x"])
def test_a_seed_is_a_whole_number(refused):
    with pytest.raises(ValueError, match="seed.*expected a whole number"):
        sc.mystery(refused)


def test_only_suspects_can_be_accused(cases):
    case = cases[1][0]
    for name in (*(set(ANSWERS) - set(case.suspects)), "gravity"):
        with pytest.raises(ValueError, match=", ".join(case.suspects)):
            case.accuse(name)
