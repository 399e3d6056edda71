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


def choose(page, choice, how="fairly sure", nth=0):
    """Make a choice and hand it in."""
    page.get_by_label(choice).nth(nth).check()
    page.get_by_role("button", name=how).nth(nth).click()


def test_a_choice_shows_its_reason_once_the_reader_says_how_sure(open_page, prediction):
    page = open_page(prediction)
    verdict = page.locator(".sc-verdict")
    page.get_by_label("It falls").check()
    assert verdict.inner_text() == "" and page.locator(".sc-answers").is_hidden()
    page.get_by_role("button", name="certain").click()
    assert verdict.inner_text().split() == "No. Only below 1. The radius is the factor.".split()
    page.get_by_label("It grows").check()
    assert verdict.inner_text().startswith("Now: It grows. Right. By 1.2 a step.")
    assert verdict.get_attribute("aria-live") == "polite"
    assert page.locator(".sc-answers").is_visible() and page.locator(".sc-sure").is_hidden()


def test_without_a_choice_the_buttons_ask_for_one(open_page, prediction):
    page = open_page(prediction)
    page.get_by_role("button", name="a guess").click()
    assert page.locator(".sc-verdict").inner_text() == "Choose one first."
    choose(page, "It grows")
    assert page.locator(".sc-verdict").inner_text().startswith("Right.")


def test_the_first_choice_is_kept_with_its_sureness_beside_what_is_chosen_later(
    open_page, prediction
):
    page = open_page(prediction)
    assert page.locator(".sc-kept").is_hidden()
    choose(page, "It stays")
    page.get_by_label("It grows").check()
    assert page.locator(".sc-kept").inner_text() == "You predicted: It stays, fairly sure."
    page.reload()
    assert page.get_by_label("It stays").is_checked()
    assert page.locator(".sc-kept").inner_text() == "You predicted: It stays, fairly sure."
    assert page.locator(".sc-verdict").inner_text().startswith("No. Only at 1.")


@pytest.mark.parametrize("broken", ["1", "not json", "null", '{"choice": "It sinks"}'])
def test_what_else_stands_under_its_key_does_no_harm(open_page, prediction, broken):
    page = open_page(prediction)
    page.evaluate("text => localStorage.setItem('sevenconditions:gain-above-one', text)", broken)
    page.reload()
    page.get_by_label("It grows").check()
    if page.locator(".sc-sure").is_visible():
        page.get_by_role("button", name="certain").click()
    assert "Right. By 1.2 a step." in page.locator(".sc-verdict").inner_text()


@pytest.mark.parametrize("refusal", ["get() { throw new Error('no') }", "value: null"])
def test_it_works_where_storage_is_refused(open_page, prediction, refusal):
    refuse = f"<script>Object.defineProperty(window, 'localStorage', {{{refusal}}})</script>"
    page = open_page(prediction, head=refuse)
    assert "until you leave the page" in page.locator(".sc-stays").inner_text()
    choose(page, "It grows")
    assert page.locator(".sc-verdict").inner_text().startswith("Right.")


def test_a_question_shown_twice_is_chosen_apart_and_answered_once(open_page, prediction):
    page = open_page(prediction + prediction)
    page.get_by_label("It falls").nth(0).check()
    page.get_by_label("It stays").nth(1).check()
    assert page.locator("input:checked").count() == 2
    page.get_by_role("button", name="certain").first.click()
    assert set(page.locator(".sc-kept").all_inner_texts()) == {"You predicted: It falls, certain."}


def test_the_keyboard_chooses_hands_in_and_keeps_its_keys(open_page, prediction):
    count = "<script>keys = 0; addEventListener('keydown', () => keys++)</script>"
    page = open_page(prediction, head=count)
    page.get_by_label("It falls").press("ArrowDown")
    assert page.get_by_label("It grows").is_checked() and page.locator(".sc-kept").is_hidden()
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    assert "It grows, fairly sure" in page.locator(".sc-kept").inner_text()
    assert page.evaluate("keys") == 0
    page.keyboard.press("ArrowDown")  # the focus is back in the choices
    assert page.locator(".sc-verdict").inner_text().startswith("Now: It stays.")


def test_choices_are_44_pixels_high_and_fit_a_phone(open_page, prediction):
    page = open_page(prediction, width=360)
    targets = page.locator("label").all() + page.get_by_role("button").all()
    assert all(target.bounding_box()["height"] >= 44 for target in targets)
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
    choose(page, "no", how="Check", nth=1)
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
