"""A question in the browser: choose, read the reason, come back to the first choice."""

import pytest

from sevenconditions.questions import predict, question, quiz

pytestmark = pytest.mark.book

CHOICES = {"It falls": "Only below 1.", "It grows": "By `1.2` a step.", "It stays": "Only at 1."}


@pytest.fixture
def prediction(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    asked = predict("At 1.2?", CHOICES, "It grows", "The radius is the factor.", "gain-above-one")
    return asked._repr_mimebundle_()["text/html"]


def test_nothing_is_given_away_before_a_choice(open_page, prediction):
    page = open_page(prediction)
    assert page.locator(".sc-verdict").inner_text() == ""
    assert page.locator(".sc-answers").is_hidden()
    assert page.locator("input:checked").count() == 0


def test_a_choice_shows_its_reason_and_the_explanation(open_page, prediction):
    page = open_page(prediction)
    verdict = page.locator(".sc-verdict")
    page.get_by_label("It falls").check()
    assert verdict.inner_text().split() == "No. Only below 1. The radius is the factor.".split()
    page.get_by_label("It grows").check()
    assert verdict.inner_text().startswith("Right. By 1.2 a step.")
    assert verdict.get_attribute("aria-live") == "polite"
    assert page.locator(".sc-answers").is_visible()


def test_the_first_choice_is_kept_when_the_reader_comes_back(open_page, prediction):
    page = open_page(prediction)
    page.get_by_label("It stays").check()
    page.get_by_label("It grows").check()
    page.reload()
    assert page.get_by_label("It stays").is_checked()
    assert page.locator(".sc-verdict").inner_text().startswith("No. Only at 1.")


@pytest.mark.parametrize("refusal", ["get() { throw new Error('no') }", "value: null"])
def test_it_works_where_storage_is_refused(open_page, prediction, refusal):
    refuse = f"<script>Object.defineProperty(window, 'localStorage', {{{refusal}}})</script>"
    page = open_page(prediction, head=refuse)
    page.get_by_label("It grows").check()
    assert page.locator(".sc-verdict").inner_text().startswith("Right.")


def test_questions_choose_apart_even_if_shown_twice(open_page, prediction):
    page = open_page(prediction + prediction)
    page.get_by_label("It falls").nth(0).check()
    page.get_by_label("It stays").nth(1).check()
    assert page.locator("input:checked").count() == 2


def test_the_keyboard_chooses_and_keys_stay_in_the_question(open_page, prediction):
    count = "<script>keys = 0; addEventListener('keydown', () => keys++)</script>"
    page = open_page(prediction, head=count)
    page.get_by_label("It falls").press("ArrowDown")
    assert page.get_by_label("It grows").is_checked()
    assert page.evaluate("keys") == 0


def test_choices_are_44_pixels_high_and_fit_a_phone(open_page, prediction):
    page = open_page(prediction, width=360)
    assert all(label.bounding_box()["height"] >= 44 for label in page.locator("label").all())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_the_answer_key_can_be_opened(open_page, prediction):
    page = open_page(prediction, script=False)
    page.locator("summary").click()
    key = page.locator(".sc-answers").inner_text()
    assert all(reason.replace("`", "") in key for reason in CHOICES.values())
    assert "The radius is the factor." in key


def test_on_paper_the_answer_key_is_open(open_page, prediction):
    page = open_page(prediction)
    page.emulate_media(media="print")
    assert page.locator(".sc-why").is_visible()


def test_every_question_of_a_quiz_answers_for_itself(open_page, monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    pair = {"yes": "So it is.", "no": "But it is."}
    asked = quiz([question(f"{n} = {n}?", pair, "yes", f"equal-{n}") for n in (1, 2)])
    page = open_page(asked._repr_mimebundle_()["text/html"])
    page.get_by_label("no").nth(1).check()
    assert page.locator(".sc-verdict").all_inner_texts() == ["", "No. But it is."]
