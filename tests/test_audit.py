"""The report: seven rows that name what is broken, and measured beside predicted."""

import importlib
import json
import warnings

import numpy as np
import pytest
from IPython.lib.pretty import pretty
from networks import example
from test_recipe import BROKEN

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
from sevenconditions.energy import integrability_defect, repaired
from sevenconditions.recipe import CONDITIONS
from sevenconditions.zoo import ZOO, Kind

audit_room = importlib.import_module("sevenconditions.audit")  # sc.audit is the function


def verdicts(report):
    return {row.name: row.holds for row in report.conditions}


def test_where_all_hold_the_report_says_so():
    net, x, y = example(0, gain=0.6, n_samples=16)
    report = sc.audit(net, x, y)
    assert [row.name for row in report.conditions] == list(CONDITIONS)
    assert all(verdicts(report).values())
    assert report.against == "backprop"
    assert report.cosine == pytest.approx(1, abs=1e-12)
    assert report.predicted_cosine == pytest.approx(1, abs=1e-12)
    assert report.relative_error < 1e-6 and report.norm_ratio == pytest.approx(1)


# without transposed feedback there is no energy; cancellation that falls short moves the free state
ALSO = {"feedback": {"energy"}, "phases": {"architecture"}}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("seed", range(3))
def test_the_condition_that_is_broken_is_named_with_its_cost(condition, seed):
    net, x, y = example(seed, gain=0.6, n_samples=16)
    broken = sc.ALL_HOLD._replace(**{condition: BROKEN[condition]})
    if condition == "phases":  # a single phase is read against one nudge
        broken = broken._replace(nudging=nudging.one_sided(1e-3))
    report = sc.audit(net, x, y, broken)
    failed = {name for name, holds in verdicts(report).items() if not holds}
    assert condition in failed <= {condition} | ALSO.get(condition, set())
    row = report.conditions[CONDITIONS.index(condition)]
    assert row.predicted_angle_deg == pytest.approx(report.angle_deg, abs=0.2)
    others = [r.predicted_angle_deg for r in report.conditions if r.name not in (condition,)]
    assert max(others) < 1


def test_layers_are_reported_one_by_one_and_the_worst_is_named():
    net, x, y = example(1, sizes=(20, 30, 30, 30, 5), gain=0.8, n_samples=32)
    report = sc.audit(net, x, y, ZOO["feedback_alignment"])
    estimate = sc.estimate_gradient(net, x, y, ZOO["feedback_alignment"])
    for i, layer in enumerate(report.layers):
        part, true = estimate.layer(i), sc.backprop(net, x, y).layer(i)
        assert layer.angle_deg == pytest.approx(sc.angle_deg(part, true))
        assert layer.norm_ratio == pytest.approx(sc.norm_ratio(part, true))
        assert layer.relative_error == pytest.approx(sc.relative_error(part, true))
    assert report.layers[report.worst_layer].angle_deg == max(x.angle_deg for x in report.layers)
    assert report.layers[-1].angle_deg < 1e-5 < 60 < report.layers[0].angle_deg
    assert f"worst is layer {report.worst_layer + 1}" in str(report)


@pytest.mark.parametrize(
    "name", [e.name for e in ZOO.values() if e.kind is Kind.RECIPE and e.name != "hebbian"]
)
def test_what_an_entry_keeps_by_design_the_report_finds_kept(name):
    net, x, y = example(2, gain=0.4, n_samples=16)
    net = feedback.mixed(0.3, seed=1)(net) if name.startswith("asymmetric") else net
    report = sc.audit(net, x, y, ZOO[name])
    found = {word for word, holds in verdicts(report).items() if holds}
    assert found == set(ZOO[name].keeps)


def test_a_network_judged_by_its_own_gradient_differs_only_by_its_architecture():
    net, x, y = example(3, gain=0.4, n_samples=16)
    own = sc.audit(net, x, y, ZOO["equilibrium_propagation"])
    forward = sc.audit(net, x, y, ZOO["equilibrium_propagation"], against="backprop")
    assert own.against == "equilibrium" and own.relative_error < 1e-3
    assert forward.relative_error > 0.1
    assert forward.conditions[-1].predicted_angle_deg == pytest.approx(forward.angle_deg, abs=0.1)
    assert own.conditions[-1].predicted_angle_deg < 1e-5
    assert not own.conditions[-1].holds


def test_a_repair_keeps_energy_whatever_the_feedback_is():
    net, x, y = example(4, gain=0.4, n_samples=16)
    bent = feedback.random(seed=1)(net)
    recipe = ZOO["asymmetric_equilibrium_propagation"]
    report, broken = (sc.audit(bent, x, y, recipe.tuned(energy=e)) for e in (repaired, lambda n: n))
    assert report.conditions[1].holds and report.conditions[1].value > 0.05
    assert report.cosine == pytest.approx(1, abs=1e-9)
    assert not broken.conditions[1].holds and broken.cosine < 0.99


def test_a_rule_that_is_not_local_fails_contrast_even_where_it_costs_nothing():
    net, x, y = example(5, gain=0.6)

    def telepathic(read):
        base = contrast.contrastive_hebbian(read)
        return base._replace(weights=tuple(w + 1e-6 * w.mean() for w in base.weights))

    row = sc.audit(net, x, y, sc.ALL_HOLD._replace(contrast=telepathic)).conditions[4]
    assert not row.holds and "not local" in row.diagnostic
    assert row.predicted_angle_deg < 0.01


@pytest.mark.parametrize("end", ["post", "pre"])
@pytest.mark.parametrize(("heard", "by"), [(0, 9), (9, 0), (3, 4), (5, 7), (4, 3)])
def test_one_foreign_signal_among_many_is_found(end, heard, by):
    net, x, y = example(5, sizes=(10, 10, 10), gain=0.6)

    def overhears(read):
        base = contrast.contrastive_hebbian(read)
        weights = [w.copy() for w in base.weights]
        extra = 1e-6 * getattr(read.nudged[0], end)[1][:, heard].mean()
        weights[1][(by, 0) if end == "post" else (0, by)] += extra
        return base._replace(weights=tuple(weights))

    row = sc.audit(net, x, y, sc.ALL_HOLD._replace(contrast=overhears)).conditions[4]
    assert "not local" in row.diagnostic and not row.holds


@pytest.mark.parametrize(
    "rule",
    [contrast.contrastive_hebbian, contrast.post_change, contrast.plain_hebbian,
     contrast.mixed_with_hebbian(0.3)],
)  # fmt: skip
def test_rules_that_the_audit_takes_for_local_are_local(rule):
    net, x, y = example(5, gain=0.6)
    read = sc.take_phases(net, x[:1], y[:1])
    assert contrast.reach(rule, read)[1] == 0
    own = lambda read: rule(read)  # of one's own, so that it is probed
    assert (
        rows_of(sc.audit(net, x, y, sc.ALL_HOLD._replace(contrast=own)))["contrast"].diagnostic
        == "degrees from the contrast"
    )


def test_a_rule_of_ones_own_without_slots_gets_what_the_network_shows():
    net, x, y = example(6, gain=0.4)
    report = sc.audit(net, x, y, sc.backprop)
    assert report.name == "backprop" and report.predicted_cosine is None
    assert report.cosine == pytest.approx(1)
    unseen = {row.name for row in report.conditions if row.holds is None}
    assert unseen == {"phases", "contrast", "nudging"}
    assert "no prediction" in str(report)


def test_an_entry_without_slots_says_what_it_keeps_by_design():
    net, x, y = example(6, gain=0.4)
    report = sc.audit(net, x, y, ZOO["zero_divergence"])
    assert {r.name for r in report.conditions if r.holds} == set(ZOO["zero_divergence"].keeps)
    assert report.relative_error < 1e-12


def test_unsettled_phases_are_reported_and_not_refused():
    net, x, y = example(7, gain=0.5)
    report = sc.audit(net, x, y, sc.ALL_HOLD._replace(settling=settling.euler(dt=0.5, max_steps=3)))
    assert not report.conditions[0].holds


def test_what_a_run_warns_of_becomes_a_remark():
    net, x, y = example(5, gain=0.5, output="tanh")
    free = solvers.newton(net, x)
    y = free.rates[-1] + 0.05
    beyond = 1.3 * nudging.critical_beta(net, x, free)
    far = ZOO["equilibrium_propagation"].tuned(nudging=nudging.centered(beyond))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = sc.audit(net, x, y, far)
    assert any("another equilibrium" in remark for remark in report.remarks)
    assert "another equilibrium" in str(report)


def test_the_report_prints_a_table_and_shows_one_in_html():
    net, x, y = example(0, gain=0.6)
    report = sc.audit(net, x, y, ZOO["feedback_alignment"])
    lines = str(report).splitlines()
    assert lines[0] == "feedback_alignment, against backprop of the feedforward network"
    assert [line.split()[0] for line in lines[2:9]] == list(CONDITIONS)
    assert max(map(len, lines[:9])) <= 90
    shown = report._repr_html_()
    assert shown.count("<tr>") == 8 and shown.count("<td ") == 35
    assert '<th scope="col">' in shown and "<caption>" in shown
    assert pretty(report) == str(report)  # a stored notebook holds no digits of rounding


def test_the_report_is_plain_data_too():
    net, x, y = example(0, gain=0.6)
    for rule in (sc.ALL_HOLD, sc.backprop, ZOO["dual_propagation"]):
        report = sc.audit(net, x, y, rule)
        data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
        assert data["cosine"] == report.cosine
        assert len(data["conditions"]) == 7 and len(data["layers"]) == net.n_layers
        assert data["conditions"][0]["name"] == "settling"


@pytest.mark.parametrize("sizes", [(4, 3), (1, 1), (1, 1, 1)])
def test_one_layer_width_one_and_a_batch_of_one_are_audited_too(sizes):
    net, x, y = example(8, sizes=sizes, n_samples=1)
    report = sc.audit(net, x, y)
    assert report.cosine == pytest.approx(1) and len(report.layers) == len(sizes) - 1


def test_two_audits_agree_even_with_noise_and_touch_no_input():
    net, x, y = example(9)
    x.setflags(write=False), y.setflags(write=False)
    noisy = sc.ALL_HOLD._replace(phases=phases.noisy(1e-5), nudging=nudging.centered(1e-2))
    first, second = (sc.audit(net, x, y, noisy) for _ in range(2))
    assert first.to_dict() == second.to_dict()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"against": "bp"}, "against: got 'bp', expected 'backprop' or 'equilibrium'"),
        ({"tolerance": 0}, "tolerance: got 0, expected a finite number above 0"),
        ({"recipe": "backprop"}, "recipe: got 'backprop', expected a Recipe"),
    ],
)
def test_bad_settings_are_refused(options, says):
    net, x, y = example(0)
    with pytest.raises(ValueError, match=says):
        sc.audit(net, x, y, **options)


def test_there_is_no_own_gradient_without_an_equilibrium():
    net, x, y = example(7, activation="linear", gain=2.5)
    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    with pytest.raises(sc.ConvergenceError):
        sc.audit(net, x, y, hopfield, against="equilibrium")
    assert np.isfinite(sc.audit(net, x, y).cosine)


def test_a_rule_without_slots_is_judged_by_the_equilibrium_of_the_network_it_was_given():
    net, x, y = example(3, gain=0.4, cancellation=0.5)

    def implicit(net, x, y):
        return sc.recurrent_backprop(net, x, y, tied=True)

    assert sc.audit(net, x, y, implicit, against="equilibrium").relative_error == 0.0
    assert sc.audit(net, x, y, ZOO["bptt"]).relative_error < 0.2
    exact = sc.audit(net, x, y, ZOO["zero_divergence"], against="equilibrium")
    assert exact.relative_error < 1e-12


def test_an_architecture_that_is_another_network_does_not_hold():
    net, x, y = example(4, gain=0.6)

    def pruned(n):
        kept = [w * (np.abs(w) > 0.1) for w in n.weights]
        return n.replace(cancellation=1.0, weights=kept, feedback=None)

    row = sc.audit(net, x, y, sc.ALL_HOLD._replace(architecture=pruned)).conditions[-1]
    assert not row.holds and row.value > 0.01 and row.predicted_angle_deg > 1


@pytest.mark.parametrize(
    "slots", [{"feedback": feedback.scaled(0.0)}, {"settling": settling.fixed_steps(2)}]
)
def test_a_layer_that_gets_nothing_is_the_worst(slots):
    net, x, y = example(5, gain=0.6)
    report = sc.audit(net, x, y, sc.ALL_HOLD._replace(**slots))
    assert report.worst_layer == 0 and report.layers[0].angle_deg == 90.0
    if "feedback" in slots:
        assert report.conditions[3].value == 0.0


def test_where_there_is_nothing_to_learn_the_report_says_so():
    net, x, _ = example(6, gain=0.6)
    met = sc.dynamics.forward_pass(net, x)[1][-1]
    report = sc.audit(net, x, met)
    assert "nothing to compare" in str(report) and report.worst_layer is None
    json.dumps(report.to_dict(), allow_nan=False)


def test_remarks_say_what_else_a_reader_should_know():
    net, x, y = example(7, gain=0.4, cancellation=0.3)
    assert "its own cancellation" in " ".join(sc.audit(net, x, y).remarks)
    learns = " ".join(sc.audit(net, x, y, ZOO["kolen_pollack"]).remarks)
    assert "training starts them at random" in learns and "computed, not settled" in learns
    runaway, *_ = example(7, activation="linear", gain=2.5)
    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    assert "did not settle" in " ".join(sc.audit(runaway, x, y, hopfield).remarks)


def test_a_recipe_is_named_by_what_it_changes():
    net, x, y = example(8, gain=0.4)
    named = sc.audit(net, x, y, sc.ALL_HOLD._replace(feedback=feedback.mixed(0.3))).name
    assert named == "recipe(feedback=mixed(amount=0.3, seed=0))"


def rows_of(report):
    return {row.name: row for row in report.conditions}


def test_a_recipe_is_judged_by_the_gradient_of_the_very_network_that_it_settles():
    net, x, y = example(1, gain=0.4)
    weak = sc.ALL_HOLD._replace(architecture=architecture.weak_feedback(0.3))
    assert sc.audit(net, x, y, weak, against="equilibrium").relative_error < 1e-5
    plain = sc.audit(net, x, y, weak._replace(contrast=contrast.post_change), against="equilibrium")
    assert plain.relative_error < 1e-4


def test_what_has_no_slots_is_judged_by_the_tied_gradient_of_transposed_feedback():
    net, x, y = example(1, gain=0.4)
    bent = feedback.random(seed=1)(net)
    assert sc.audit(bent, x, y, ZOO["recurrent_backprop"]).relative_error == 0.0


def test_the_generator_that_is_passed_makes_the_noise_of_the_rows_too():
    net, x, y = example(2)
    noisy = sc.ALL_HOLD._replace(phases=phases.noisy(1e-3), nudging=nudging.centered(1e-2))
    values = [
        rows_of(sc.audit(net, x, y, noisy, rng=np.random.default_rng(s)))["phases"].value
        for s in (1, 1, 2)
    ]
    assert values[0] == values[1] != values[2]


def test_settling_needs_every_phase_at_rest_and_a_point_that_attracts():
    net, x, y = example(3, gain=0.4)
    never = sc.ALL_HOLD._replace(settling=settling.euler(dt=0.5, tol=1e-300, max_steps=400))
    row = rows_of(sc.audit(net, x, y, never))["settling"]
    assert row.value < 1 and row.predicted_angle_deg < 1e-3 and not row.holds
    net, x, y = example(0, gain=2.0)
    repelling = sc.ALL_HOLD._replace(
        feedback=feedback.random(seed=0, gain=2.0), nudging=nudging.infinitesimal()
    )
    row = rows_of(sc.audit(net, x, y, repelling))["settling"]
    assert row.value > 1 and row.predicted_angle_deg < 1e-3 and not row.holds


def test_feedback_of_the_wrong_size_does_not_hold_although_every_layer_points_right():
    net, x, y = example(4, gain=0.8)
    row = rows_of(sc.audit(net, x, y, sc.ALL_HOLD._replace(feedback=feedback.scaled(2.0))))
    assert row["feedback"].value == pytest.approx(1.0) and not row["feedback"].holds


def test_the_label_says_whether_the_energy_was_repaired():
    net, x, y = example(4, gain=0.4)
    bent = feedback.mixed(0.3, seed=1)(net)
    mended = rows_of(sc.audit(bent, x, y, ZOO["asymmetric_equilibrium_propagation"]))["energy"]
    assert mended.diagnostic == "integrability defect, repaired"
    assert rows_of(sc.audit(net, x, y))["energy"].diagnostic == "integrability defect"


def test_a_rule_without_slots_shows_each_fault_of_its_network():
    net, x, y = example(6, gain=0.4, n_samples=5)
    assert not rows_of(sc.audit(net, x, y, sc.backprop))["architecture"].holds
    slight = architecture.cancelling(0.95)(net)
    row = rows_of(sc.audit(slight, x, y, sc.backprop))["architecture"]
    assert 0.01 < row.value < 1.0 and not row.holds
    bent = architecture.matched(feedback.mixed(0.5, seed=1)(net))
    rows = rows_of(sc.audit(bent, x, y, sc.backprop))
    assert not rows["energy"].holds and not rows["feedback"].holds
    assert 0 < rows["feedback"].value < 0.99
    free = solvers.relax(bent, x)
    assert rows["energy"].value == integrability_defect(bent, x, free).max()
    assert rows["settling"].value == settling.spectral_radius(bent, x, free).max()
    wild, x, y = example(0, gain=2.0)
    wild = architecture.matched(feedback.random(seed=0, gain=2.0)(wild))
    row = rows_of(sc.audit(wild, x, y, sc.backprop))["settling"]
    assert row.value > 1 and not row.holds


def test_where_a_unit_is_flat_the_defect_is_left_open():
    net, x, y = example(10, activation="hard_sigmoid")
    row = rows_of(sc.audit(net, x, y, sc.backprop))["energy"]
    assert row.value is None and row.holds is None


def test_what_diverged_has_no_prediction_and_is_still_plain_data():
    net, x, y = example(7, activation="linear", gain=2.5)
    hopfield = sc.ALL_HOLD._replace(architecture=architecture.hopfield)
    report = sc.audit(net, x, y, hopfield)
    assert report.predicted_cosine is None
    assert report.conditions[-1].predicted_angle_deg is None
    assert audit_room._plain({"a": (np.inf, np.nan, 1.0)}) == {"a": [None, None, 1.0]}


def test_each_kind_of_warning_is_remarked_once_and_the_first_of_it():
    net, x, y = example(6)
    words = [(kind, f"{kind.__name__} {i}") for i in (1, 2)
             for kind in (sc.BasinWarning, sc.ConvergenceWarning, sc.PrecisionWarning)]  # fmt: skip

    def complaining(net, x, y):
        for kind, text in words:
            warnings.warn(text, kind, stacklevel=1)
        warnings.warn("of no interest", UserWarning, stacklevel=1)
        return sc.backprop(net, x, y)

    remarks = sc.audit(net, x, y, complaining).remarks
    assert sorted(remarks) == ["BasinWarning 1", "ConvergenceWarning 1", "PrecisionWarning 1"]


def test_a_small_angle_is_printed_and_only_rounding_is_called_none():
    assert audit_room.degrees(0.05) == "0.05 deg"
    assert audit_room.degrees(1e-7) == "0 deg"


def test_a_name_is_escaped_in_html():
    row = audit_room.Condition("<b>", "a & b", None, None, None)
    comparison = audit_room.Comparison(1.0, 0.0, 0.0, 1.0)
    report = audit_room.Report(
        1.0, 0.0, 0.0, 1.0, name="rule", against="backprop", layers=(comparison,),
        conditions=(row,), predicted_cosine=None,
    )  # fmt: skip
    assert ">&lt;b&gt;</td>" in report._repr_html_()


def test_an_energy_that_changes_the_weights_does_not_hold_although_its_response_is_the_adjoint():
    net, x, y = example(4, gain=0.8)
    weaker = sc.ALL_HOLD._replace(
        energy=lambda n: n.replace(weights=[0.5 * w for w in n.weights], feedback=None)
    )
    row = rows_of(sc.audit(net, x, y, weaker))["energy"]
    assert row.value < 1e-12 and not row.holds
