"""The zoo: the field's algorithms by name, each a recipe or, marked as such, something else.

Where an algorithm is a choice of seven slots it is a `Recipe`. Where it is a schedule that never
rests, a dynamics with other state variables, or feedback that learns by itself, its entry says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from sevenconditions import (
    architecture,
    compartments,
    contrast,
    exact,
    feedback,
    nudging,
    phases,
    predictive,
    settling,
    targets,
)
from sevenconditions.energy import repaired
from sevenconditions.recipe import ALL_HOLD, CONDITIONS, Recipe


class Kind(StrEnum):
    """What an entry is."""

    RECIPE = "a recipe of seven slots"
    LEARNED_FEEDBACK = "a recipe whose feedback learns by a dynamics of its own"
    OWN_DYNAMICS = "a dynamics of its own: other states, or another path for the error"
    SCHEDULE = "a schedule: read before, or without, an equilibrium of its energy"
    REFERENCE = "a reference: the gradient itself, by calculus"


@dataclass(frozen=True)
class Entry:
    """An algorithm, usable wherever a recipe is.

    Parameters
    ----------
    name : str
    estimate : Recipe, or callable (net, x, y) -> Gradient
    kind : Kind
    keeps : tuple of str        The conditions that it meets by design, in the order of chapters.
    source : str                Where it was published.
    note : str                  What is particular about it here.
    against : str
        The gradient it aims at, "backprop" or the network's own, "equilibrium".
    network : callable Network -> Network, or None
        The network whose equilibrium an entry without slots belongs to.
    settled : bool or None      Whether training measures the equilibrium; None: see `learning`.
    prepare : callable (net, rng) -> Network, or None
        What changes in the network before training, such as feedback that is drawn at random.
    follow : callable (before, after, x, *, decay, rng) -> Network, or None
        What changes in the feedback after each training step.

    Examples
    --------
    >>> ZOO["feedback_alignment"].keeps
    ('settling', 'phases', 'contrast', 'nudging', 'architecture')
    """

    name: str
    estimate: Recipe | Callable
    kind: Kind
    keeps: tuple
    source: str
    note: str = ""
    against: str = "backprop"
    network: Callable | None = None
    settled: bool | None = None
    prepare: Callable | None = None
    follow: Callable | None = None

    def tuned(self, **slots):
        """The same algorithm with some slots of its recipe changed.

        Raises
        ------
        ValueError
            If this entry has no slots, or not these.

        Examples
        --------
        >>> from sevenconditions.nudging import centered
        >>> ZOO["equilibrium_propagation"].tuned(nudging=centered(0.5)).estimate.nudging.span
        1.0
        """
        if not isinstance(self.estimate, Recipe):
            raise ValueError(f"{self.name}: it is {self.kind.value}, expected a recipe to change")
        if unknown := sorted(set(slots) - set(CONDITIONS)):
            raise ValueError(f"slots: got {unknown}, expected some of {', '.join(CONDITIONS)}")
        return replace(self, estimate=self.estimate._replace(**slots))


class _Zoo(dict):
    """Names to entries; a name that is not there is answered with those that are."""

    def __missing__(self, name):
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(self)}")


def _but(*broken):
    return tuple(name for name in CONDITIONS if name not in broken)


def _random_start(net, rng):
    return feedback.random(seed=int(rng.integers(2**31)))(net)


def _follow_kolen_pollack(before, after, x, *, decay, rng):
    return feedback.kolen_pollack(before, after, decay=decay)


def _follow_weight_mirror(before, after, x, *, decay, rng):
    carried = after.replace(feedback=before.feedback)
    return feedback.weight_mirror(carried, n_samples=len(x), rate=0.05, rng=rng)


def _recurrent_backprop(net, x, y):
    return exact.recurrent_backprop(_own(net), x, y, tied=True)


def _bptt(net, x, y):
    return exact.bptt(_own(net), x, y, n_steps=60, tied=True)


def _matched(net):
    return feedback.transposed(architecture.matched(net))


def _own(net):
    return feedback.transposed(architecture.hopfield(net))


_HOPFIELD = ALL_HOLD._replace(architecture=architecture.hopfield)
_LIMIT = ALL_HOLD._replace(nudging=nudging.infinitesimal())
_ALMEIDA_PINEDA = "Almeida 1987, IEEE First ICNN; Pineda 1987, Phys. Rev. Lett. 59:2229-2232"
_EP = "Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24"
_FROM_GIVEN = "Uses the network's own feedback matrices; training starts them at random."

_ENTRIES = (
    Entry(
        "backprop", exact.backprop, Kind.REFERENCE, CONDITIONS,
        "Rumelhart, Hinton & Williams 1986, Nature 323:533-536",
    ),
    Entry(
        "recurrent_backprop", _recurrent_backprop, Kind.REFERENCE, _but("architecture"),
        _ALMEIDA_PINEDA, "Implicit differentiation at the Hopfield equilibrium, weights tied.",
        against="equilibrium", network=_own, settled=True,
    ),
    Entry(
        "bptt", _bptt, Kind.REFERENCE, _but("architecture"),
        "Werbos 1990, Proc. IEEE 78:1550-1560",
        "60 Euler steps of the Hopfield network from silence, unrolled: rest, if loops are weak.",
        against="equilibrium", network=_own, settled=True,
    ),
    Entry(
        "equilibrium_propagation", _HOPFIELD._replace(nudging=nudging.centered(1e-3)), Kind.RECIPE,
        _but("architecture"),
        "Laborieux et al. 2021, Front. Neurosci. 15:633674", "Two opposite nudges.",
        against="equilibrium",
    ),
    Entry(
        "equilibrium_propagation_one_sided", _HOPFIELD._replace(nudging=nudging.one_sided(1e-3)),
        Kind.RECIPE, _but("architecture"), _EP, "A free and one nudged phase.",
        against="equilibrium",
    ),
    Entry(
        "holomorphic_equilibrium_propagation",
        _HOPFIELD._replace(settling=settling.exact(), nudging=nudging.holomorphic(0.02, 8)),
        Kind.RECIPE, _but("architecture"), "Laborieux & Zenke 2022, NeurIPS, arXiv:2209.00530",
        "Eight nudges on a circle in the complex plane.", against="equilibrium",
    ),
    Entry(
        "asymmetric_equilibrium_propagation",
        _HOPFIELD._replace(
            energy=repaired, feedback=feedback.as_given, nudging=nudging.centered(1e-4)
        ),
        Kind.RECIPE, _but("feedback", "architecture"),
        "Scurria, Vanden Abeele, Mognetti & Massar 2026, arXiv:2602.03670",
        "Any feedback matrices: the nudged phases run in the mirrored network.",
        against="equilibrium",
    ),
    Entry(
        "contrastive_hebbian", _HOPFIELD._replace(nudging=nudging.clamped()), Kind.RECIPE,
        _but("nudging", "architecture"),
        "Movellan 1991, Proc. 1990 Connectionist Models Summer School", "The output is clamped.",
        against="equilibrium",
    ),
    Entry(
        "contrastive_hebbian_weak_feedback",
        _HOPFIELD._replace(
            nudging=nudging.clamped(), architecture=architecture.weak_feedback(1e-3)
        ),
        Kind.RECIPE, CONDITIONS, "Xie & Seung 2003, Neural Comput. 15:441-454",
        "Clamped, but feedback is so weak that the equilibrium is almost the forward pass.",
    ),
    Entry(
        "predictive_coding", ALL_HOLD._replace(nudging=nudging.centered(1e-3)), Kind.RECIPE,
        CONDITIONS, "Whittington & Bogacz 2017, Neural Comput. 29:1229-1262",
        "In the lifted energy; the quadratic one (module predictive) agrees to first order.",
    ),
    Entry(
        "predictive_coding_clamped", ALL_HOLD._replace(nudging=nudging.clamped()), Kind.RECIPE,
        _but("nudging"), "Whittington & Bogacz 2017, Neural Comput. 29:1229-1262",
        "The output is clamped: not backprop, however small the output error.",
    ),
    Entry(
        "fixed_prediction", predictive.fixed_prediction, Kind.SCHEDULE, CONDITIONS,
        "Millidge, Tschantz & Buckley 2022, Neural Comput. 34:1329-1368; Rosenbaum 2022, PLoS ONE "
        "17:e0266102", "Predictions stay those of the forward pass while the errors settle.",
        network=_matched,
    ),
    Entry(
        "zero_divergence", predictive.zero_divergence, Kind.SCHEDULE, _but("settling"),
        "Song, Lukasiewicz, Xu & Bogacz 2020, NeurIPS 33:22566-22579",
        "Each layer is read at the step at which the error first reaches it.", network=_matched,
    ),
    Entry(
        "dendritic_microcircuit",
        ALL_HOLD._replace(phases=phases.compartments, nudging=nudging.one_sided(1e-3)),
        Kind.RECIPE, CONDITIONS, "Sacramento, Costa, Bengio & Senn 2018, NeurIPS, arXiv:1810.11393",
        "The self-predicting state; compartments.conductance_microcircuit has the conductances.",
    ),
    Entry(
        "dual_propagation", compartments.dual_propagation(0.1), Kind.OWN_DYNAMICS, CONDITIONS,
        "Høier, Staudt & Zach 2023, arXiv:2302.01228", "Two states a unit, nudged both ways.",
        network=_matched,
    ),
    Entry(
        "burst_dependent", compartments.burst_dependent(0.01), Kind.OWN_DYNAMICS, CONDITIONS,
        "Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010-1019",
        "Errors travel as the probability of a burst.", network=_matched,
    ),
    Entry(
        "feedback_alignment", _LIMIT._replace(feedback=feedback.random()), Kind.RECIPE,
        _but("energy", "feedback"),
        "Lillicrap, Cownden, Tweed & Akerman 2016, Nat. Commun. 7:13276",
    ),
    Entry(
        "direct_feedback_alignment", targets.direct_feedback_alignment(), Kind.OWN_DYNAMICS,
        _but("energy", "feedback"), "Nøkland 2016, NeurIPS 29, arXiv:1609.01596",
        "The output error reaches every layer in one hop.",
    ),
    Entry(
        "sign_symmetric", _LIMIT._replace(feedback=feedback.sign_symmetric), Kind.RECIPE,
        _but("energy", "feedback"), "Liao, Leibo & Poggio 2016, AAAI, arXiv:1510.05067",
    ),
    Entry(
        "kolen_pollack", _LIMIT._replace(feedback=feedback.as_given), Kind.LEARNED_FEEDBACK,
        _but("energy", "feedback"),
        "Kolen & Pollack 1994, IEEE ICNN; Akrout et al. 2019, NeurIPS, arXiv:1904.05391",
        _FROM_GIVEN + " Needs weight decay.", prepare=_random_start, follow=_follow_kolen_pollack,
    ),
    Entry(
        "weight_mirror", _LIMIT._replace(feedback=feedback.as_given), Kind.LEARNED_FEEDBACK,
        _but("energy", "feedback"), "Akrout et al. 2019, NeurIPS, arXiv:1904.05391",
        _FROM_GIVEN, prepare=_random_start, follow=_follow_weight_mirror,
    ),
    Entry(
        "difference_target_propagation", targets.difference_target_propagation(),
        Kind.OWN_DYNAMICS, _but("energy", "feedback"),
        "Lee, Zhang, Fischer & Bengio 2015, ECML PKDD, arXiv:1412.7525",
        "Targets travel by inverses: the Gauss-Newton direction, not the gradient.",
    ),
    Entry(
        "hebbian", _LIMIT._replace(contrast=contrast.plain_hebbian), Kind.RECIPE, _but("contrast"),
        "Hebb 1949, The Organization of Behavior", "The control: activity without contrast.",
    ),
)  # fmt: skip

ZOO = _Zoo((entry.name, entry) for entry in _ENTRIES)
