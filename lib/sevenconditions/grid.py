"""A grid of audits: every setting of some dials, on every one of some networks, in one call.

The audits of one network run together, in groups: what they have in common is found once, and their
nudged phases settle as rows of one batch. Groups are the same whatever runs them, so neither the
number of processes nor an interruption changes a digit.
"""

import json
import os
import threading
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from numbers import Number
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.audit import Comparison, Condition, Report, audit
from sevenconditions.budget import foreseen
from sevenconditions.checks import ConvergenceError
from sevenconditions.memory import Memory
from sevenconditions.nudging import Nudging
from sevenconditions.progress import bar
from sevenconditions.recipe import ALL_HOLD, CONDITIONS, Recipe, described
from sevenconditions.stacking import settle_together
from sevenconditions.table import Table

FORMAT = "sevenconditions sweep 1"
_AT_ONCE = 32  # audits in a group: more would share little more, and be kept later
_OF_A_FREE_PHASE = ("architecture", "feedback", "energy", "settling")
_TURN = threading.Lock()  # warnings are caught for a whole process: its threads take turns


def sweep(
    make,
    dials,
    *,
    seeds,
    recipe=ALL_HOLD,
    against=None,
    tolerance=0.01,
    n_jobs=None,
    progress=None,
    resume=None,
):
    r"""Audit every combination of some dials on every seed.

    Each report is that of ``audit(net, x, y, recipe, rng=np.random.default_rng([seed, 3]))``, to
    rounding. Where an audit finds no equilibrium, that is noted, and the others go on.

    Parameters
    ----------
    make : callable
        seed -> (net, x, y), or (net, x, y, recipe). A dial that is no slot is handed to it by its
        name, as in ``make(seed, gain=0.5)``.
    dials : mapping
        Name -> values, a sequence, or a mapping of what to call each value to the value. The name
        of a condition sets that slot; "recipe" takes what `audit` takes, such as all of `zoo.ZOO`.
    seeds : sequence of int >= 0
    recipe : Recipe, entry of the zoo, or callable      What the slots are set in.
    against, tolerance : as for `audit`
    n_jobs : int or None
        How many processes; None is one, or what `joblib.parallel_config` says.
    progress : bool or None     None: a bar where somebody watches, a terminal or a live notebook.
    resume : path or None
        A file that keeps each group as soon as it is done. What it holds already is not audited
        again. It knows your functions by name: when you change one, take another file.

    Returns
    -------
    Table
        An interruption, or any other error, is raised again; its attribute `table` holds what was
        done, and a note says how to go on.

    Raises
    ------
    ValueError
        If a dial or a seed does not fit, make returns something else, an audit refuses what it is
        given, or `resume` is damaged or belongs to another sweep.

    Breaks when
    -----------
    A function of yours is not pure: what it has answered once it is not asked again.

    Examples
    --------
    >>> from sevenconditions import layered, nudging
    >>> def make(seed):
    ...     rng = np.random.default_rng(seed)
    ...     return layered((3, 4, 2), rng=rng), rng.standard_normal((5, 3)), np.zeros((5, 2))
    >>> nudges = {beta: nudging.one_sided(beta) for beta in (0.01, 0.1)}
    >>> table = sweep(make, {"nudging": nudges}, seeds=range(3))
    >>> np.median(table.values("relative_error"), axis=1).round(3).tolist()
    [0.011, 0.098]
    """
    from joblib import Parallel, delayed

    grid = _Grid(
        make, _named(dials), _distinct(seeds), recipe, against,
        checks.number("tolerance", tolerance, above=0),
    )  # fmt: skip
    results = {} if resume is None else _read(resume, grid)
    missing = [group for group in grid.groups() if not set(group.places) <= results.keys()]
    run = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    found = run(delayed(_audited)(make, group, against, grid.tolerance) for group in missing)
    try:
        with bar(progress, total=grid.size, done=len(results), name="sweep") as shown:
            for group in found:
                results |= group
                if resume is not None:
                    _append(resume, group)
                if shown is not None:
                    shown.update(len(group))
    except (Exception, KeyboardInterrupt) as stop:
        found.close()
        stop.table = grid.table(results)
        stop.add_note(_how_to_go_on(len(results), grid.size, resume))
        raise
    return grid.table(results)


# --- The grid -----------------------------------------------------------------------------------


class _Grid(NamedTuple):
    make: object
    dials: dict  # name -> what a value is called -> value
    seeds: tuple
    recipe: object
    against: str | None
    tolerance: float

    @property
    def shape(self):
        return (*map(len, self.dials.values()), len(self.seeds))

    @property
    def size(self):
        return int(np.prod(self.shape))

    def groups(self):
        """All groups, each with what shares a free phase side by side."""
        names = list(self.dials)
        late = [name in CONDITIONS and name not in _OF_A_FREE_PHASE for name in names]
        order = sorted(range(len(names)), key=late.__getitem__)
        places = sorted(np.ndindex(self.shape[:-1]), key=lambda place: [place[i] for i in order])
        values = [list(each.values()) for each in self.dials.values()]
        rule = _Sent.of(self.recipe)
        for at, seed in enumerate(self.seeds):
            for first in range(0, len(places), _AT_ONCE):
                chosen = places[first : first + _AT_ONCE]
                settings = tuple(
                    {n: _Sent.of(v[i]) for n, v, i in zip(names, values, place, strict=True)}
                    for place in chosen
                )
                yield _Group(seed, tuple((*place, at) for place in chosen), settings, rule)

    def table(self, results):
        """What has been found so far, as it is given out."""
        reports = np.full(self.shape, None, dtype=object)
        failures = {place: found for place, found in results.items() if isinstance(found, str)}
        for place in results.keys() - failures.keys():
            reports[place] = results[place]
        reports.setflags(write=False)
        labels = {name: tuple(values) for name, values in self.dials.items()}
        return Table(labels, self.seeds, reports, dict(sorted(failures.items())))

    def described(self):
        """What tells this grid from another, as plain data."""
        dials = {
            name: [f"{label}: {_text(name, value)}" for label, value in values.items()]
            for name, values in self.dials.items()
        }
        return {
            "dials": dials,
            "seeds": list(self.seeds),
            "recipe": _text("recipe", self.recipe),
            "make": getattr(self.make, "__name__", type(self.make).__name__),
            "against": self.against,
            "tolerance": self.tolerance,
        }


class _Group(NamedTuple):
    """Audits that run together, all of one seed."""

    seed: int
    places: tuple  # in the grid: an index for each dial, then that of the seed
    settings: tuple  # of each audit: name of the dial -> value
    recipe: object


class _Sent(NamedTuple):
    """A value on its way to another process: what is ALL_HOLD's own is so there too."""

    value: object
    changed: dict | None = None

    @classmethod
    def of(cls, value):
        slots = getattr(value, "estimate", value)
        if not isinstance(slots, Recipe):
            own = [name for name in CONDITIONS if value is getattr(ALL_HOLD, name)]
            return cls(None, {own[0]: True}) if own else cls(value)
        pairs = zip(CONDITIONS, slots, ALL_HOLD, strict=True)
        changed = {name: mine for name, mine, usual in pairs if mine is not usual}
        return cls(None if slots is value else value, {"recipe": changed})

    def arrived(self):
        """The value, as it was."""
        if self.changed is None:
            return self.value
        if "recipe" not in self.changed:
            return getattr(ALL_HOLD, next(iter(self.changed)))
        slots = ALL_HOLD._replace(**self.changed["recipe"])
        return slots if self.value is None else replace(self.value, estimate=slots)


def _named(dials):
    """The values of each dial by what they are called."""
    if not isinstance(dials, Mapping) or not dials:
        raise ValueError(
            f"dials: got {dials!r}, expected a mapping of names to values, such as "
            '{"nudging": [nudging.centered(1e-3), nudging.centered(1e-2)]}'
        )
    named = {}
    for name, values in dials.items():
        several = hasattr(values, "__iter__") and not isinstance(values, str | Recipe)
        if not isinstance(name, str) or not several:
            raise ValueError(
                f"dials[{name!r}]: got {values!r}, expected a name and several values, in a list "
                "or in a mapping of what to call each value to the value"
            )
        if not isinstance(values, Mapping):
            values = _with_labels(name, [v.item() if isinstance(v, np.generic) else v
                                         for v in values])  # fmt: skip
        if not values:
            raise ValueError(f"dials[{name!r}]: got no values, expected at least one")
        named[name] = dict(values)
    return named


def _with_labels(name, values):
    named = {}
    for value in values:
        label = value if isinstance(value, Number | str) else _short(name, value)
        count = 2
        while label in named:  # lambdas are all called the same
            label, count = f"{_short(name, value)} ({count})", count + 1
        named[label] = value
    return named


def _short(name, value):
    """What a value is called."""
    if name in CONDITIONS:
        words = described(ALL_HOLD._replace(**{name: value}))
        return words.removeprefix(f"recipe({name}=").removesuffix(")") if "=" in words else "usual"
    return getattr(value, "name", getattr(value, "__name__", type(value).__name__))


def _text(name, value):
    """A value in words that do not change from one run to the next, with all digits."""
    slots = getattr(value, "estimate", value)
    if isinstance(slots, Recipe):
        named = "" if slots is value else f"{value.name}: "
        return f"{named}{described(slots)}, {slots.nudging}"
    if isinstance(value, Nudging | Number | str):
        return str(value)
    return _short(name, value)


def _distinct(seeds):
    """The seeds as whole numbers, each once."""
    if not hasattr(seeds, "__iter__"):
        raise ValueError(f"seeds: got {seeds!r}, expected several, as in range(20)")
    seeds = tuple(checks.whole_number(f"seeds[{i}]", seed) for i, seed in enumerate(seeds))
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds: got {seeds!r}, expected at least one, and each of them once")
    return seeds


# --- One group, in whatever process -------------------------------------------------------------


def _audited(make, group, against, tolerance):
    """Place -> report of each audit of a group; a text where there was no equilibrium."""
    with _TURN:
        memory, made, rules = Memory(), {}, []
        for place, setting in zip(group.places, group.settings, strict=True):
            with _at(setting, group.seed):
                rules.append(_problem(make, group, place, setting, made))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each audit remarks what belongs to it
            settle_together(_foreseen(rules, memory), memory)
        options = {"against": against, "tolerance": tolerance, "memory": memory}
        found = {}
        for problem, place, setting in zip(rules, group.places, group.settings, strict=True):
            with _at(setting, group.seed):
                found[place] = _one(problem, group.seed, options)
        return found


def _problem(make, group, place, setting, made):
    """net, x, y and rule of one audit."""
    setting = {name: sent.arrived() for name, sent in setting.items()}
    rule = setting.pop("recipe", None)
    slots = {name: setting.pop(name) for name in CONDITIONS if name in setting}
    key = tuple(i for i, name in zip(place, group.settings[0], strict=False) if name in setting)
    if key not in made:
        made[key] = make(group.seed, **setting)
    parts = made[key]
    if not isinstance(parts, tuple) or len(parts) not in (3, 4):
        raise ValueError(
            f"make: it returned {type(parts).__name__}, expected (net, x, y), or (net, x, y, "
            "recipe) with a recipe of its own"
        )
    if rule is None:
        rule = parts[3] if len(parts) == 4 else group.recipe.arrived()
    return *parts[:3], _tuned(rule, slots)


def _tuned(rule, slots):
    """The rule with some slots set."""
    if not slots:
        return rule
    if isinstance(rule, Recipe):
        return rule._replace(**slots)
    if not hasattr(rule, "tuned"):
        raise ValueError(
            f"dials: got {', '.join(slots)} for a rule without slots, expected a Recipe to set "
            "them in; hand such a dial to make under another name, or sweep over recipe itself"
        )
    return rule.tuned(**slots)


def _foreseen(problems, memory):
    """All runs of a group, as far as they can be told before."""
    for net, x, y, rule in problems:
        slots = getattr(rule, "estimate", rule)
        if isinstance(slots, Recipe):
            try:
                x, y, _ = dynamics.as_input(net, x, y)
                yield from foreseen(net, x, y, slots, memory)
            except Exception:  # the audit itself will say it, of the very setting
                continue


def _one(problem, seed, options):
    try:
        return audit(*problem, rng=np.random.default_rng([seed, 3]), **options)
    except ConvergenceError as failure:
        return str(failure)


@contextmanager
def _at(setting, seed):
    """Add to any error which audit it stopped."""
    try:
        yield
    except Exception as error:
        words = [f"{n} = {_text(n, sent.arrived())}" for n, sent in setting.items()]
        error.add_note(f"This happened in the audit with {', '.join(words)}, seed {seed}.")
        raise


# --- Kept and resumed ---------------------------------------------------------------------------


def _read(path, grid):
    """The results that a file holds; a new file if there is none."""
    path = Path(path)
    if not path.resolve().parent.is_dir():
        raise ValueError(f"resume: got {str(path)!r}, expected a file in a folder that exists")
    head, results = json.dumps({"format": FORMAT} | grid.described()), {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if lines:
        _refuse_another(path, lines[0], head)
    whole = [line for line in lines[1:] if line.endswith("\n")]  # the last may have been cut off
    try:
        for line in whole:
            for place, kept in json.loads(line):
                results[tuple(place)] = kept if isinstance(kept, str) else _restored(kept)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"resume: {str(path)!r} is damaged ({error}); take another file"
        ) from error
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    unfinished.write_text("".join([head + "\n", *whole]), encoding="utf-8")
    os.replace(unfinished, path)
    return results


def _append(path, found):
    """Keep a group: one line, on the disk before anything else happens."""
    line = json.dumps([(place, kept if isinstance(kept, str) else _kept(asdict(kept)))
                       for place, kept in found.items()])  # fmt: skip
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _refuse_another(path, line, head):
    try:
        before, now = json.loads(line), json.loads(head)
        known = before.get("format") == FORMAT
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise ValueError(f"resume: {str(path)!r} holds no sweep; take another file")
    other = [f"{name} = {before.get(name)}, now {now[name]}"
             for name in now if before.get(name) != now[name]]  # fmt: skip
    if other:
        raise ValueError(
            f"resume: {str(path)!r} belongs to a sweep with {'; '.join(other)}: give the same as "
            "then, or take another file"
        )


def _kept(value):
    """A report as JSON holds it: numbers that are not finite by their names."""
    if isinstance(value, dict):
        return {name: _kept(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_kept(part) for part in value]
    value = value.item() if isinstance(value, np.generic) else value
    return value if not isinstance(value, float) or np.isfinite(value) else {"float": str(value)}


def _restored(kept):
    """The report that was kept."""
    kept = _with_floats(kept)
    kept["layers"] = tuple(Comparison(**layer) for layer in kept["layers"])
    kept["conditions"] = tuple(Condition(**row) for row in kept["conditions"])
    return Report(**kept | {"remarks": tuple(kept["remarks"])})


def _with_floats(kept):
    if isinstance(kept, list):
        return [_with_floats(part) for part in kept]
    if not isinstance(kept, dict):
        return kept
    if kept.keys() == {"float"}:
        return float(kept["float"])
    return {name: _with_floats(part) for name, part in kept.items()}


def _how_to_go_on(done, total, resume):
    found = f"{done} of {total} audits were done; the attribute `table` of this error holds them."
    if resume is None:
        return f'{found} Give resume="sweep.jsonl" to be able to go on another time.'
    return f"{found} The same call goes on from {str(resume)!r}."
