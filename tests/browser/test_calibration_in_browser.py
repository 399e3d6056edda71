"""In the browser: the page of predictions counts what was kept, and forgets it when asked."""

import json

import pytest

from sevenconditions.display import Figure, panel
from sevenconditions.explorable import dial, explore
from sevenconditions.predictions import STORE, marker
from tools.calibration import SEVERAL, Asked, html

pytestmark = pytest.mark.book

ASKED = [
    Asked(key, f"What about {key}?", word, "A chapter", f"Section {key}", f"{key}.html#place")
    for key, word in {
        "one": "settling", "two": "settling", "three": "energy", "four": "nudging",
        "five": SEVERAL, "six": SEVERAL,
    }.items()
]  # fmt: skip

# "two" and "five" are wrong, "six" was looked at first, "three" is not answered.
KEPT = {
    "one": {"choice": "up", "truth": "up", "right": True, "sure": 2},
    "two": {"choice": "<b>down</b>", "truth": "up", "right": False, "sure": 0},
    "four": {"choice": "3 mV", "truth": "3.1 mV", "right": True, "sure": 2, "at": 4},
    "five": {"choice": "90", "truth": "45", "right": False, "sure": 2},
    "six": {"skipped": True},
    "a-quiz-question": {"choice": "yes", "truth": "yes", "right": True},
}


@pytest.fixture
def calibration(open_page):
    """Return a function that opens the page over what is kept."""

    def open_with(kept=KEPT, **how):
        pairs = {f"sevenconditions:{key}": json.dumps(record) for key, record in kept.items()}
        fill = f"<script>for (const [k, v] of Object.entries({json.dumps(pairs)})) "
        fill += "localStorage.setItem(k, v)</script>"
        return open_page(html(ASKED), **({"head": fill} | how))

    return open_with


def rows(page, table):
    """The cells of a table's body that hold text."""
    return [
        row.locator("th, td:not(.sc-share)").all_inner_texts()
        for row in page.locator(f".sc-{table} tbody tr").all()
    ]


def test_it_counts_what_was_predicted_and_was_right(calibration):
    page = calibration()
    assert page.locator(".sc-status").inner_text() == (
        "You have predicted 4 of 6; 2 of them right; before 1 you looked first."
    )
    counts = {word: numbers for word, *numbers in rows(page, "conditions")}
    assert counts["settling"] == ["2", "2", "1"]
    assert counts["energy"] == ["1", "0", "0"]
    assert counts["nudging"] == ["1", "1", "1"]
    assert counts[SEVERAL] == ["2", "1", "0"]
    assert sum(int(asked) for asked, *_ in counts.values()) == len(ASKED)


def test_it_sets_how_sure_beside_how_often_right(calibration):
    page = calibration()
    assert rows(page, "sureness") == [
        ["certain", "3", "2 (67 %)"], ["fairly sure", "0", "–"], ["a guess", "1", "0 (0 %)"],
    ]  # fmt: skip
    # 1/3 and three times 1 make 3.3; the 95 % interval of 2 in 4 reaches from 15 % to 85 %.
    finding = page.locator(".sc-finding").inner_text()
    assert finding.startswith("Your words would be fair if 3 of your 4 were right; 2 are.")
    assert "within what chance does" in finding
    track, dot = (page.locator(f".sc-share {q}").first.bounding_box() for q in ("div", "b"))
    assert (dot["x"] + 6 - track["x"]) / track["width"] == pytest.approx(2 / 3, abs=0.01)
    assert page.locator(".sc-share b").nth(1).is_hidden()


@pytest.mark.parametrize(
    ("right", "sure", "words"),
    [
        (4, 2, "surer than you are right"),
        (6, 0, "more often than you dare"),
        (6, 2, "what chance does"),
        (2, 0, "what chance does"),
    ],
)
def test_it_says_who_is_too_sure_or_too_little(calibration, right, sure, words):
    records = [
        {"choice": "a", "truth": "b", "right": i < right, "sure": sure} for i in range(len(ASKED))
    ]
    page = calibration({each.key: record for each, record in zip(ASKED, records, strict=True)})
    assert words in page.locator(".sc-finding").inner_text()


def test_what_was_wrong_is_to_be_read_again_the_certain_first(calibration):
    page = calibration()
    items = page.locator(".sc-reread li")
    assert items.all_inner_texts() == [
        "A chapter: Section five\nWhat about five?\nYou said, certain: 90. The answer: 45.",
        "A chapter: Section two\nWhat about two?\nYou said, a guess: <b>down</b>. The answer: up.",
    ]
    assert items.locator("a").first.get_attribute("href") == "five.html#place"
    assert page.locator(".sc-none").is_hidden()


def test_every_prediction_is_listed_with_what_was_said(calibration):
    said = {row[0].splitlines()[0]: row[1] for row in rows(calibration(), "predictions")}
    assert list(said.values()) == [
        "right, certain", "wrong, a guess", "–", "right, certain", "wrong, certain", "looked first",
    ]  # fmt: skip


def test_with_nothing_kept_it_says_where_to_begin(calibration):
    page = calibration({})
    assert page.locator(".sc-status").inner_text().startswith("Nothing here yet.")
    assert page.locator(".sc-results").is_hidden() and page.locator(".sc-clear").is_hidden()
    assert page.locator(".sc-predictions tbody tr").count() == len(ASKED)


@pytest.mark.parametrize("text", ["1", "null", "no json", '{"right": "yes"}', '{"right": true}'])
def test_what_is_no_prediction_is_not_counted(calibration, text):
    spoil = f"<script>localStorage.setItem('sevenconditions:one', {json.dumps(text)})</script>"
    page = calibration(head=spoil)
    assert page.locator(".sc-status").inner_text().startswith("Nothing here yet.")


def test_it_forgets_all_of_the_book_and_no_more_when_the_reader_confirms(calibration):
    page = calibration()
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.get_by_role("button", name="Forget all of it").press("Enter")
    page.keyboard.press("Enter")  # the focus is on "No, keep them"
    assert page.evaluate("localStorage.length") == len(KEPT) + 1
    page.get_by_role("button", name="Forget all of it").click()
    page.get_by_role("button", name="Yes, delete").click()
    assert page.evaluate("Object.keys(localStorage)") == ["theme"]
    assert page.locator(".sc-status").inner_text().startswith("Deleted.")
    assert page.evaluate("document.activeElement.className") == "sc-status"
    assert page.locator(".sc-results").is_hidden() and page.locator(".sc-clear").is_hidden()
    assert {said for _, said in rows(page, "predictions")} == {"–"}


@pytest.mark.parametrize("refusal", ["get() { throw new Error('no') }", "value: null"])
def test_where_storage_is_refused_it_says_so(calibration, refusal):
    refuse = f"<script>Object.defineProperty(window, 'localStorage', {{{refusal}}})</script>"
    page = calibration(head=refuse)
    assert "This browser stores nothing" in page.locator(".sc-status").inner_text()
    assert page.locator(".sc-clear").is_hidden()


def test_what_a_dial_keeps_is_what_the_page_counts_and_forgets(open_page):
    def draw(gain):
        return Figure(panel()[0], "t", "c", f"{gain:g}.", {"end": f"{gain:g}"})

    ask = marker("Where?", dial("end", [1, 2, 3]), "end", "one", at={"gain": 3}, tol=0.5)
    dials = explore(draw, dial("gain", [1, 2, 3]), title="t", marker=ask).html()
    page = open_page(dials + html(ASKED))
    page.locator(".sc-marker input").fill("2")
    page.get_by_role("button", name="fairly sure").click()
    assert rows(page, "predictions")[0][1] == "right, fairly sure"
    page.reload()
    assert rows(page, "predictions")[0][1] == "right, fairly sure"


def test_what_is_predicted_and_forgotten_on_one_page_is_forgotten(open_page):
    kept = "keep('one', {choice: 'a', truth: 'a', right: true, sure: 2})"
    page = open_page(f"{html(ASKED)}<script>{{ {STORE} {kept} }}</script>")
    assert rows(page, "predictions")[0][1] == "right, certain"
    page.get_by_role("button", name="Forget all of it").click()
    page.get_by_role("button", name="Yes, delete").click()
    assert rows(page, "predictions")[0][1] == "–"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(calibration, scheme):
    page = calibration(width=360, scheme=scheme)
    page.get_by_role("button", name="Forget all of it").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.get_by_role("button").all():
        assert min(button.bounding_box()[side] for side in ("width", "height")) >= 44


def test_without_script_it_is_a_list_with_links(calibration):
    page = calibration(script=False)
    assert page.locator(".sc-predictions a").count() == len(ASKED)
    assert page.locator(".sc-results").is_hidden() and page.locator(".sc-clear").is_hidden()
