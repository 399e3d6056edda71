"""In the browser: choose and read the reason, type a number and hear whether it is right."""

import pytest

from sevenconditions.questions import exercise_check, predict, question, quiz

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
    assert verdict.inner_text().startswith("Now: It grows. Right. By 1.2 a step.")
    assert verdict.get_attribute("aria-live") == "polite"
    assert page.locator(".sc-answers").is_visible()


def test_the_first_choice_is_kept_when_the_reader_comes_back(open_page, prediction):
    page = open_page(prediction)
    page.get_by_label("It stays").check()
    page.get_by_label("It grows").check()
    page.reload()
    assert page.get_by_label("It stays").is_checked()
    assert page.locator(".sc-verdict").inner_text().startswith("No. Only at 1.")


def test_the_prediction_stays_beside_what_is_chosen_later(open_page, prediction):
    page = open_page(prediction)
    assert page.locator(".sc-kept").is_hidden()
    page.get_by_label("It stays").check()
    page.get_by_label("It grows").check()
    assert page.locator(".sc-kept").inner_text() == "You predicted: It stays"
    page.reload()
    assert page.locator(".sc-kept").inner_text() == "You predicted: It stays"


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


def test_an_arrow_key_passes_over_a_choice_without_recording_it(open_page, prediction):
    page = open_page(prediction)
    page.get_by_label("It falls").press("ArrowDown")
    page.get_by_label("It grows").press("ArrowDown")
    assert not page.locator(".sc-kept").is_visible()
    page.get_by_label("It stays").press("Enter")
    assert "It stays" in page.locator(".sc-kept").inner_text()
    assert page.locator(".sc-verdict").inner_text().startswith("No. Only at 1.")


def test_leaving_the_question_records_what_the_arrow_keys_came_to_rest_on(open_page, prediction):
    page = open_page(prediction + "<button>next</button>")
    page.get_by_label("It falls").press("ArrowDown")
    page.get_by_role("button", name="next").focus()
    assert "It grows" in page.locator(".sc-kept").inner_text()


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


# --- the answer box ---


@pytest.fixture
def box(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    mistakes = {2 / 4.25: "The real part is missing: `2 Re(z)`.", 4.0: "No rotation."}
    check = exercise_check("Step", ..., 1 / 4.25, tol=1e-3, mistakes=mistakes, hint="Circles.")
    return check._repr_mimebundle_()["text/html"]


def answer(page, text, nth=0):
    """What the page says to an answer typed and sent with Enter."""
    field = page.get_by_label("Step: your number").nth(nth)
    field.fill(text)
    field.press("Enter")
    return page.get_by_role("status").nth(nth).inner_text()


@pytest.mark.parametrize("text", ["0.235", ".235", "1/4.25", "0,235", " 1 / 4,25 ", "2.35e-1"])
def test_a_right_number_may_be_written_in_many_ways(open_page, box, text):
    said = answer(open_page(box), text)
    assert said == "Right. Your value agrees with the expected one."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2/4.25", "Look again. The real part is missing: 2 Re(z)."),
        ("4", "Look again. No rotation."),
        ("1", "Look again. The difference is 0.76."),
        ("\u22121", "Look again. The difference is 1.2."),
        ("", "Not a number. Write one, such as 0.25, .25 or 1/4."),
        ("1/0", "Not a number. Write one, such as 0.25, .25 or 1/4."),
        ("<b>two</b>", "Not a number. Write one, such as 0.25, .25 or 1/4."),
    ],
)
def test_a_wrong_number_is_told_what_is_likely(open_page, box, text, said):
    page = open_page(box)
    assert answer(page, text) == said
    assert page.get_by_label("Step: your number").get_attribute("aria-invalid") == "true"


def test_the_button_checks_again_and_again(open_page, box):
    page = open_page(box)
    for text, verdict in (("1", "Look"), ("0.235", "Right"), ("4", "Look")):
        page.get_by_label("Step: your number").fill(text)
        page.get_by_role("button", name="Check").click()
        assert page.get_by_role("status").inner_text().startswith(verdict)


def test_boxes_on_one_page_are_strangers_and_keep_their_keys(open_page, box):
    count = "<script>keys = 0; addEventListener('keydown', () => keys++)</script>"
    page = open_page(box + box, head=count)
    assert answer(page, "4", nth=1) == "Look again. No rotation."
    assert page.get_by_role("status").all_inner_texts()[0] == ""
    assert page.evaluate("keys") == 0
    assert page.evaluate("document.querySelectorAll('[id]').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_box_is_44_pixels_high_and_fits_a_phone(open_page, box, scheme):
    page = open_page(box, width=360, scheme=scheme)
    for target in page.locator("form input, form button").all():
        shape = target.bounding_box()
        assert min(shape["width"], shape["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_a_box_is_a_line_and_a_hint(open_page, box):
    page = open_page(box, script=False)
    assert page.locator("form").is_hidden()
    assert page.get_by_role("status").inner_text().startswith("Step. Not yet: write your line")
    page.get_by_text("Hint").click()
    assert page.get_by_text("Circles.").is_visible()
