"""Questions give a reason for every choice; checks name the likely mistake."""

import json
import re
from html import unescape

import numpy as np
import pytest

from sevenconditions.questions import exercise_check, predict, question, quiz

CHOICES = {"It falls": "Only below 1.", "It grows": "By `1.2` a step.", "It stays": "Only at 1."}


def asked(**change):
    arguments = {
        "prompt": "What does <it> do at gain `1.2`?",
        "choices": CHOICES,
        "answer": "It grows",
        "why": "The radius is the factor.",
        "key": "gain-above-one",
    }
    return predict(**(arguments | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": " "}, "expected a question"),
        ({"choices": {"one": "reason"}}, "at least two"),
        ({"choices": ["It falls", "It grows"]}, "each to its reason"),
        ({"choices": CHOICES | {"It stays": ""}}, "'It stays' of 'gain-above-one' has no reason"),
        ({"answer": "It rises"}, "not among the choices"),
        ({"why": ""}, "expected the explanation"),
        ({"key": "Gain above"}, "kebab-case"),
        ({"key": None}, "kebab-case"),
    ],
)
def test_a_bad_question_is_refused_with_its_reason(change, message):
    with pytest.raises(ValueError, match=message):
        asked(**change)


def test_a_quiz_needs_questions_of_different_keys():
    one = question("Is 2 even?", {"yes": "2 = 2 x 1.", "no": "It is."}, "yes", "two-even")
    for questions in ([], [one, one]):
        with pytest.raises(ValueError, match="all keys different"):
            quiz(questions)


def test_the_text_holds_every_choice_with_its_verdict_and_reason(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    assert asked()._repr_mimebundle_() == {
        "text/plain": "Prediction gain-above-one: What does <it> do at gain `1.2`?\n"
        "  a) It falls -- no: Only below 1.\n"
        "  b) It grows -- right: By `1.2` a step.\n"
        "  c) It stays -- no: Only at 1.\n"
        "The radius is the factor."
    }


def test_the_page_escapes_words_and_shows_backticks_as_code(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    bundle = asked()._repr_mimebundle_()
    assert "What does &lt;it&gt; do at gain <code>1.2</code>?" in bundle["text/html"]
    assert bundle["text/html"].count("<script>") == 1
    assert bundle["text/plain"] == asked().text()


def test_a_question_is_announced_by_its_prompt():
    assert 'aria-label="What does &lt;it&gt; do at gain 1.2?"' in asked().html()
    name = re.search('aria-label="(.*?)"', asked(prompt="word " * 40).html())[1]
    assert name.endswith("word …") and 70 < len(name) <= 80


def test_a_quiz_carries_its_style_and_script_once(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    html = quiz([asked(key="one"), asked(key="two")])._repr_mimebundle_()["text/html"]
    assert html.count("<fieldset>") == 2
    assert html.count("<style>") == html.count("<script>") == 1


@pytest.mark.parametrize("placeholder", [None, ...])
def test_an_exercise_not_begun_is_not_wrong(placeholder):
    assert exercise_check("slope", placeholder, 2.0).status == "not yet"


@pytest.mark.parametrize(
    ("value", "expected"), [(2.0000001, 2.0), (np.float64(2), 2), ([1, 2], np.array([1.0, 2.0]))]
)
def test_a_right_answer_is_right(value, expected):
    assert exercise_check("slope", value, expected).status == "right"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.2, "You forgot 1/beta."),
        (-2.0, "The sign is turned."),
        (3.0, "The largest difference is 1."),
        ("two", "Expected numbers; a str came."),
        ([2.0, 2.0], r"The shape is (2,); expected ()."),
        (float("nan"), "The value is not finite."),
        (float("inf"), "The value is not finite."),
        ({}, "Expected numbers; a dict came."),
        ([[1], [2, 3]], "Expected numbers; a list came."),
    ],
)
def test_a_wrong_answer_never_raises_and_is_told_what_is_likely(value, message):
    mistakes = {0.2: "You forgot 1/beta.", (lambda v: v < 0): "The sign is turned."}
    check = exercise_check("slope", value, 2.0, mistakes=mistakes)
    assert (check.status, check.message) == ("look again", message)


def test_a_mistake_may_be_an_array():
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    check = exercise_check("B", weights, weights.T, mistakes=[(weights, "Transpose it.")])
    assert check.message == "Transpose it."


def test_a_negative_tolerance_is_refused():
    with pytest.raises(ValueError, match="tol is -1"):
        exercise_check("slope", 1, 1, tol=-1)


def page_of(monkeypatch, value=..., expected=0.5, mode="page", **more):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    return exercise_check("slope", value, expected, **more)._repr_mimebundle_()["text/html"]


def test_the_page_carries_a_number_and_its_mistakes_for_the_answer_box(monkeypatch):
    mistakes = {np.float64(0.2): "The `<1/beta>` is missing.", 2: "Turn it."}
    html = page_of(monkeypatch, tol=1e-3, mistakes=mistakes)
    assert json.loads(unescape(re.search('data-sc-check="(.*?)"', html)[1])) == {
        "expected": 0.5,
        "tol": 1e-3,
        "mistakes": [[0.2, "The <code>&lt;1/beta&gt;</code> is missing."], [2.0, "Turn it."]],
    }
    assert html.count("<script>") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"expected": [1.0, 2.0]},
        {"expected": float("nan")},
        {"tol": float("inf")},
        {"mistakes": {(lambda v: v < 0): "The sign."}},
        {"mistakes": [([1, 2], "Add them.")]},
        {"value": 0.4},
        {"mode": "live"},
    ],
)
def test_only_an_unanswered_single_number_has_an_answer_box(monkeypatch, change):
    html = page_of(monkeypatch, **change)
    assert "<form" not in html and "<script" not in html


def test_the_keypad_of_a_phone_has_the_sign_that_the_answer_needs(monkeypatch):
    assert 'inputmode="decimal"' in page_of(monkeypatch, expected=0.5)
    assert 'inputmode="text"' in page_of(monkeypatch, expected=-0.5)


@pytest.mark.parametrize("expected", [0.5, [1.0, 2.0]])
def test_a_page_without_kernel_says_where_to_write(monkeypatch, expected):
    told = "<b>slope.</b> Not yet: write your line in the notebook (download or Binder, "
    assert told in page_of(monkeypatch, expected=expected)


def test_the_stored_line_of_an_exercise_not_begun_is_the_same_in_every_mode(monkeypatch):
    line = "slope: not yet. Replace the placeholder and run the cell again."
    for mode in ("text", "page", "live"):
        monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
        assert exercise_check("slope", None, 0.5)._repr_mimebundle_()["text/plain"] == line
    assert "run the cell again" in page_of(monkeypatch, mode="live")


def test_a_hint_is_a_line_of_text_and_folded_away_on_the_page(monkeypatch):
    check = exercise_check("slope", 3, 2.0, hint="Count on `beta`.")
    assert check.text().splitlines()[1:] == ["Hint: Count on `beta`."]
    for mode in ("page", "live"):
        html = page_of(monkeypatch, mode=mode, hint="Count on `beta`.")
        assert "<summary>Hint</summary><p>Count on <code>beta</code>.</p></details>" in html
    assert "Hint" not in page_of(monkeypatch)


def test_a_check_shows_the_same_words_in_text_and_on_the_page(monkeypatch):
    check = exercise_check("slope", 3, 2.0)
    assert check.text() == "slope: look again. The largest difference is 1."
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    bundle = check._repr_mimebundle_()
    assert bundle["text/plain"] == check.text()
    assert "<b>slope: look again.</b> The largest difference is 1." in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]
