"""The mystery network: one condition is broken, or none, and probes find out which (chapter 10).

A case is drawn from a seed. It hides a network, a rule, and which condition the rule breaks; it
answers a limited number of probes, and says at once whether an accusation is right, and why.
"""

import zlib
from typing import NamedTuple

import numpy as np

from sevenconditions import architecture, budget, checks
from sevenconditions.checks import ConvergenceError
from sevenconditions.gradient import angle_deg
from sevenconditions.network import layered
from sevenconditions.probes import Specimen, entry
from sevenconditions.recipe import CONDITIONS

ANSWERS = (*CONDITIONS, "none")
SIZES = (3, 4, 3, 2)
RUNS = 5  # of `Case.repeat`
_CLEAR = 12.0  # standard deviations of reading by which a mark is seen at a single glance


class Level(NamedTuple):
    """How hard a case is.

    Parameters
    ----------
    budget : int            Probes.
    n_suspects : int        Answers to choose among.
    weakest, strongest : float      Strength of what is broken, as for `budget.violated`.
    error, floor : float    Standard deviation of what a probe reads: relative, and at least.
    mark : float            A culprit changes what its own probe reads by this share or more.
    herrings : float        Share of the cases that hold a red herring.
    """

    budget: int
    n_suspects: int
    weakest: float
    strongest: float
    error: float
    floor: float
    mark: float
    herrings: float

    @property
    def reads(self):
        """How well its probes read, in words."""
        if not self.error:
            return "exactly"
        return f"with an error of {100 * self.error:g} %, or {self.floor:g} where that is more"


LEVELS = {
    1: Level(12, 4, 0.6, 0.9, 0.0, 0.0, 0.15, 0.0),
    2: Level(9, 8, 0.3, 0.5, 0.002, 0.0005, 0.08, 0.0),
    3: Level(7, 8, 0.15, 0.25, 0.005, 0.002, 0.06, 0.4),
}

# What each probe says, from its units and its numbers.
SENTENCES = {
    "perturb": "Push {0}: {1} moves by {2} per unit of current. Push {1}: {0} moves by {3}.",
    "clamp": "Hold the potential of {0} 0.2 above its rest: a moves by {1}; b by {2}; o by {3}.",
    "lesion": "Silence {0}: at rest a moves by {1}; b by {2}; o by {3}.",
    "cut": "Cut {0} to {1}: at rest a moves by {2}; b by {3}; o by {4}.",
    "read_pair": "Weights between {0} and {1}: {2} up, {3} back down.",
    "run_longer": "Update of {0} to {1}: {2} as it is, {3} with four times the time.",
    "change_beta": "Update of {0} to {1}: {2} as it is, {3} with half the beta.",
    "repeat": "Update of {0} to {1}, five times: {2}.",
    "compare_with_states": (
        "Update of {0} to {1}: {2}. Post times pre in its two states, nudged minus free, gives {3}."
    ),
    "compare_with_loss": "Update of {0} to {1}: {2}. Moving the weight, the loss has slope {3}.",
    "whole": "The whole update stands {0} degrees from the gradient of the loss.",
}

# The probe that tells of each condition.
TELLING = {
    "settling": "run_longer", "energy": "perturb", "phases": "repeat", "feedback": "read_pair",
    "contrast": "compare_with_states", "nudging": "change_beta", "architecture": "lesion",
}  # fmt: skip

# For each answer what its probe shows if it is so, and if not.
MEANINGS = {
    "settling": (
        "More time changes the update: its nudged phase is cut short.",
        "More time changes nothing that counts: it rests.",
    ),
    "energy": (
        "Within a layer the responses are not reciprocal, though the weights of a pair agree: "
        "there is no energy.",
        "Even where they differ most, responses within a layer are reciprocal.",
    ),
    "phases": (
        "The same run gives another number each time: the phases are read with noise.",
        "The same run gives the same number each time.",
    ),
    "feedback": (
        "The two weights differ: what comes down is not the transpose of what goes up.",
        "Even where they differ most, the two weights agree.",
    ),
    "contrast": (
        "The update is not what its own two states say: something is added to the contrast.",
        "The update is what its two states say.",
    ),
    "nudging": (
        "A smaller beta changes the update: the nudge is too large.",
        "A smaller beta changes nothing that counts.",
    ),
    "architecture": (
        "A unit above moves those below while nothing is nudged: the free phase is not the "
        "forward pass.",
        "Without that unit those below stay: the free phase is the forward pass.",
    ),
    "none": ("It is the gradient.", "It is not the gradient."),
}

# How a verdict opens: whether "none" was named, and whether that is right.
OPENINGS = {
    (False, True): "Yes, {0}.",
    (False, False): "No, not {0}.",
    (True, True): "Yes, none is broken.",
    (True, False): "No, one is broken.",
}

# Culprit -> the answers whose probe shows something too, and what to ask instead.
NEARLY = {
    "feedback": {"energy": "They differ, and the energy is gone. But why? Read a pair of weights."},
    "phases": dict.fromkeys(
        ("settling", "nudging"), "It changes; but does it also change if you change nothing?"
    ),
}

HERRING = (
    "A red herring: its feedback has gain {0}, and its rule makes up for that. Across layers the "
    "responses differ by that factor for each step; within a layer they agree."
)


class Reading(NamedTuple):
    """What one probe has shown; it prints as a sentence.

    Parameters
    ----------
    probe : str
    where : tuple of str    Names of units.
    values : tuple          Numbers, or some for each layer; all dimensionless.

    Examples
    --------
    >>> Reading("read_pair", ("a1", "b2"), (0.5, 0.25))
    Weights between a1 and b2: 0.500 up, 0.250 back down.
    """

    probe: str
    where: tuple
    values: tuple

    @property
    def shown(self):
        """The numbers as text."""
        digits = 1 if self.probe == "whole" else 4 if self.probe in _OF_UPDATES else 3
        values = (self.values,) if self.probe == "repeat" else self.values
        return tuple(", ".join(_number(v, digits) for v in np.ravel(part)) for part in values)

    def __str__(self):
        return SENTENCES[self.probe].format(*self.where, *self.shown)

    __repr__ = __str__


_OF_UPDATES = (
    "run_longer", "change_beta", "repeat", "compare_with_states", "compare_with_loss",
)  # fmt: skip


def _number(value, digits):
    """A number with a true minus sign, and no sign on nothing."""
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "\u2212")


class Verdict(NamedTuple):
    """Whether an accusation is right, and the reason, with the numbers of this very network.

    Parameters
    ----------
    accused : str
    right : bool
    evidence : Reading      By the probe that tells, where it tells most; without reading error.
    meaning : str
    aside : str             What else could mislead in this case; told with the right answer.

    Examples
    --------
    >>> Verdict("feedback", True, Reading("read_pair", ("a1", "b2"), (0.5, 0.2)), "They differ.")
    Yes, feedback. Weights between a1 and b2: 0.500 up, 0.200 back down. They differ.
    """

    accused: str
    right: bool
    evidence: Reading
    meaning: str
    aside: str = ""

    def __str__(self):
        opening = OPENINGS[self.accused == "none", self.right].format(self.accused)
        return f"{opening} {self.evidence} {self.meaning} {self.aside}".rstrip()

    __repr__ = __str__


def mystery(seed, level=1):
    """Draw a mystery network: a `Case`, whose culprit is hidden.

    Parameters
    ----------
    seed : int              Any; the same one gives the same case.
    level : int             1: strong, four suspects; 2: all eight answers; 3: weak, few probes,
        which read with an error, and sometimes a red herring.

    Returns
    -------
    Case

    Raises
    ------
    ValueError
        If seed is not a whole number or there is no such level.

    Examples
    --------
    >>> case = mystery(seed=4, level=1)
    >>> case.left, case.run_longer().probe, case.left
    (12, 'run_longer', 11)
    """
    if level not in LEVELS:
        raise ValueError(f"level: got {level!r}, expected one of {', '.join(map(str, LEVELS))}")
    return Case(checks.whole_number("seed", seed, at_least=-np.inf), level)


class Case:
    """One mystery network: it answers probes while the budget lasts, and judges accusations.

    Made by `mystery`. Units are ``x1`` to ``x3`` (inputs), ``a1`` to ``a4``, ``b1`` to ``b3``
    (hidden, lower and upper) and ``o1``, ``o2`` (outputs). Probes of the state wait until it
    rests; probes of the update run the rule's own phases. Each returns a `Reading`, costs one, and
    raises ValueError when none is left, if a name is unknown, or if there is no such connection.
    Where a connection may be named and is not, it is the one along which the loss is steepest.

    Examples
    --------
    >>> case = mystery(seed=4, level=2)
    >>> there, back = case.perturb("b1", "o1").values
    >>> len(case.log), case.left
    (1, 8)
    """

    def __init__(self, seed, level):
        self.seed, self.level, self.log = seed, level, ()
        self._hidden = _drawn(seed, level)
        self._it = self._hidden.specimen

    @property
    def suspects(self):
        """The answers among which the culprit is."""
        return self._hidden.suspects

    @property
    def units(self):
        """The names of all units."""
        return self._it.units

    @property
    def left(self):
        """Probes left."""
        return LEVELS[self.level].budget - len(self.log)

    def steepest(self, n=1):
        """The n connections below the top layer along which the loss is steepest, as names."""
        return self._it.steepest(n)

    def __repr__(self):
        level = LEVELS[self.level]
        lines = [
            f"Case {self.seed}, level {self.level}: units {', '.join(self.units)}.",
            f"Suspects: {', '.join(self.suspects)}.",
            f"{self.left} of {level.budget} probes left; they read {level.reads}.",
        ]
        return "\n".join([*lines, *map(str, self.log)])

    # --- probes of the network at rest ---

    def perturb(self, first, second):
        """Push one unit and read another, then the reverse. Neither is an input."""
        return self._ask("perturb", (first, second))

    def clamp(self, unit):
        """Hold the potential of a unit 0.2 above its rest, and read how far all rates move."""
        return self._ask("clamp", (unit,))

    def lesion(self, unit, target=None):
        """Silence a unit, or cut the connection from it to a target above or below.

        A connection that goes down is feedback. Read is how far the free rates move.
        """
        return self._ask("lesion", (unit,)) if target is None else self._ask("cut", (unit, target))

    def read_pair(self, lower, upper):
        """Read the two weights between two units: forward and feedback."""
        return self._ask("read_pair", (lower, upper))

    # --- probes of the update that the rule makes ---

    def run_longer(self, lower=None, upper=None):
        """The update of one weight as it is, and with four times the time for its phases."""
        return self._ask("run_longer", self._connection(lower, upper))

    def change_beta(self, lower=None, upper=None):
        """The update of one weight as it is, and with half the nudging strength."""
        return self._ask("change_beta", self._connection(lower, upper))

    def repeat(self, lower=None, upper=None):
        """The update of one weight, five times with nothing changed."""
        return self._ask("repeat", self._connection(lower, upper))

    def compare_with_states(self, lower=None, upper=None):
        """The update of one weight, and the contrast of the two states that the rule has read."""
        return self._ask("compare_with_states", self._connection(lower, upper))

    def compare_with_loss(self, lower=None, upper=None):
        """The update of one weight, and the slope of the loss found by moving that weight."""
        return self._ask("compare_with_loss", self._connection(lower, upper))

    # --- verdicts ---

    def accuse(self, suspect):
        """Name the culprit, or "none".

        Returns
        -------
        Verdict
            With the probe that tells of this suspect, where it tells most on this network.

        Raises
        ------
        ValueError
            If it is not among the suspects.
        """
        if suspect not in self.suspects:
            raise ValueError(
                f"suspect: got {suspect!r}, expected one of {', '.join(self.suspects)}"
            )
        return _judged(self._hidden, suspect)

    def reveal(self):
        """Give up: the verdict on the true culprit."""
        return _judged(self._hidden, self._hidden.culprit)

    # --- how ---

    def _connection(self, lower, upper):
        if lower is None and upper is None:
            return self.steepest()[0]
        return lower, upper

    def _ask(self, probe, where):
        if self.left <= 0:
            raise ValueError(
                f"budget: all {LEVELS[self.level].budget} probes are spent. Read case.log, accuse "
                f"one of {', '.join(self.suspects)}, or draw a new case with another seed"
            )
        asked = sum((each.probe, each.where) == (probe, where) for each in self.log)
        self.log += (answer(self, probe, where, asked),)
        return self.log[-1]


class _Hidden(NamedTuple):
    """What a case does not show."""

    specimen: Specimen
    culprit: str
    suspects: tuple
    herring: float | None  # gain of the feedback, where that is a red herring
    seed: int
    level: int


def answer(case, probe, where, asked=0):
    """What a case answers to a probe, whatever it has left: for those who print cases.

    Parameters
    ----------
    case : Case
    probe : str             One of `SENTENCES`.
    where : tuple of str    Names of units.
    asked : int             How often the same has been asked before; each time is read anew.

    Returns
    -------
    Reading

    Raises
    ------
    ValueError
        As the probe of the case.

    Examples
    --------
    >>> case = mystery(seed=4, level=3)
    >>> str(answer(case, "clamp", ("a1",))) == str(case.clamp("a1"))
    True
    """
    rng = _generator(case.seed, case.level, probe, *where, asked)
    exact = measured(case._it, probe, where, rng)
    return exact._replace(values=_misread(exact.values, LEVELS[case.level], rng))


def measured(specimen, probe, where, rng):
    """What a probe reads, without reading error.

    Parameters
    ----------
    specimen : Specimen
    probe : str             One of `SENTENCES`.
    where : tuple of str    Names of units.
    rng : numpy.random.Generator    For rules that read with noise.

    Returns
    -------
    Reading

    Raises
    ------
    ValueError
        If a name is unknown, or there is no such connection.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 2, 1), rng=np.random.default_rng(0))
    >>> it = Specimen(net, np.array([[1.0, 0.5]]), np.array([[0.2]]), sc.ALL_HOLD)
    >>> up, down = measured(it, "read_pair", ("a1", "o1"), np.random.default_rng(0)).values
    >>> up == down
    True
    """
    return Reading(probe, where, _MEASURES[probe](specimen, where, rng))


def _two_updates(other):
    """The measure of one weight's update, as it is and otherwise."""

    def measure(specimen, where, rng):
        at = specimen.connection(*where)
        return entry(specimen.update(rng), at), entry(other(specimen, rng), at)

    return measure


def _repeated(specimen, where, rng):
    at = specimen.connection(*where)
    return tuple(entry(specimen.update(rng), at) for _ in range(RUNS))


def _with_states(specimen, where, rng):
    at = specimen.connection(*where)
    return tuple(entry(found, at) for found in specimen.update_and_contrast(rng))


def _with_loss(specimen, where, rng):
    at = specimen.connection(*where)
    return entry(specimen.update(rng), at), specimen.slope(*where)


def _whole(specimen, where, rng):
    return (angle_deg(specimen.update(rng), specimen.gradient),)


_MEASURES = {
    "perturb": lambda specimen, where, rng: specimen.perturb(*where),
    "clamp": lambda specimen, where, rng: specimen.clamp(*where),
    "lesion": lambda specimen, where, rng: specimen.lesion(*where),
    "cut": lambda specimen, where, rng: specimen.lesion(*where),
    "read_pair": lambda specimen, where, rng: specimen.weight_pair(*where),
    "run_longer": _two_updates(Specimen.longer_update),
    "change_beta": _two_updates(Specimen.gentler_update),
    "repeat": _repeated,
    "compare_with_states": _with_states,
    "compare_with_loss": _with_loss,
    "whole": _whole,
}


def _misread(value, level, rng):
    """A number, or several of them, as a probe reads it."""
    if isinstance(value, tuple):
        return tuple(_misread(each, level, rng) for each in value)
    if not level.error:
        return value
    return value + max(level.error * abs(value), level.floor) * float(rng.standard_normal())


def _generator(seed, level, *what):
    """Randomness that depends on what is asked, not on what was asked before."""
    named = zlib.crc32(" ".join(map(str, what)).encode())
    return np.random.default_rng([abs(seed), int(seed < 0), level, named])


def _drawn(seed, level):
    """Draw a case until its culprit shows in its own probe as much as the level asks."""
    rng, rule = _generator(seed, level, "draw"), LEVELS[level]
    culprit = ANSWERS[rng.integers(len(ANSWERS))]
    others = rng.permutation([name for name in ANSWERS if name != culprit])
    among = {culprit, *others[: rule.n_suspects - 1]}
    suspects = tuple(name for name in ANSWERS if name in among)
    herring = rng.uniform(0.5, 0.7) if rng.random() < rule.herrings else None
    while True:
        specimen = _specimen(rng, rule, culprit, herring)
        hidden = _Hidden(specimen, culprit, suspects, herring, seed, level)
        try:
            if _is_fair(hidden):
                return hidden
        except ConvergenceError:
            continue  # this one does not come to rest


def _specimen(rng, rule, culprit, herring):
    net = layered(SIZES, gain=1.0, bias=0.2, rng=rng)
    x, y = rng.standard_normal((1, SIZES[0])), rng.standard_normal((1, SIZES[-1]))
    strength = rng.uniform(rule.weakest, rule.strongest)
    broken = {} if culprit == "none" else {culprit: strength}
    recipe = budget.violated(broken, seed=int(rng.integers(2**31)))
    if herring is not None:
        kept = recipe.architecture(net).cancellation
        weak = architecture.weak_feedback(herring, cancellation=kept)
        recipe = recipe._replace(architecture=weak)
    return Specimen(net, x, y, recipe)


# --- what the probe of a condition shows, and where it shows most ---


def _places(specimen, condition):
    """Where the probe of a condition may be put."""
    layers = [[u for u in specimen.units if u[0] == letter] for letter in "abo"]
    lower, upper, outputs = layers
    if condition == "energy":
        return [(u, v) for layer in (lower, upper) for i, u in enumerate(layer) for v in layer[:i]]
    if condition == "feedback":
        return [(u, v) for u in lower for v in upper] + [(u, v) for u in upper for v in outputs]
    if condition == "architecture":
        return [(u,) for u in (*upper, *outputs)]
    return specimen.steepest(6)


def _mark(reading):
    """How much a reading shows: about 0 where the condition of its probe holds."""
    if reading.probe == "lesion":  # what moves below the unit
        below = reading.values[: 1 if reading.where[0][0] == "b" else 2]
        return float(max(np.abs(part).max() for part in below))
    return float(np.ptp(reading.values))


def _readings(hidden, condition):
    probe = TELLING[condition]
    for where in _places(hidden.specimen, condition):
        rng = _generator(hidden.seed, hidden.level, "verdict", *where)
        yield measured(hidden.specimen, probe, where, rng)


def _is_fair(hidden):
    """Whether the culprit shows at two places of three, the usual one among them, over the error.

    A reader then needs no luck; who asks twice has nearly always seen it.
    """
    level = LEVELS[hidden.level]
    if hidden.culprit == "none":
        return True
    readings = list(_readings(hidden, hidden.culprit))
    marks = np.array([_mark(reading) for reading in readings])
    largest = [max(np.abs(np.ravel(v)).max() for v in reading.values) for reading in readings]
    # an update or a weight changes by a share of itself; a response or a rate moves from nothing
    sizes = np.array(largest) if hidden.culprit not in ("energy", "architecture") else 0.25
    needed = np.maximum(level.mark * sizes, _CLEAR * np.maximum(level.error * sizes, level.floor))
    tells = marks >= needed
    return bool(tells.mean() >= 2 / 3 and (tells[0] or hidden.culprit in ("energy", "feedback")))


def _judged(hidden, suspect):
    right = suspect == hidden.culprit
    if suspect == "none":
        rng = _generator(hidden.seed, hidden.level, "verdict")
        evidence, meaning = measured(hidden.specimen, "whole", (), rng), MEANINGS["none"][not right]
    else:
        evidence = max(_readings(hidden, suspect), key=_mark)
        near = NEARLY.get(hidden.culprit, {}).get(suspect)
        meaning = near or MEANINGS[suspect][not right]
    told = right and hidden.herring is not None
    aside = HERRING.format(_number(hidden.herring, 2)) if told else ""
    return Verdict(suspect, right, evidence, meaning, aside)
