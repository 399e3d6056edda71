"""Claims hold or stop the chapter, and can be collected from the stored notebooks."""

import json

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from sevenconditions import claims
from sevenconditions.claims import Claim, claim, collect, registry


@pytest.fixture(autouse=True)
def _an_empty_registry(monkeypatch):
    monkeypatch.setattr(claims, "_made", {})


@pytest.fixture
def _a_notebook():
    shell = InteractiveShell.instance(user_module=None)
    yield
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()  # elsewhere a claim must find no notebook


def test_a_claim_that_holds_is_registered_as_it_is_printed():
    claim("settling/decay-rate", 0.95004, expected=0.95, tol=1e-3, fmt=".4f")
    made = registry()["settling/decay-rate"]
    assert made == Claim("settling/decay-rate", "0.9500", "expected 0.95 within 0.001")
    assert made.chapter == "settling"
    assert made.text() == "claim settling/decay-rate: 0.9500 (expected 0.95 within 0.001) holds"


@pytest.mark.parametrize(
    ("value", "requirement"),
    [
        (0.9521, {"expected": 0.95, "tol": 1e-3}),
        (float("nan"), {"expected": 0.95, "tol": 1e-3}),
        (103, {"expected": 100, "tol": 0.02, "relative": True}),
        (-103, {"expected": -100, "tol": 0.02, "relative": True}),
        (2, {"at_most": 1}),
        (0, {"at_least": 1}),
        (3, {"at_least": 1, "at_most": 2}),
        (float("nan"), {"at_least": 1}),
        (float("inf"), {"expected": 1, "tol": 1}),
    ],
)
def test_a_claim_that_fails_says_key_value_and_requirement(value, requirement):
    with pytest.raises(AssertionError, match=r"claim a/b fails: \S+ \(.*\d"):
        claim("a/b", value, **requirement)
    assert not registry()


@pytest.mark.parametrize(
    ("value", "requirement"),
    [
        (101, {"expected": 100, "tol": 0.02, "relative": True}),
        (0, {"expected": 0, "tol": 0}),
        (1, {"at_most": 1}),
        (1.5, {"at_least": 1, "at_most": 2}),
    ],
)
def test_a_claim_at_its_bound_holds(value, requirement):
    claim("a/b", value, **requirement)
    assert "a/b" in registry()


@pytest.mark.parametrize("key", ["rate", "settling/", "Settling/rate", "a/two_words", "a/b c", 3])
def test_a_key_must_name_chapter_and_claim(key):
    with pytest.raises(ValueError, match="chapter/kebab-name"):
        claim(key, 1, at_least=0)


@pytest.mark.parametrize(
    "requirement",
    [
        {},
        {"expected": 1},
        {"tol": 1},
        {"expected": 1, "tol": 1, "at_most": 2},
        {"tol": 1, "at_most": 2},
        {"expected": 1, "tol": -1},
        {"expected": 0, "tol": 1, "relative": True},
        {"expected": float("nan"), "tol": 1},
        {"at_most": "much"},
        {"expected": 1, "tol": 1, "fmt": None},
    ],
)
def test_an_unclear_requirement_is_refused(requirement):
    with pytest.raises(ValueError, match="expected"):
        claim("a/b", 1, **requirement)


@pytest.mark.parametrize("value", ["much", None, [1, 2]])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="expected one number"):
        claim("a/b", value, at_least=0)


@pytest.mark.parametrize("mode", ["page", "text"])
def test_in_the_book_one_key_stands_for_one_value(monkeypatch, mode):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    claim("a/b", 1, at_least=0)
    claim("a/b", 1, at_least=0)
    with pytest.raises(ValueError, match="already names"):
        claim("a/b", 2, at_least=0)


def test_a_reader_who_runs_a_cell_again_may_change_the_value(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "live")
    claim("a/b", 1, at_least=0)
    claim("a/b", 2, at_least=0)
    assert registry()["a/b"].value == "2"


def test_a_rounding_error_shows_its_bound_alone():
    claim("a/b", 3.1e-16, at_most=1e-12, fmt=None)
    assert registry()["a/b"].text() == "claim a/b: ≤1e-12 (at most 1e-12) holds"


@pytest.mark.usefixtures("_a_notebook")
def test_a_notebook_glues_the_value_and_shows_the_claim(monkeypatch):
    from myst_nb import glue

    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    with capture_output() as ours:
        claim("a/b", 0.95, expected=0.95, tol=1e-3, fmt=".3f")
    with capture_output() as theirs:
        glue("a/b", "0.950", display=False)
    glued, line = ours.outputs
    assert (glued.data, glued.metadata) == (theirs.outputs[0].data, theirs.outputs[0].metadata)
    assert line.data == {"text/plain": "claim a/b: 0.950 (expected 0.95 within 0.001) holds"}


def test_what_was_measured_is_not_part_of_the_claim(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    claim("a/b", 3.1e-16, at_most=1e-12, fmt=None)
    claim("a/b", 4.2e-16, at_most=1e-12, fmt=None)  # another machine: the same claim
    assert "e-16" not in repr(registry()["a/b"])


@pytest.mark.parametrize("mode", ["page", "live"])
def test_the_page_shows_one_quiet_line_with_a_check_mark(monkeypatch, mode):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    bundle = Claim("a/b", "1", "at most 2")._repr_mimebundle_()
    assert "✓</span> a/b <b>1</b> · at most 2</p>" in bundle["text/html"]
    assert bundle["text/plain"] == "claim a/b: 1 (at most 2) holds"


@pytest.mark.parametrize(("value", "shown"), [(3.14e-9, "3e-09"), (0, "0")])
def test_the_page_shows_a_rounding_error_with_one_digit(monkeypatch, value, shown):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    claim("a/b", value, at_most=1e-7, fmt=None)
    bundle = registry()["a/b"]._repr_mimebundle_()
    assert f"a/b <b>{shown}</b> · at most 1e-07</p>" in bundle["text/html"]
    assert bundle["text/plain"] == "claim a/b: ≤1e-07 (at most 1e-07) holds"


def stored(path, *lines):
    outputs = [{"output_type": "display_data", "data": {"text/plain": line}} for line in lines]
    noise = [{"output_type": "stream", "text": "claim x/y: 1 (at most 2) holds"}]
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": noise + outputs}]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


def test_claims_are_collected_from_stored_notebooks(tmp_path):
    a, b = Claim("a/x", "1", "at most 2"), Claim("b/y", "0.50", "expected 0.5 within 0.1 of it")
    one = stored(tmp_path / "one.ipynb", [a.text()], "no claim", "'a/x'")
    two = stored(tmp_path / "two.ipynb", b.text())
    assert collect([one, two]) == [a, b]


def test_one_key_with_two_values_in_the_book_is_refused(tmp_path):
    one = stored(tmp_path / "one.ipynb", Claim("a/x", "1", "at most 2").text())
    two = stored(tmp_path / "two.ipynb", Claim("a/x", "2", "at most 2").text())
    with pytest.raises(ValueError, match="one value per key"):
        collect([one, two])
