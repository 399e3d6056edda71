"""Questions give a reason for every choice; checks name the likely mistake."""

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
        "text/plain": "What does <it> do at gain `1.2`?\n"
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


def test_a_check_shows_the_same_words_in_text_and_on_the_page(monkeypatch):
    check = exercise_check("slope", 3, 2.0)
    assert check.text() == "slope: look again. The largest difference is 1."
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    bundle = check._repr_mimebundle_()
    assert bundle["text/plain"] == check.text()
    assert "<b>slope: look again.</b> The largest difference is 1." in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]
