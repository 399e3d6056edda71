"""The casebook: what the page carries is what the library says, and the answers are sealed."""

import base64
import collections
import gzip
import html
import json
import re

import pytest

import sevenconditions as sc
from sevenconditions.casebook import CHOICES, PER_LEVEL, Casebook, marks, places, sealed
from sevenconditions.mystery import ANSWERS, LEVELS, SENTENCES


@pytest.fixture(scope="module")
def book():
    return sc.detective()


@pytest.fixture
def page(book, monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    return book._repr_mimebundle_()["text/html"]


def plain(text):
    """Visible text of the page: neither tags, nor style, nor script."""
    return html.unescape(re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", text, flags=re.S))


def opened(text, key):
    """The other end of the seal, by its definition."""
    shown = bytearray()
    for byte in base64.b64decode(text):
        key = (75 * key + 74) % 65537
        shown.append(byte ^ (key >> 4 & 255))
    return shown.decode()


def test_there_are_at_least_forty_cases_and_every_answer_comes_twice_a_level(book):
    assert sum(map(len, book.cases.values())) == len(LEVELS) * PER_LEVEL >= 40
    for level, cases in book.cases.items():
        culprits = collections.Counter(case.reveal().accused for case in cases)
        assert culprits == dict.fromkeys(ANSWERS, 2)
        assert all(case.level == level for case in cases)
        assert len({case.seed for case in cases}) == len(cases)


def test_every_printed_answer_is_what_a_fresh_case_says(book):
    methods = {"cut": "lesion"}
    for stored in book.data["levels"]:
        for (seed, _, steepest, answers, _), case in zip(
            stored["cases"][::5], book.cases[stored["level"]][::5], strict=True
        ):
            assert seed == case.seed and list(steepest) == case.steepest(3)
            fresh = sc.mystery(seed, stored["level"])
            for (probe, there), shown in zip(places(case).items(), answers, strict=True):
                for place, text in zip(there, shown, strict=True):
                    fresh.log = ()
                    said = getattr(fresh, methods.get(probe, probe))(*place)
                    assert str(said) == SENTENCES[probe].format(*place, *text.split("|"))


def test_every_verdict_is_sealed_and_opens_to_what_the_case_says(book):
    for stored in book.data["levels"]:
        for printed, case in zip(stored["cases"], book.cases[stored["level"]], strict=True):
            seed, suspects, _, _, secret = printed
            right, aside, told = json.loads(opened(secret, 257 * stored["level"] + seed))
            assert [ANSWERS[i] for i in suspects] == list(case.suspects)
            assert case.suspects[right] == case.reveal().accused
            assert aside == case.reveal().aside
            for name, text in zip(case.suspects, told, strict=True):
                evidence = case.accuse(name).evidence
                assert text.split("|") == [*evidence.where, *evidence.shown]


def test_the_answer_stands_neither_in_the_text_nor_in_the_source(book, page):
    # What the reader may search is the same whoever it was: words belong to all cases together.
    assert not re.search("Yes, |No, ", plain(page))
    data = json.loads(re.search(r'class="sc-cases">(.*?)</script>', page, flags=re.S)[1])
    for stored in data["levels"]:
        for seed, suspects, steepest, answers, secret in stored["cases"]:
            words = " ".join(map(str, (seed, suspects, steepest, answers, secret))).lower()
            everything = words + base64.b64decode(secret).decode("latin-1").lower()
            assert not any(name in everything for name in ANSWERS)
            assert not re.search("herring|gain", everything)


def test_no_two_seals_of_one_text_look_alike():
    assert len({sealed("[3,", key) for key in range(257, 1000)}) == 743


def test_it_weighs_less_than_sixty_kilobytes(page):
    assert len(gzip.compress(page.encode())) < 60_000


def test_the_marks_name_every_condition_and_the_choices_every_probe():
    assert [name for name, _, _ in marks()] == list(ANSWERS[:-1])
    assert set(CHOICES) == set(SENTENCES) - {"whole"}


def test_without_script_the_page_says_how_to_play_and_shows_the_marks(page):
    text = " ".join(plain(page).split())
    assert 'case.accuse("settling") judges' in text
    assert all(" ".join((name, asked, seen)) in text for name, asked, seen in marks())


def test_a_live_notebook_gets_the_marks_and_no_game(book, monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "live")
    shown = sc.detective()
    bundle = shown._repr_mimebundle_()
    assert "<script" not in bundle["text/html"] and 'sc-game"' not in bundle["text/html"]
    assert "cases" not in shown.__dict__  # nothing was computed for it
    assert bundle["text/plain"] == book.text()


def test_text_alone_draws_no_case(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    shown = Casebook()
    assert list(shown._repr_mimebundle_()) == ["text/plain"]
    assert "cases" not in shown.__dict__
    assert shown.text().splitlines()[0] == "The mystery network: 16 cases at each of 3 levels."
