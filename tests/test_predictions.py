"""A marker's truth is read off the dial's own frames, and says how far the reader was off."""

import json
import re
from html import unescape

import pytest

from sevenconditions.display import Figure, panel
from sevenconditions.explorable import dial, explore
from sevenconditions.predictions import SURE, marker, predicted

GAIN = dial("gain", [0.2, 0.4, 0.6, 0.8, 1.0], default=0.4)
KIND = dial("kind", ["bare", "doubled"], default="bare")
LINE = dial("end", [0, 0.25, 0.5, 0.75, 1.0, 2.0], default=0, unit="mV")


def draw(gain, kind):
    end = gain**2 * (1 + (kind == "doubled"))
    readouts = {"end": f"{end:.2f} mV", "state": "calm" if gain < 1 else "1 of 2"}
    return Figure(panel()[0], "It ends", "Nothing.", f"It ends at {end:.2f}.", readouts)


def ask(line=LINE, readout="end", **how):
    how = {"at": {"gain": 0.8}, "tol": 0.2} | how
    return marker("Where does it end at 0.8?", line, readout, "end-at-08", **how)


def shown(asked, **how):
    return explore(draw, GAIN, KIND, title="It ends", marker=asked, **how)


@pytest.mark.parametrize(
    ("at", "truth"), [({"gain": 0.8}, (0.64, "0.64 mV")), ({"kind": "doubled"}, (0.32, "0.32 mV"))]
)
def test_the_truth_is_the_readout_at_the_position_asked_for(at, truth):
    assert shown(ask(at=at)).truth == truth


@pytest.mark.parametrize(
    ("crosses", "at", "truth"),
    [(0.3, {}, 0.6), (0.7, {"kind": "doubled"}, 0.6), (0.36, {}, 0.6), (0.37, {}, 0.8)],
)
def test_the_truth_of_a_crossing_is_the_first_position_past_it(crosses, at, truth):
    assert shown(ask(GAIN, crosses=crosses, at=at, tol=0.1)).truth == (truth, f"{truth:g}")


def test_a_falling_readout_is_crossed_too():
    down = explore(
        lambda gain: draw(1 / gain, "bare"),
        GAIN,
        title="Down",
        marker=marker("When?", GAIN, "end", "when", crosses=2, tol=0.1),
    )
    assert down.truth[0] == 0.8  # 1/0.64 is the first below 2


@pytest.mark.parametrize(
    ("number", "value"),
    [("44", 44), ("57.9 degrees", 57.9), ("below 0.01", 0.01), ("2e-16", 2e-16),
     ("1.6e+02", 160), ("\u22120.25 mV", -0.25), ("-3", -3)],
)  # fmt: skip
def test_a_readout_is_read_as_its_first_number(number, value):
    assert ask().read({"end": number}) == value


def test_a_bare_number_wears_the_unit_of_the_line():
    assert ask().shown({"end": "0.64"}) == "0.64 mV"
    assert ask().shown({"end": "2e-16"}) == "2e-16 mV"
    assert ask().shown({"end": "0.64 volts"}) == "0.64 volts"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ask(at={}), "asks for the position shown first"),
        (lambda: ask(at={"gian": 1}), "marker is at {'gian': 1}; the dials are"),
        (lambda: ask(at={"gain": 0.7}), "marker 0.7, which is not among its values"),
        (lambda: ask(readout="ends"), "asks for 'ends'; the readouts are"),
        (lambda: ask(readout="state"), "'calm', which holds no number"),
        (lambda: ask(GAIN, crosses=7), "never crosses 7"),
        (lambda: ask(GAIN), "crosses=None"),
        (lambda: ask(crosses=0.5), "crosses=0.5"),
        (lambda: ask(dial("end", [1, 2])), "the truth 0.64 is not on its line from 1 to 2"),
        (lambda: ask(dial("end", [2, 1])), "expected rising numbers"),
        (lambda: ask(dial("end", ["a", "b"])), "expected rising numbers"),
        (lambda: ask(tol=None, factor=2), "above 0 for a factor"),
        (lambda: ask(tol=None), "expected one of them"),
        (lambda: ask(tol=0), "a tol above 0"),
        (lambda: ask(GAIN, tol=None, factor=1), "a factor above 1"),
        (lambda: ask(tol=0.7), "right where it stands first"),
    ],
)
def test_a_marker_that_cannot_be_set_or_judged_is_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(make()).html()


def test_a_key_that_is_no_key_is_refused():
    with pytest.raises(ValueError, match="kebab-case"):
        explore(draw, GAIN, KIND, title="t", after="Is it?")
    with pytest.raises(ValueError, match="expected a question"):
        marker(" ", LINE, "end", "end-at-08", tol=1)


def test_right_is_within_the_tolerance_and_the_words_say_how_far(monkeypatch):
    asked = ask()
    assert [asked.is_right(i, 0.55) for i in range(6)] == [False, False, True, True, False, False]
    assert asked.is_right(3, 0.95) and not asked.is_right(3, 0.951)
    assert asked.outcome(4, 0.64, "0.64 mV") == (
        "Your marker: 1 mV. The truth: 0.64 mV. Off by 0.36: not within 0.2."
    )
    assert "Hardly any difference: right" in asked.outcome(4, 1.004, "1.004 mV")
    times = ask(GAIN, tol=None, factor=2)
    assert [times.is_right(i, 0.4) for i in range(5)] == [True, True, True, True, False]
    assert times.outcome(4, 0.4, "0.4").endswith("Too high by a factor 2.5: not within a factor 2.")


def test_the_page_carries_the_outcome_of_every_place():
    html = unescape(shown(ask(), after="at-one").html())
    data = json.loads(re.search(r'data-sc-marker="(\{.*?\]\})"', html)[1])
    assert (data["key"], data["truth"], len(data["places"])) == ("end-at-08", "0.64 mV", 6)
    assert [place["right"] for place in data["places"]] == [False, False, True, True, False, False]
    assert 'data-sc-after="at-one end-at-08"' in html
    assert all(f">{word}</button>" in html for word in SURE)


def test_a_dial_that_waits_for_nothing_carries_no_lock():
    html = explore(draw, GAIN, KIND, title="It ends").html()
    assert "sc-lock" not in html and "localStorage" not in html


@pytest.mark.parametrize("mode", ["text", "page"])
def test_text_says_what_is_asked_and_what_is_true(monkeypatch, mode):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    text = shown(ask(), after="at-one")._repr_mimebundle_()["text/plain"]
    assert text.splitlines()[3:6] == [
        "Locked until the prediction at-one is made.",
        "Prediction end-at-08: Where does it end at 0.8?",
        "Truth: 0.64 mV; a marker is right within 0.2.",
    ]
    assert predicted(text) == [("end-at-08", "Where does it end at 0.8?")]


def test_a_live_notebook_does_not_give_the_truth_away(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "live")
    bundle = shown(ask())._repr_mimebundle_()
    assert "0.64" not in bundle["text/plain"] + bundle["text/html"]


@pytest.mark.parametrize("guessed", [True, False])
def test_the_live_dial_opens_when_the_marker_is_set_or_declined(guessed):
    _, box, gain, kind, presets, picture = shown(ask()).widget().children
    prompt, row, told = box.children
    place, hand_in, skip = row.children
    assert prompt.value == "Where does it end at 0.8?" and place.value == 0
    assert gain.disabled and kind.disabled and presets.children[0].disabled
    place.value = 4
    (hand_in if guessed else skip).click()
    assert not (gain.disabled or kind.disabled or presets.children[0].disabled)
    assert place.disabled and hand_in.disabled
    assert "The truth: 0.64 mV." in told.value
    assert ("Your marker: 1 mV." in told.value) is guessed
    gain.value = 3
    assert "0.64" in picture.value
