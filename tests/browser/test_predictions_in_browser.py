"""In the browser: a dial stays locked until its prediction is made, and the truth stands beside."""

import json

import pytest

from sevenconditions.display import Figure, panel
from sevenconditions.explorable import dial, explore
from sevenconditions.predictions import marker
from sevenconditions.questions import predict

pytestmark = pytest.mark.book

REFUSALS = ["get() { throw new Error('no') }", "value: null"]


def draw(gain):
    figure, axes = panel()
    axes.plot([0, 1], [0, gain])
    end = {"end": f"{gain**2:.2f} mV"}
    return Figure(figure, "It ends", "A line.", f"At {gain:g} it ends at {gain**2:.2f}.", end)


GAIN = dial("gain", [0.2, 0.4, 0.6, 0.8, 1.0], default=0.4, label="Gain g")


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    choices = {"It falls": "No.", "It grows": "As the square."}
    question = predict("At 1?", choices, "It grows", "See.", "at-one")
    return question._repr_mimebundle_()["text/html"]


@pytest.fixture
def marked():
    line = dial("end", [0, 0.25, 0.5, 0.75, 1.0, 1.25], default=0, unit="mV")
    ask = marker("Where does it end at 0.8?", line, "end", "end-at-08", at={"gain": 0.8}, tol=0.2)
    return explore(draw, GAIN, title="It ends", marker=ask).html()


@pytest.fixture
def after():
    return explore(draw, GAIN, title="It ends", after="at-one").html()


def is_locked(player):
    """Whether the dial takes neither focus nor key, and its table is away."""
    slider = player.locator(".sc-controls input")
    slider.evaluate("node => node.focus()")
    focused = slider.evaluate("node => document.activeElement === node")
    table = player.locator("details").is_visible()
    assert focused == table == player.locator(".sc-reset").is_visible()
    return not focused


def place(page, value, how="certain", nth=0):
    """Set the marker and hand it in."""
    box = page.locator(".sc-marker").nth(nth)
    box.locator("input").fill(str(value))
    box.get_by_role("button", name=how).click()


def kept(page):
    """Everything the browser keeps."""
    pairs = page.evaluate("Object.entries(localStorage)")
    return {key: json.loads(text) for key, text in pairs}


def told(page):
    return page.locator(".sc-told").first.inner_text()


def test_a_dial_opens_when_its_question_is_answered(open_page, asked, after):
    page = open_page(asked + after)
    player = page.locator(".sc-dial")
    assert is_locked(player) and "in the question above" in player.inner_text()
    page.get_by_label("It falls").check()
    assert is_locked(player)
    page.get_by_role("button", name="a guess", exact=True).click()
    assert not is_locked(player)
    assert told(page) == "You predicted: It falls, a guess. The answer: It grows."
    assert player.locator(".sc-lock").is_hidden()
    player.locator(".sc-controls input").press("End")
    assert "ends at 1.00" in player.locator(".sc-description").inner_text()


def test_a_locked_dial_leads_to_its_question(open_page, asked, after):
    page = open_page(asked + "<p style='height:3000px'></p>" + after)
    page.get_by_role("button", name="To the question").click()
    page.keyboard.press("Space")
    assert page.get_by_label("It falls").is_checked()


def test_the_truth_stands_beside_the_marker_in_words_and_on_the_line(open_page, marked):
    page = open_page(marked)
    player = page.locator(".sc-dial")
    assert is_locked(player) and page.locator(".sc-line").is_hidden()
    place(page, 4)  # at 1 mV; the truth is 0.8 squared
    assert told(page) == (
        "Your marker: 1 mV. The truth: 0.64 mV. Off by 0.36: not within 0.2. You said: certain."
    )
    assert page.locator(".sc-told").get_attribute("role") == "status"
    assert not is_locked(player) and page.locator(".sc-place").is_hidden()
    line, you, truth, band = (
        page.locator(query).bounding_box()
        for query in (".sc-line", ".sc-you i", ".sc-truth i", ".sc-band")
    )
    at = [(box["x"] + 1.5 - line["x"]) / line["width"] for box in (you, truth)]
    assert at == pytest.approx([1 / 1.25, 0.64 / 1.25], abs=0.01)
    assert band["width"] / line["width"] == pytest.approx(0.4 / 1.25, abs=0.01)
    assert page.locator(".sc-you b").inner_text() == "you: 1 mV"
    assert page.locator(".sc-truth b").inner_text() == "truth: 0.64 mV"


def test_what_is_kept_is_small_and_opens_the_dial_the_next_time(open_page, marked):
    page = open_page(marked)
    place(page, 3, how="fairly sure")
    assert kept(page) == {
        "sevenconditions:end-at-08": {
            "choice": "0.75 mV", "truth": "0.64 mV", "right": True, "sure": 1, "at": 3,
        }
    }  # fmt: skip
    words = told(page)
    page.reload()
    assert told(page) == words and not is_locked(page.locator(".sc-dial"))
    assert page.locator(".sc-you b").inner_text() == "you: 0.75 mV"


def test_who_does_not_want_to_guess_gets_past_and_is_recorded_so(open_page, asked, after):
    page = open_page(asked + after)
    page.get_by_role("button", name="Show me without a guess").click()
    assert page.evaluate("document.activeElement.closest('.sc-controls') !== null")
    assert kept(page) == {"sevenconditions:at-one": {"skipped": True}}
    assert told(page) == "No prediction: you looked first."
    page.get_by_label("It grows").check()  # shows its reason, and is no prediction any more
    assert "As the square." in page.locator(".sc-verdict").inner_text()
    page.reload()
    assert kept(page) == {"sevenconditions:at-one": {"skipped": True}}
    assert not is_locked(page.locator(".sc-dial"))


def test_a_dial_may_wait_for_a_question_and_then_for_a_marker(open_page, asked):
    ask = marker("When is it past 0.3?", GAIN, "end", "past-03", crosses=0.3, tol=0.1)
    page = open_page(asked + explore(draw, GAIN, title="t", after="at-one", marker=ask).html())
    player = page.locator(".sc-dial")
    assert is_locked(player) and page.locator(".sc-marker").is_hidden()
    page.get_by_label("It grows").check()
    page.locator(".sc-question").get_by_role("button", name="certain").click()
    assert is_locked(player) and page.locator(".sc-goto").is_hidden()
    place(page, 2)
    assert not is_locked(player)
    assert told(page) == (
        "You predicted: It grows, certain. The answer: It grows.\n"
        "Your marker: 0.6. The truth: 0.6. Hardly any difference: right, within 0.1. "
        "You said: certain."
    )


def test_who_declines_the_marker_keeps_the_prediction_that_was_made(open_page, asked):
    ask = marker("When is it past 0.3?", GAIN, "end", "past-03", crosses=0.3, tol=0.1)
    page = open_page(asked + explore(draw, GAIN, title="t", after="at-one", marker=ask).html())
    page.get_by_label("It grows").check()
    page.locator(".sc-question").get_by_role("button", name="certain").click()
    page.get_by_role("button", name="Show me without a guess").click()
    assert kept(page)["sevenconditions:at-one"]["right"] is True
    assert kept(page)["sevenconditions:past-03"] == {"skipped": True}
    assert told(page).splitlines()[1] == "No prediction: you looked first."


def test_one_button_declines_all_that_a_dial_waits_for(open_page, asked):
    ask = marker("When is it past 0.3?", GAIN, "end", "past-03", crosses=0.3, tol=0.1)
    page = open_page(asked + explore(draw, GAIN, title="t", after="at-one", marker=ask).html())
    page.get_by_role("button", name="Show me without a guess").click()
    assert not is_locked(page.locator(".sc-dial"))
    assert set(kept(page)) == {"sevenconditions:at-one", "sevenconditions:past-03"}
    assert page.locator(".sc-truth b").inner_text() == "truth: 0.6"
    assert page.locator(".sc-you").is_hidden()


@pytest.mark.parametrize("refusal", REFUSALS)
def test_where_storage_is_refused_it_works_as_long_as_the_page(
    open_page, asked, after, marked, refusal
):
    refuse = f"<script>Object.defineProperty(window, 'localStorage', {{{refusal}}})</script>"
    page = open_page(asked + after + marked, head=refuse)
    page.get_by_label("It grows").check()
    page.locator(".sc-question").get_by_role("button", name="certain").click()
    place(page, 3)
    assert not any(is_locked(player) for player in page.locator(".sc-dial").all())
    assert all("stores nothing" in note for note in page.locator(".sc-stays").all_text_contents())
    page.reload()
    assert all(is_locked(player) for player in page.locator(".sc-dial").all())


def test_two_copies_open_together_and_the_page_gets_no_new_name(open_page, marked):
    watch = "<script>names = 0; names = new Set(Object.keys(window))</script>"
    page = open_page(marked + marked, head=watch)
    place(page, 2, nth=1)
    assert not any(is_locked(player) for player in page.locator(".sc-dial").all())
    assert page.evaluate("Object.keys(window).filter(name => !names.has(name))") == []
    assert page.evaluate("document.querySelectorAll('[id]').length") == 0


def test_the_keyboard_sets_the_marker_goes_on_to_the_dial_and_keys_stay(open_page, marked):
    count = "<script>keys = 0; addEventListener('keydown', () => keys++)</script>"
    page = open_page(marked, head=count)
    line = page.get_by_role("slider", name="Where does it end at 0.8?")
    for _ in range(3):
        line.press("ArrowRight")
    assert line.get_attribute("aria-valuetext") == "0.75 mV"
    for key in ("Tab", "Tab", "Tab", "Enter", "End"):  # to "certain"; then the dial has the focus
        page.keyboard.press(key)
    assert "Your marker: 0.75 mV." in told(page) and "certain" in told(page)
    assert "ends at 1.00" in page.locator(".sc-description").inner_text()
    assert page.evaluate("keys") == 0


@pytest.mark.parametrize("value", [0, 3, 5])
def test_everything_fits_a_phone_and_a_finger(open_page, asked, after, marked, value):
    page = open_page(after + marked, width=360)
    for target in page.locator(".sc-lock :is(button, input)").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    place(page, value)
    inside = """nodes => nodes.map(node => node.getBoundingClientRect())
        .every(box => box.width && box.left >= 0 && box.right <= innerWidth)"""
    assert page.eval_on_selector_all(".sc-line b, .sc-line i, .sc-told:not(:empty)", inside)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_and_on_paper_nothing_is_locked_or_asked(open_page, marked):
    for page in (open_page(marked, script=False), open_page(marked)):
        page.emulate_media(media="print")
        assert page.locator(".sc-multiple").first.is_visible()
        assert page.locator(".sc-lock").is_hidden() and page.locator(".sc-told").is_hidden()
    page = open_page(marked, script=False)
    assert page.locator(".sc-multiple").first.is_visible() and page.locator(".sc-lock").is_hidden()
    assert page.locator("summary").is_visible()
