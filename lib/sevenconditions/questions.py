"""Questions in the page: predictions, quizzes with a reason for every choice, exercise checks.

The reader's first choice is kept in the browser where that is allowed. Without script, and on
paper, a question is followed by its answer key.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import numpy as np

from sevenconditions.display import output_mode, style_tag


@dataclass(frozen=True)
class Question:
    """A multiple-choice question; made by :func:`predict` or :func:`question`."""

    prompt: str
    choices: Mapping  # choice -> the reason why it is right or wrong
    answer: str
    why: str
    key: str

    def text(self) -> str:
        """Question, choices and answer key, as plain text."""
        lines = [self.prompt]
        for letter, (choice, reason) in zip("abcdefgh", self.choices.items(), strict=False):
            verdict = "right" if choice == self.answer else "no"
            lines.append(f"  {letter}) {choice} -- {verdict}: {reason}")
        return "\n".join([*lines, self.why] if self.why else lines)

    def html(self) -> str:
        """The question as HTML, without style and script."""
        radios = "".join(
            f'<label class="sc-choice"><input type="radio" name="{self.key}" autocomplete="off">'
            f"<span>{_inline(choice)}</span></label>"
            for choice in self.choices
        )
        reasons = "".join(
            f"<li><b>{_inline(choice)}</b> "
            f'<span class="sc-reason"><i>{"Right." if choice == self.answer else "No."}</i> '
            f"{_inline(reason)}</span></li>"
            for choice, reason in self.choices.items()
        )
        why = f'<p class="sc-why">{_inline(self.why)}</p>' if self.why else ""
        return (
            f'<section class="sc sc-question" data-sc-question="{self.key}" '
            f'aria-label="Question"><fieldset><legend>{_inline(self.prompt)}</legend>'
            f'{radios}</fieldset><div class="sc-verdict" aria-live="polite"></div>'
            f'<details class="sc-answers"><summary>Answer, with a reason for every choice</summary>'
            f"<ul>{reasons}</ul>{why}</details></section>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self.text(), self.html())


@dataclass(frozen=True)
class Quiz:
    """Several questions in a row; made by :func:`quiz`."""

    questions: tuple

    def text(self) -> str:
        """All questions with their answer keys, numbered."""
        return "\n\n".join(f"{i}. {each.text()}" for i, each in enumerate(self.questions, start=1))

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self.text(), "".join(each.html() for each in self.questions))


def predict(prompt, choices, answer, why, key) -> Question:
    """Ask for a prediction; the explanation stays hidden until the reader has chosen.

    prompt : str; words in backticks are shown as code
    choices : mapping from each choice to the reason why it is right or wrong
    answer : the choice that is right
    why : str, the explanation shown after any choice
    key : str, kebab-case, never changed; the reader's first choice is kept under it

    Raises ValueError for fewer than two choices, a choice without a reason, an answer that is not
    a choice, an empty text, or a key that is not kebab-case.

    >>> asked = predict("1 + 1?", {"2": "One more than 1.", "11": "That joins digits."}, "2",
    ...                 "Count on.", "one-and-one")
    >>> print(asked.text())
    1 + 1?
      a) 2 -- right: One more than 1.
      b) 11 -- no: That joins digits.
    Count on.
    """
    if not (isinstance(why, str) and why.strip()):
        raise ValueError(f"why is {why!r}; expected the explanation that follows any choice")
    return _question(prompt, choices, answer, why, key)


def question(prompt, choices, answer, key, why="") -> Question:
    """One question of a :func:`quiz`; arguments and errors are those of :func:`predict`.

    >>> question("Is 2 even?", {"yes": "2 = 2 x 1.", "no": "It is."}, "yes", "two-even").answer
    'yes'
    """
    return _question(prompt, choices, answer, why, key)


def quiz(questions) -> Quiz:
    """Several questions in a row. Raises ValueError for none, or for two of one key.

    >>> q = question("Is 2 even?", {"yes": "2 = 2 x 1.", "no": "It is."}, "yes", "two-even")
    >>> print(quiz([q]).text().splitlines()[0])
    1. Is 2 even?
    """
    questions = tuple(questions)
    keys = [each.key for each in questions]
    if not keys or len(set(keys)) < len(keys):
        raise ValueError(
            f"quiz has keys {keys}; expected at least one question, all keys different"
        )
    return Quiz(questions)


def _question(prompt, choices, answer, why, key):
    if not (isinstance(prompt, str) and prompt.strip()):
        raise ValueError(f"prompt is {prompt!r}; expected a question")
    if not (isinstance(key, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)):
        raise ValueError(f"key is {key!r}; expected kebab-case, such as 'gain-above-one'")
    if not isinstance(choices, Mapping) or len(choices) < 2:
        raise ValueError(
            f"choices of {key!r} is {choices!r}; expected a mapping of at least two choices, each "
            "to its reason"
        )
    for choice, reason in choices.items():
        if not (isinstance(reason, str) and reason.strip()):
            raise ValueError(
                f"choice {choice!r} of {key!r} has no reason; say why it is right or not"
            )
    if answer not in choices:
        raise ValueError(f"answer {answer!r} of {key!r} is not among the choices {list(choices)}")
    return Question(prompt, MappingProxyType(dict(choices)), answer, why, key)


@dataclass(frozen=True)
class Check:
    """The outcome of an exercise: "not yet", "right" or "look again", and a message."""

    name: str
    status: str
    message: str

    def text(self) -> str:
        """The outcome in one line."""
        return f"{self.name}: {self.status}. {self.message}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        tone = self.status.replace(" ", "-")
        return _bundle(
            self.text(),
            f'<p class="sc sc-check sc-{tone}" role="status"><b>{_inline(self.name)}: '
            f"{self.status}.</b> {_inline(self.message)}</p>",
        )


def exercise_check(name, value, expected, tol=1e-6, mistakes=()) -> Check:
    """Compare a reader's answer with the expected one, and name the likely mistake.

    name : str, the exercise
    value : what the reader computed; None or ... means that it is not written yet
    expected : number or array; tol : float, >= 0, the largest difference allowed in any entry
    mistakes : mapping (or pairs, for arrays) from a wrong value, or from a function of the value
        that is true for it, to the message that names the mistake; the first that fits is shown

    Never raises because of the reader's value. Raises ValueError when tol is negative.

    >>> check = exercise_check("slope", 0.2, 2.0, mistakes={0.2: "You forgot 1/beta."})
    >>> print(check.text())
    slope: look again. You forgot 1/beta.
    """
    if not tol >= 0:
        raise ValueError(f"tol is {tol!r}; expected a number >= 0")
    if value is None or value is ...:
        return Check(name, "not yet", "Replace the placeholder and run the cell again.")
    if _close(value, expected, tol):
        return Check(name, "right", "Your value agrees with the expected one.")
    pairs = mistakes.items() if isinstance(mistakes, Mapping) else mistakes
    for wrong, message in pairs:
        if _true_of(wrong, value) if isinstance(wrong, Callable) else _close(value, wrong, tol):
            return Check(name, "look again", message)
    return Check(name, "look again", _difference(value, expected))


def _close(value, expected, tol):
    try:
        value, expected = np.asarray(value, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return False
    return value.shape == expected.shape and bool(np.all(np.abs(value - expected) <= tol))


def _true_of(predicate, value):
    # The reader's value may be anything, so a predicate that cannot take it does not fit.
    try:
        return bool(predicate(value))
    except Exception:
        return False


def _difference(value, expected):
    """Say how a value misses, without giving the answer away."""
    try:
        value, expected = np.asarray(value, dtype=float), np.asarray(expected, dtype=float)
    except (TypeError, ValueError):
        return f"Expected numbers; a {type(value).__name__} came."
    if value.shape != expected.shape:
        return f"The shape is {value.shape}; expected {expected.shape}."
    if not np.all(np.isfinite(value)):
        return "The value is not finite."
    return f"The largest difference is {np.max(np.abs(value - expected)):.2g}."


def _inline(text):
    """Escape a text for HTML; words in backticks become code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _bundle(text, html):
    bundle = {"text/plain": text}
    if output_mode() != "text":
        script = f"<script>{_SCRIPT}</script>" if "data-sc-question" in html else ""
        bundle["text/html"] = style_tag(_CSS) + html + script
    return bundle


# The reasons stand in the page once, in the answer key; the script copies the one that was chosen.
# A browser may refuse storage, and then the first choice lasts as long as the page.
_SCRIPT = """
document.querySelectorAll("[data-sc-question]:not([data-sc-ready])").forEach(root => {
  root.dataset.scReady = "";
  const key = "sevenconditions:" + root.dataset.scQuestion;
  const count = document.querySelectorAll("[data-sc-question][data-sc-ready]").length;
  const find = query => root.querySelector(query), radios = [...root.querySelectorAll("input")];
  const store = change => { try { return change(localStorage); } catch { return null; } };
  const show = i => {
    const item = root.querySelectorAll("li")[i];
    const why = find(".sc-why"), verdict = find(".sc-verdict");
    verdict.innerHTML = item.querySelector(".sc-reason").innerHTML;
    if (why) verdict.append(why.cloneNode(true));
    root.dataset.scAnswered = "";
  };
  radios.forEach((radio, i) => {
    radio.name += "-" + count;
    radio.addEventListener("keydown", event => event.stopPropagation());
    radio.addEventListener("change", () => {
      store(kept => kept.getItem(key) ?? kept.setItem(key, i));
      show(i);
    });
  });
  const first = store(kept => kept.getItem(key));
  if (first !== null && radios[first]) { radios[first].checked = true; show(+first); }
});
"""

_CSS = """
.sc.sc-question{border-left:3px solid var(--sc-muted);padding:.25rem 0 .25rem 1rem}
.sc-question fieldset{border:0;margin:0;padding:0;min-width:0}
.sc-question legend{font-weight:600;font-size:1em;padding:0;margin:0 0 .35rem;float:none;width:auto}
.sc-choice{display:flex;align-items:center;gap:.7rem;min-height:44px;padding:.3rem .5rem;margin:0;
cursor:pointer;border-radius:8px}
.sc-choice:hover{box-shadow:inset 0 0 0 1px var(--sc-grid)}
.sc-choice input{flex:none;width:20px;height:20px;margin:0;accent-color:var(--sc-ink)}
.sc-choice input:focus-visible{outline:2px solid var(--sc-ink);outline-offset:2px}
.sc-verdict{min-height:1.5em;padding:.25rem .5rem;max-width:44em}
.sc-verdict i,.sc-reason i{font-style:normal;font-weight:600}
.sc .sc-why{margin:.35rem 0 0;color:inherit}
.sc-question ul{margin:.25rem 0 0;padding-left:1.25rem}
.sc-question[data-sc-ready]:not([data-sc-answered]) .sc-answers{display:none}
.sc-question code,.sc-check code{font-size:.92em;color:inherit;background:none;border:0;padding:0}
.sc.sc-check{border-left:3px solid var(--sc-muted);padding:.35rem 0 .35rem 1rem}
@media print{.sc-question[data-sc-ready] .sc-answers{display:block!important}
.sc-answers::details-content{content-visibility:visible;display:block}}
"""
