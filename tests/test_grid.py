"""A grid of audits: the same reports as one by one, shared, kept, resumed, and spread."""

import doctest
import itertools
import json
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import (
    architecture,
    contrast,
    feedback,
    nudging,
    phases,
    settling,
    solvers,
)
from sevenconditions.energy import repaired, rotated
from sevenconditions.memory import Memory
from sevenconditions.stacking import settle_together
from sevenconditions.table import Table
from sevenconditions.zoo import ZOO

NUDGES = {beta: nudging.centered(beta) for beta in (0.003, 0.03, 0.1)}


def make(seed, **options):
    """A small problem."""
    return example(seed, sizes=(4, 6, 3), n_samples=5, **options)


def one_by_one(make, dials, seeds, recipe=sc.ALL_HOLD, **options):
    """What a sweep is to find: an audit for each place, by itself."""
    found = []
    for values in itertools.product(*dials.values()):
        setting = dict(zip(dials, values, strict=True))
        tuned = getattr(recipe, "tuned", getattr(recipe, "_replace", None))
        for seed in seeds:
            net, x, y = make(seed)
            rng = np.random.default_rng([seed, 3])
            found.append(sc.audit(net, x, y, tuned(**setting), rng=rng, **options))
    return found


def assert_same(first, second, path="report"):
    """Every number of two reports, to rounding; every word and verdict."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for name in first:
            assert_same(first[name], second[name], f"{path}.{name}")
    elif isinstance(first, list):
        assert len(first) == len(second), path
        for i, pair in enumerate(zip(first, second, strict=True)):
            assert_same(*pair, f"{path}[{i}]")
    elif isinstance(first, float) and isinstance(second, float):
        # an angle near 0 is the arc cosine of almost 1: its square has the digits
        tol = 1e-4 if "angle" in path else 1e-9
        assert first == pytest.approx(second, rel=1e-6, abs=tol), path
    else:
        assert first == second, path


def assert_same_as_one_by_one(dials, recipe=sc.ALL_HOLD, make=make, seeds=(0, 3), **options):
    """The reports of a sweep are those of single audits."""
    table = sc.sweep(make, dials, seeds=seeds, recipe=recipe, **options)
    lists = {n: list(v.values()) if isinstance(v, dict) else v for n, v in dials.items()}
    alone = one_by_one(make, lists, seeds, recipe, **options)
    for mine, theirs in zip(table.reports.flat, alone, strict=True):
        assert_same(mine.to_dict(), theirs.to_dict())
    return table


def halved(net):
    """A feedback setting of one's own."""
    return net.replace(feedback=[None, *(0.5 * w.T for w in net.weights[1:])])


def telepathic(read):
    """A rule of one's own that is not local."""
    base = contrast.contrastive_hebbian(read)
    return base._replace(weights=tuple(w + 1e-6 * w.mean() for w in base.weights))


def thrice(networks, x, y, *, nudging, settle, rng=None):
    """Phases of one's own: they settle nudge by nudge, and draw from the generator."""
    free = settle(networks.free, x)
    nudged = [settle(networks.nudged, x, y=y, beta=b, start=free) for b in nudging.betas]
    first, *others = (
        sc.dynamics.signals(
            networks.free, x, [v + 1e-5 * rng.standard_normal(v.shape) for v in state.rates]
        )
        for state in (free, *nudged)
    )
    return phases.Phases(networks.free, first, tuple(others), nudging.betas, nudging.weights,
                         nudging.free_weight, (free, *nudged))  # fmt: skip


GRIDS = {
    "nudging": ({"nudging": NUDGES}, sc.ALL_HOLD),
    "a nudge of each kind": (
        {"nudging": [nudging.one_sided(0.1), nudging.holomorphic(0.05, 4), nudging.clamped(),
                     nudging.infinitesimal()]},
        ZOO["equilibrium_propagation"],
    ),
    "feedback by energy": (
        {"feedback": [feedback.transposed, feedback.mixed(0.3), halved],
         "energy": [sc.ALL_HOLD.energy, rotated(0.3)]},
        sc.ALL_HOLD,
    ),
    "noise by nudging": (
        {"phases": [phases.noisy(1e-4), thrice], "nudging": NUDGES}, sc.ALL_HOLD,
    ),
    "cut short": (
        {"settling": [settling.fixed_steps(k) for k in (2, 9)], "nudging": NUDGES}, sc.ALL_HOLD,
    ),
    "unsettled": ({"settling": [settling.euler(dt=0.5, max_steps=3), settling.exact()]},
                  ZOO["equilibrium_propagation"]),
    "rules": ({"contrast": [telepathic, contrast.mixed_with_hebbian(0.3), contrast.post_change],
               "nudging": NUDGES}, sc.ALL_HOLD),
    "repair": ({"energy": [repaired], "feedback": [feedback.mixed(0.4)], "nudging": NUDGES},
               sc.ALL_HOLD._replace(architecture=architecture.hopfield)),
    "another network": ({"phases": [phases.mismatched(d) for d in (0.01, 0.1)],
                         "architecture": [architecture.cancelling(0.9), architecture.matched]},
                        sc.ALL_HOLD._replace(nudging=nudging.one_sided(0.1))),
}  # fmt: skip


@pytest.mark.parametrize("grid", GRIDS)
def test_every_number_of_every_report_is_that_of_the_audit_alone(grid):
    table = assert_same_as_one_by_one(*GRIDS[grid])
    assert table.complete and not table.failures


@pytest.mark.parametrize("against", ["backprop", "equilibrium"])
def test_so_it_is_against_either_gradient_and_for_another_tolerance(against):
    assert_same_as_one_by_one(
        {"architecture": [architecture.hopfield, architecture.weak_feedback(0.3)],
         "nudging": NUDGES},
        against=against, tolerance=0.2,
    )  # fmt: skip


def test_a_nudge_too_far_is_remarked_where_it_is_and_keeps_nobody_else_up():
    def problem(seed):
        net, x, _ = example(5, gain=0.5, output="tanh")
        return net, x, solvers.newton(net, x).rates[-1] + 0.05

    net, x, y = problem(0)
    limit = nudging.critical_beta(net, x, solvers.newton(net, x))
    dials = {"nudging": [nudging.centered(f * limit) for f in (0.05, 0.1, 0.2, 1.3, 1.6)]}
    recipe = ZOO["equilibrium_propagation"]
    table = assert_same_as_one_by_one(dials, recipe, problem, seeds=(0,))
    far = ["another equilibrium" in " ".join(report.remarks) for report in table.reports[:, 0]]
    assert far == [False, False, False, True, True]


def test_the_whole_zoo_is_swept_in_one_call():
    table = sc.sweep(make, {"recipe": ZOO}, seeds=(1,))
    assert table.dials["recipe"] == tuple(ZOO)
    for name, report in zip(ZOO, table.reports[:, 0], strict=True):
        rng = np.random.default_rng([1, 3])
        assert_same(report.to_dict(), sc.audit(*make(1), ZOO[name], rng=rng).to_dict())


def test_a_dial_that_is_no_slot_goes_to_make_which_may_bring_a_recipe_too():
    def problem(seed, gain, share):
        return *make(seed, gain=gain), sc.ALL_HOLD._replace(feedback=feedback.mixed(share))

    dials = {"gain": (0.3, 0.6), "nudging": NUDGES, "share": (0.2, 0.8)}
    table = sc.sweep(problem, dials, seeds=(0, 4))
    assert table.reports.shape == (2, 3, 2, 2)
    for place in np.ndindex(table.reports.shape):
        gain, share = dials["gain"][place[0]], dials["share"][place[2]]
        nudge, seed = list(NUDGES.values())[place[1]], (0, 4)[place[3]]
        *data, recipe = problem(seed, gain, share)
        alone = sc.audit(*data, recipe._replace(nudging=nudge),
                         rng=np.random.default_rng([seed, 3]))  # fmt: skip
        assert_same(table.reports[place].to_dict(), alone.to_dict())


def test_noise_depends_on_the_seed_and_on_nothing_else():
    noisy = {"phases": [phases.noisy(1e-3)], "nudging": NUDGES}
    values = sc.sweep(make, noisy, seeds=(0, 1)).values("angle_deg")
    fewer = sc.sweep(make, noisy | {"nudging": list(NUDGES.values())[1:]}, seeds=(1,))
    np.testing.assert_allclose(fewer.values("angle_deg")[..., 0], values[:, 1:, 1], rtol=1e-9)
    same = sc.sweep(lambda seed: make(0), noisy, seeds=(0, 1)).values("angle_deg")
    assert not np.isclose(same[..., 0], same[..., 1], rtol=1e-3).any()


def test_the_page_of_the_book_runs_as_it_is_printed():
    page = Path(__file__).parents[1] / "chapters" / "many_audits.md"
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 10 and found.failed == 0


# --- What is shared -----------------------------------------------------------------------------


def counted(settle, calls):
    """A settling of one's own that counts its free and its nudged runs."""

    def mine(net, x, **options):
        calls.append("nudged" if np.any(options.get("beta", 0.0)) else "free")
        return settle(net, x, **options)

    return mine


def test_one_network_settles_its_free_phase_once_for_all_its_nudges():
    calls = []
    recipe = sc.ALL_HOLD._replace(settling=counted(settling.rest(), calls))
    sc.sweep(make, {"nudging": NUDGES}, seeds=(0,), recipe=recipe)
    assert calls.count("free") == 1
    assert calls.count("nudged") == 2 * len(NUDGES)  # towards y and, for the cost, towards rest


def test_nudges_are_settled_together_and_each_as_it_would_be_alone():
    net, x, y = example(2, gain=0.4, n_samples=7)
    recipes = [ZOO["equilibrium_propagation"].estimate._replace(nudging=n)
               for n in (*NUDGES.values(), nudging.one_sided(-0.05))]  # fmt: skip
    memory = Memory()
    assert settle_together([(net, x, y, recipe) for recipe in recipes], memory) == 4
    for recipe in recipes:
        told = sc.take_phases(net, x, y, memory.ready(recipe, net))
        alone = sc.take_phases(net, x, y, recipe._replace(settling=recipe.settling))
        for mine, theirs in zip(told.states, alone.states, strict=True):
            np.testing.assert_allclose(mine.potentials[0], theirs.potentials[0], rtol=1e-12)
            assert (mine.verdict, mine.dt, mine.tol) == (theirs.verdict, theirs.dt, theirs.tol)
            assert np.array_equal(mine.beta, theirs.beta)


@pytest.mark.filterwarnings("ignore::sevenconditions.BasinWarning")
def test_nudges_that_do_not_settle_are_left_to_their_own_runs():
    net, x, y = example(2, gain=0.4, n_samples=7)  # a linear output runs away below -1
    good, bad = (0.05, -0.1), (-1.5, -2.0)
    settle = settling.rest(tol=1e-13)
    for betas, told in (((*good, *bad), 2), ((*good, bad[0]), 3)):
        memory = Memory()
        recipes = [ZOO["equilibrium_propagation"].estimate._replace(
            settling=settle, nudging=nudging.one_sided(beta)) for beta in betas]  # fmt: skip
        assert settle_together([(net, x, y, recipe) for recipe in recipes], memory) == told
        for recipe in recipes:
            mine, theirs = (
                sc.take_phases(net, x, y, r, allow_unsettled=True).states[1]
                for r in (memory.ready(recipe, net), recipe)
            )
            assert (mine.verdict, mine.dt) == (theirs.verdict, theirs.dt)
            assert mine.converged == (recipe.nudging.betas[0] in good)
            np.testing.assert_allclose(mine.rates[-1], theirs.rates[-1], rtol=1e-9)


def test_a_nudge_given_as_a_number_comes_back_with_that_number():
    net, x, y = make(0)
    rng, memory = np.random.default_rng(0), Memory()
    recipes = [sc.ALL_HOLD._replace(phases=thrice, nudging=nudging.one_sided(b))
               for b in (0.05, 0.1, 0.2)]  # fmt: skip
    assert settle_together([(net, x, y, recipe) for recipe in recipes], memory) == 3
    for recipe in recipes:
        read = sc.take_phases(net, x, y, memory.ready(recipe, net), rng=rng)
        assert read.states[1].beta == recipe.nudging.betas[0]
        assert np.ndim(read.states[1].beta) == 0


def test_a_settling_of_ones_own_is_not_asked_for_a_batch_that_it_does_not_know():
    net, x, y = make(0)
    calls = []
    recipe = sc.ALL_HOLD._replace(settling=counted(settling.rest(), calls))
    runs = [(net, x, y, recipe._replace(nudging=nudge)) for nudge in NUDGES.values()]
    assert settle_together(runs, Memory()) == 0 and "nudged" not in calls


def test_a_rule_that_writes_into_what_it_reads_spoils_nothing():
    def careless(read):
        base = contrast.contrastive_hebbian(read)
        for state in read.states:
            for rates in state.rates:
                rates *= 2.0
        return base

    recipe = ZOO["equilibrium_propagation"]
    clean = sc.sweep(make, {"nudging": NUDGES}, seeds=(0,), recipe=recipe)
    dials = {"contrast": [careless], "nudging": NUDGES}
    spoilt = sc.sweep(make, dials, seeds=(0,), recipe=recipe)
    first, second = (t.values("cosine").ravel() for t in (clean, spoilt))
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_a_warning_is_remarked_in_every_audit_and_not_only_in_the_first():
    def grumbling(net, x, **options):
        warnings.warn("slow today", sc.ConvergenceWarning, stacklevel=1)
        return solvers.relax(net, x, **options)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        table = sc.sweep(make, {"nudging": NUDGES}, seeds=(0,),
                         recipe=sc.ALL_HOLD._replace(settling=grumbling))  # fmt: skip
    assert all("slow today" in report.remarks for report in table.reports.flat)
    assert seen == []


# --- The table ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """Three nudges on two seeds."""
    with np.errstate(all="raise", under="ignore"):
        return sc.sweep(make, {"nudging": NUDGES}, seeds=(0, 3))


def test_values_stand_in_the_order_of_dials_and_seeds(table):
    assert isinstance(table, Table)
    for place, report in np.ndenumerate(table.reports):
        assert table.values("cosine")[place] == report.cosine
        assert table.values("relative_error", layer=-1)[place] == report.layers[-1].relative_error
        assert table.values("holds", condition="nudging")[place] == report.conditions[5].holds
        assert table.values("value", condition="settling")[place] == report.conditions[0].value
        assert table.values("predicted_cosine")[place] == report.predicted_cosine
    errors = table.values("relative_error").mean(axis=1)
    assert errors[0] < errors[1] < errors[2]
    assert table.dials["nudging"] == tuple(NUDGES)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("angle", {}, "name: got 'angle', expected one of cosine, angle_deg"),
        ("holds", {}, "name: got 'holds'"),
        ("cosine", {"condition": "nudging"}, "expected one of value, holds, predicted_angle_deg"),
        ("holds", {"condition": "nudge"}, "condition: got 'nudge', expected one of settling"),
        ("cosine", {"layer": 2}, "layer: got 2, expected a layer among 2"),
        ("predicted_cosine", {"layer": 0}, "name: got 'predicted_cosine'"),
        ("cosine", {"layer": 0, "condition": "nudging"}, "layer: got both"),
    ],
)
def test_values_that_do_not_exist_are_refused(table, name, options, says):
    with pytest.raises(ValueError, match=says):
        table.values(name, **options)


def test_the_table_prints_medians_and_which_conditions_do_not_hold(table):
    lines = str(table).splitlines()
    assert lines[0] == "6 audits: 3 settings, medians over 2 seeds"
    assert lines[1].split() == [
        "nudging", "cosine", "predicted", "angle", "relative", "error", "does", "not", "hold",
    ]  # fmt: skip
    assert lines[2].split()[0] == "0.003" and lines[2].endswith("-")
    middle = float(np.median(table.values("cosine")[1]))
    assert f"{middle:.4f}" in lines[3]
    shown = table._repr_html_()
    assert shown.count("<tr>") == 4 and "<caption>6 audits" in shown


def test_the_table_is_plain_data_too(table):
    data = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert data["dials"] == {"nudging": list(NUDGES)} and data["seeds"] == [0, 3]
    assert data["complete"] and len(data["audits"]) == 6
    last = data["audits"][-1]
    assert last["dials"] == {"nudging": 0.1} and last["seed"] == 3
    assert last["report"] == table.reports[2, 1].to_dict()


def test_a_condition_that_fails_on_some_seeds_says_on_how_many(table):
    good, bad = table.reports[0, 0], table.reports[2, 0]
    rows = [Table({"g": (1,)}, (0, 1), np.array([pair], dtype=object))
            for pair in ([good, bad], [bad, bad], [good, None])]  # fmt: skip
    assert [str(row).splitlines()[2].split("  ")[-1] for row in rows] == [
        "nudging (1 of 2)", "nudging", "-",
    ]  # fmt: skip
    assert "1 of 2 audits were made" in str(rows[2]) and "made" not in str(rows[0])


def test_a_long_table_is_cut_and_says_so():
    one = sc.sweep(make, {"nudging": [nudging.one_sided(0.1)]}, seeds=(0,)).reports[0, 0]
    many = Table({"gain": tuple(range(50))}, (0,), np.full((50, 1), one))
    assert "and 10 settings more" in str(many) and str(many).count("\n") < 50
    assert "50 settings, 1 seed" in str(many)


def test_values_are_called_by_their_labels_or_by_what_they_are():
    dials = {
        "feedback": [feedback.transposed, feedback.mixed(0.3), halved, lambda n: n, lambda n: n],
        "nudging": [nudging.one_sided(0.1)],
        "gain": np.array([0.4]),
    }
    labels = sc.sweep(lambda seed, gain: make(seed, gain=gain), dials, seeds=(0,)).dials
    usual, mixed, own, first, second = labels["feedback"]
    assert (usual, own, mixed) == ("usual", "halved", "mixed(amount=0.3, seed=0)")
    assert first != second and labels["gain"] == (0.4,)
    assert labels["nudging"] == ("Nudging(0.1)",)


# --- What fails ---------------------------------------------------------------------------------


def test_a_network_without_an_equilibrium_is_noted_and_the_others_go_on():
    def problem(seed, gain):
        return example(7, activation="linear", gain=gain)

    dials = {"gain": (0.4, 2.5), "nudging": NUDGES}
    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    table = sc.sweep(problem, dials, seeds=(0,), recipe=hopfield, against="equilibrium")
    assert table.complete and set(table.failures) == {(1, i, 0) for i in range(3)}
    assert np.isnan(table.values("cosine")[1]).all()
    assert np.isfinite(table.values("cosine")[0]).all()
    assert "3 audits found no equilibrium, the first because: " in str(table)
    assert table.to_dict()["audits"][-1]["failure"] == table.failures[1, 2, 0]


def broken(seed):
    """A problem that cannot be made on one seed."""
    if seed == 2:
        raise OSError("no such data")
    return make(seed)


def test_an_error_says_where_it_happened_and_loses_nothing():
    with pytest.raises(OSError, match="no such data") as stop:
        sc.sweep(broken, {"nudging": NUDGES}, seeds=range(4))
    notes = " ".join(stop.value.__notes__)
    assert "This happened in the audit with nudging = " in notes and "seed 2" in notes
    assert "6 of 12 audits were done" in notes and 'resume="sweep.jsonl"' in notes
    kept = stop.value.table
    assert not kept.complete and kept.n_done == 6
    assert np.isfinite(kept.values("cosine")[:, :2]).all()
    assert np.isnan(kept.values("cosine")[:, 2:]).all()
    assert "6 of 12 audits were made" in str(kept)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dials": {}}, "dials: got {}, expected a mapping of names to values"),
        ({"dials": [1]}, "dials: got"),
        ({"dials": {"nudging": nudging.centered(0.1)}}, r"dials\['nudging'\]: got .*several"),
        ({"dials": {"recipe": sc.ALL_HOLD}}, r"dials\['recipe'\]: got .*several values"),
        ({"dials": {"gain": []}}, r"dials\['gain'\]: got no values"),
        ({"dials": {"gain": "ab"}}, r"dials\['gain'\]: got 'ab'"),
        ({"dials": {3: [1]}}, r"dials\[3\]: got"),
        ({"dials": {"feedback": ["transposed"]}}, "feedback: got 'transposed', expected a fun"),
        ({"seeds": 3}, "seeds: got 3, expected several"),
        ({"seeds": []}, "seeds: got .*at least one"),
        ({"seeds": [1, 1]}, "seeds: got .*once"),
        ({"seeds": [-1]}, r"seeds\[0\]: got -1"),
        ({"tolerance": 0}, "tolerance: got 0"),
        ({"against": "bp"}, "against: got 'bp'"),
        ({"make": lambda seed: 3}, "make: it returned int, expected"),
        ({"recipe": sc.backprop}, "got nudging for a rule without slots"),
        ({"resume": "no/such/folder/kept.jsonl"}, "resume: got .*folder that exists"),
    ],
)
def test_what_does_not_fit_is_refused(changes, says):
    options = {"make": make, "dials": {"nudging": NUDGES}, "seeds": (0,)} | changes
    with pytest.raises(ValueError, match=says):
        sc.sweep(options.pop("make"), options.pop("dials"), **options)


# --- Kept and resumed ---------------------------------------------------------------------------


def stopping(at, seen):
    """A problem whose making is interrupted at one seed, as by Ctrl-C."""

    def make_it(seed):
        seen.append(seed)
        if seed == at:
            raise KeyboardInterrupt
        return make(seed)

    return make_it


def test_what_is_interrupted_goes_on_with_the_same_call_and_ends_the_same(tmp_path):
    path, seen, dials = tmp_path / "kept.jsonl", [], {"nudging": NUDGES}
    with pytest.raises(KeyboardInterrupt) as stop:
        sc.sweep(stopping(2, seen), dials, seeds=range(4), resume=path)
    assert stop.value.table.n_done == 6 and seen == [0, 1, 2]
    (note,) = stop.value.__notes__
    assert "6 of 12" in note and f"The same call goes on from {str(path)!r}" in note
    seen.clear()
    table = sc.sweep(stopping(None, seen), dials, seeds=range(4), resume=path)
    assert seen == [2, 3] and table.complete
    whole = sc.sweep(stopping(None, []), dials, seeds=range(4))
    assert table.to_dict() == whole.to_dict()  # to the last bit
    assert str(table) == str(whole)
    seen.clear()
    again = sc.sweep(stopping(None, seen), dials, seeds=range(4), resume=path)
    assert seen == [] and again.to_dict() == whole.to_dict()
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_that_was_cut_off_is_made_again(tmp_path):
    path, dials = tmp_path / "kept.jsonl", {"nudging": NUDGES}
    whole = sc.sweep(make, dials, seeds=range(3), resume=path)
    text = path.read_text()
    path.write_text(text[: text.rindex("[[") + 40])
    seen = []
    table = sc.sweep(stopping(None, seen), dials, seeds=range(3), resume=tmp_path / "other.jsonl")
    assert seen == [0, 1, 2]
    table = sc.sweep(make, dials, seeds=range(3), resume=path)
    assert table.to_dict() == whole.to_dict() and path.read_text() == text


def test_numbers_that_are_not_finite_and_failures_are_kept_as_they_are(tmp_path):
    def problem(seed, gain):
        net, x, y = example(7, activation="linear", gain=gain)
        return (net, x, y) if gain > 1 else (net, x, sc.dynamics.forward_pass(net, x)[1][-1])

    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    call = lambda: sc.sweep(
        problem, {"gain": (0.4, 2.5), "recipe": [sc.ALL_HOLD, hopfield]}, seeds=(0,),
        against="equilibrium", resume=tmp_path / "kept.jsonl",
    )  # fmt: skip
    first, second = call(), call()
    assert np.isnan(first.reports[0, 0, 0].cosine) and np.isnan(second.reports[0, 0, 0].cosine)
    assert first.failures == second.failures != {}
    assert str(first) == str(second)
    for mine, theirs in zip(first.reports.flat, second.reports.flat, strict=True):
        assert (mine is None) == (theirs is None) and repr(mine) == repr(theirs)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seeds": (0, 1)}, r"seeds = \[0\], now \[0, 1\]"),
        ({"tolerance": 0.1}, "tolerance = 0.01, now 0.1"),
        ({"against": "equilibrium"}, "against = None, now equilibrium"),
        ({"recipe": sc.ALL_HOLD._replace(feedback=feedback.mixed(0.1))}, "mixed"),
        ({"recipe": sc.ALL_HOLD._replace(nudging=nudging.centered(1.00001e-5))}, "1.00001e-05"),
        ({"dials": {"nudging": NUDGES | {0.1: nudging.centered(0.1000001)}}}, "0.1000001"),
        ({"make": broken}, "make = make, now broken"),
    ],
)
def test_a_file_of_another_sweep_is_refused_and_left_alone(tmp_path, changes, says):
    path = tmp_path / "kept.jsonl"
    options = {"make": make, "dials": {"nudging": NUDGES}, "seeds": (0,)}
    sc.sweep(options["make"], options["dials"], seeds=(0,), resume=path)
    before, options = path.read_text(), options | changes
    with pytest.raises(ValueError, match=says) as refused:
        sc.sweep(options.pop("make"), options.pop("dials"), resume=path, **options)
    assert "take another file" in str(refused.value)
    assert path.read_text() == before


@pytest.mark.parametrize("text", ["hello\n", '{"format": "else"}\n', "[1]\n"])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "kept.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match="holds no sweep; take another file"):
        sc.sweep(make, {"nudging": NUDGES}, seeds=(0,), resume=path)
    assert path.read_text() == text


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "kept.jsonl"
    sc.sweep(make, {"nudging": NUDGES}, seeds=(0,), resume=path)
    path.write_text(path.read_text().splitlines()[0] + '\n[[[0, 0], {"cosine": 1}]]\n')
    with pytest.raises(ValueError, match="is damaged .*; take another file"):
        sc.sweep(make, {"nudging": NUDGES}, seeds=(0,), resume=path)


# --- Progress, processes, clusters --------------------------------------------------------------


def test_a_bar_counts_audits_from_what_was_kept(tmp_path, capsys):
    path = tmp_path / "kept.jsonl"
    with pytest.raises(KeyboardInterrupt):
        sc.sweep(stopping(1, []), {"nudging": NUDGES}, seeds=range(2), resume=path)
    capsys.readouterr()
    sc.sweep(stopping(None, []), {"nudging": NUDGES}, seeds=range(2), resume=path, progress=True)
    shown = capsys.readouterr().err
    assert "sweep:  50%" in shown and "3/6" in shown and "6/6" in shown
    sc.sweep(make, {"nudging": NUDGES}, seeds=(0,))
    assert capsys.readouterr().err == ""


def test_the_name_is_the_function_even_after_the_module_was_imported():
    code = "import sevenconditions.grid as room, sevenconditions as sc; print(callable(sc.sweep))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n"


def spread():
    """A sweep with functions of one's own, by whatever joblib is set to."""
    shift = 0.5
    own = lambda net: net.replace(feedback=[None, *(shift * w.T for w in net.weights[1:])])
    rules = [sc.ALL_HOLD._replace(phases=phases.noisy(1e-4)), sc.backprop, ZOO["bptt"],
             replace(ZOO["predictive_coding"], note="mine")]  # fmt: skip
    settle = {"settling": [sc.ALL_HOLD.settling, settling.rest(tol=1e-9)]}

    def tables(**options):
        call = lambda dials: sc.sweep(lambda seed: make(seed), dials, seeds=(0, 3, 5), **options)
        dials = {"feedback": [sc.ALL_HOLD.feedback, own], "nudging": NUDGES} | settle
        return [call(dials).to_dict(), call({"recipe": rules}).to_dict()]

    return tables


def test_threads_take_turns():
    from joblib import parallel_config

    inside, most = [], []

    def watched(seed):
        inside.append(seed)
        most.append(len(inside))
        threading.Event().wait(0.02)  # time for another thread to come in, if it may
        inside.remove(seed)
        return make(seed)

    with parallel_config(backend="threading", n_jobs=2):
        table = sc.sweep(watched, {"nudging": NUDGES}, seeds=range(4))
    assert table.to_dict() == sc.sweep(make, {"nudging": NUDGES}, seeds=range(4)).to_dict()
    assert most == [1, 1, 1, 1]


@pytest.mark.slow
def test_several_processes_find_the_same_to_the_last_bit():
    from joblib.externals.loky import get_reusable_executor

    try:
        tables = spread()
        assert tables(n_jobs=2) == tables()
        with pytest.raises(OSError, match="no such data") as stop:
            sc.sweep(broken, {"nudging": NUDGES}, seeds=range(4), n_jobs=2)
        assert "seed 2" in " ".join(stop.value.__notes__)
    finally:
        get_reusable_executor().shutdown(wait=True)


@pytest.mark.slow
def test_a_dask_cluster_finds_the_same_to_the_last_bit():
    distributed = pytest.importorskip("distributed", reason="needs dask: pip install -e .[cluster]")
    from joblib import parallel_config

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        host="127.0.0.1",
    )  # fmt: skip
    with cluster, distributed.Client(cluster):
        with parallel_config(backend="dask"):
            tables = spread()()
    assert tables == spread()()
