"""Condition 5, contrast: a local Hebbian rule, nudged minus free (chapter 5)."""

from dataclasses import dataclass

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.dynamics import Signals
from sevenconditions.gradient import Gradient


def hebbian(net, x, state):
    r"""The local product -dE/dtheta at a state, averaged over the batch.

    .. math:: h_l = \gamma^{l-L}\, q_l\, v_{l-1}^T, \qquad h^b_l = \gamma^{l-L}\, q_l

    Each entry needs the two ends of its own synapse only. The loss gradient is
    :math:`[h(0) - h(\beta)]/\beta` for small beta.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium

    Returns
    -------
    Gradient                The Hebbian products, shaped as the parameters. Dimensionless.

    Source
    ------
    c = 0: Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> from sevenconditions.phases import free_phase
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> hebbian(net, [3.0], free_phase(net, [3.0])).weights[0].round(6).item()
    18.0
    """
    x, _, _ = dynamics.as_input(net, x)
    return dynamics.local_product(net, dynamics.signals(net, x, state.rates))


def contrastive_hebbian(phases):
    r"""The rule that keeps condition 5: the local product of each phase, summed with its weight.

    .. math:: \hat g = \mathrm{Re}\left[w_0\,h(u^0) + \sum_k w_k\,h(u^{\beta_k})\right]

    A rule is a function from `phases.Phases` to a `Gradient`; write your own to try another. With
    cancellation below 1 this one estimates the gradient of *tied* weights, B = W^T.

    Parameters
    ----------
    phases : Phases

    Returns
    -------
    Gradient                An estimate of +dC/dtheta: subtract it to learn.

    Source
    ------
    Movellan 1991; Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> rule = sc.ALL_HOLD.contrast
    >>> rule is contrastive_hebbian
    True
    """
    net, n_samples = phases.net, len(phases.free.post[0])
    counted = zip((phases.free_weight, *phases.weights), (phases.free, *phases.nudged), strict=True)
    reads = [(w / n_samples, read) for w, read in counted if w != 0.0]
    weights, biases = [], []
    for i, metric in enumerate(net.metric):
        posts = [metric * w * read.post[i] for w, read in reads]
        pres = [read.pre[i] for _, read in reads]
        if posts and all(pre is pres[0] for pre in pres):  # the input: one product for all phases
            posts, pres = [sum(posts)], pres[:1]
        products = (np.real(q.T @ v) for q, v in zip(posts, pres, strict=True))
        weights.append(sum(products, np.zeros_like(net.weights[i])))
        biases.append(sum((np.real(q.sum(axis=0)) for q in posts), np.zeros_like(net.biases[i])))
    return Gradient(tuple(weights), tuple(biases))


def post_change(phases):
    r"""The change of the postsynaptic signal times the free presynaptic rate (condition 5).

    .. math:: \hat g_l = \gamma^{l-L}\,\mathrm{Re}\left[w_0 q^0_l + \sum_k w_k q_l^{\beta_k}\right]
       (v_{l-1}^0)^T

    The gradient of a forward weight whose feedback copy stays as it is; with full cancellation both
    parameterisations agree.

    Parameters, returns : as for `contrastive_hebbian`

    Source
    ------
    Scellier, Goyal, Binas, Mesnard & Bengio 2018, arXiv:1808.04873.

    Examples
    --------
    >>> post_change.tied
    False
    """
    return contrastive_hebbian(
        phases._replace(nudged=tuple(Signals(read.post, phases.free.pre) for read in phases.nudged))
    )


post_change.tied = False  # which gradient it estimates: feedback held fixed


def plain_hebbian(phases):
    r"""The control that breaks condition 5: activity times activity of the free phase, no contrast.

    .. math:: \hat g_l = -v_l\,v_{l-1}^T

    so that a step along it strengthens what fires together.

    Parameters, returns : as for `contrastive_hebbian`

    Source
    ------
    Hebb 1949, The Organization of Behavior.

    Examples
    --------
    >>> plain_hebbian.__name__
    'plain_hebbian'
    """
    rates = phases.states[0].rates
    read = Signals(tuple(-v / m for v, m in zip(rates, phases.net.metric, strict=True)),
                   phases.free.pre)  # fmt: skip
    return dynamics.local_product(phases.net, read)


def mixed_with_hebbian(share, *, scale=1.0):
    r"""The dial of condition 5: a share h of the update is plain Hebbian, without contrast.

    .. math:: \hat g = (1-h)\,\hat g_{\text{contrast}} + h k\,\hat g_{\text{Hebb}}

    Parameters
    ----------
    share : float in [0, 1]     h.
    scale : float               k, the size given to the Hebbian part.

    Returns
    -------
    callable, as `contrastive_hebbian`

    Raises
    ------
    ValueError
        If share is out of range.

    Examples
    --------
    >>> mixed_with_hebbian(0.1).share
    0.1
    """
    return _Mixed(
        checks.number("share", share, at_least=0, at_most=1), checks.number("scale", scale)
    )


def two_vector_cosine(share, ratio, cosine):
    r"""Cosine that a mixture keeps to its first part: what the dial of condition 5 costs.

    .. math:: \cos = \frac{1 + k\,c}{\sqrt{1 + 2 k c + k^2}}, \qquad k = \frac{h\,r}{1 - h}

    Parameters
    ----------
    share : float in [0, 1]     h, the share of the second part.
    ratio : float >= 0          r, length of the second part over that of the first.
    cosine : float              c, between the two.

    Returns
    -------
    float

    Examples
    --------
    >>> two_vector_cosine(0.5, 1.0, 0.0).round(6).item()
    0.707107
    """
    first, second = 1.0 - share, share * ratio
    length = np.sqrt(first**2 + 2.0 * first * second * cosine + second**2)
    return np.float64((first + second * cosine) / length)


def reach(rule, phases, *, step=1e-3):
    r"""Whose signals change an entry of the update: locality of a rule, found by probing it.

    Each signal, one end of a synapse in every phase, is moved by itself; what moves with it is
    recorded. A rule is local where row i of layer l answers to its own post-signal and column j to
    its own pre-signal, and to nothing else.

    Parameters
    ----------
    rule : callable         Phases -> Gradient, treated as a black box.
    phases : Phases
    step : float            How far each signal is moved.

    Returns
    -------
    own, foreign : int
        Pairs of a signal and a weight entry that moves with it: at one of its own two ends, and
        elsewhere. A local rule has foreign = 0.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 3, 2), rng=np.random.default_rng(0))
    >>> read = sc.take_phases(net, [1.0, -1.0], [0.5, 0.0])
    >>> reach(contrastive_hebbian, read)[1]
    0
    """
    own, foreign = 0, 0
    for end, layer, n_units in _ends(phases.net):
        for unit in range(n_units):
            hits = _answers(rule, phases, end, layer, [unit], step)
            here = hits[layer][unit] if end == "post" else hits[layer][:, unit]
            own += int(here.sum())
            foreign += sum(int(hit.sum()) for hit in hits) - int(here.sum())
    return own, foreign


def listens(rule, phases, layer, *, step=1e-3):
    r"""Which signals each weight of one layer answers to, found by moving one signal at a time.

    Parameters
    ----------
    rule, phases, step : as for `reach`
    layer : int             Which weight layer, 0 for the lowest.

    Returns
    -------
    names : list of str
        The signals: which end, of which weight layer (from 1), which unit (from 1).
    answers, own : ndarray of bool, shape (n_{l+1} n_l, signals)
        Whether an entry moves with a signal, and whether the signal is at its own two ends.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((1, 1, 1), rng=np.random.default_rng(0))
    >>> names, answers, own = listens(plain_hebbian, sc.take_phases(net, [1.0], [0.5]), 0)
    >>> names
    ['post 1.1', 'pre 1.1', 'post 2.1', 'pre 2.1']
    >>> own.tolist()
    [[True, True, False, False]]
    """
    shape = phases.net.weights[layer].shape
    names, answers, own = [], [], []
    for end, where, n_units in _ends(phases.net):
        for unit in range(n_units):
            names.append(f"{end} {where + 1}.{unit + 1}")
            answers.append(_answers(rule, phases, end, where, [unit], step)[layer].ravel())
            here = np.zeros(shape, bool)
            if where == layer:
                here[unit if end == "post" else (slice(None), unit)] = True
            own.append(here.ravel())
    return names, np.array(answers).T, np.array(own).T


def is_local(rule, phases):
    """Whether each entry of the update answers to the two ends of its own synapse alone.

    As `reach` finds it, but with half of the units of a layer moved at a time: for any two of them
    there is a turn that moves one and leaves the other, whose entries must then stay. The rules of
    this room are known to be local.

    Parameters
    ----------
    rule, phases : as for `reach`

    Returns
    -------
    bool

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 3, 2), rng=np.random.default_rng(0))
    >>> read = sc.take_phases(net, [1.0, -1.0], [0.5, 0.0])
    >>> is_local(lambda phases: post_change(phases), read)
    True
    """
    if rule in (contrastive_hebbian, post_change, plain_hebbian) or isinstance(rule, _Mixed):
        return True
    for end, layer, n_units in _ends(phases.net):
        units = np.arange(n_units)
        for turn in range(max(1, 2 * (n_units - 1).bit_length())):
            chosen = units[(units >> turn // 2) % 2 == turn % 2]
            hits = _answers(rule, phases, end, layer, chosen, 1e-3)
            hits[layer][chosen if end == "post" else (slice(None), chosen)] = False
            if any(hit.any() for hit in hits):
                return False
    return True


def _ends(net):
    """The ends that a rule may read: (which, layer, number of units)."""
    for layer, weight in enumerate(net.weights):
        yield "post", layer, weight.shape[0]
        yield "pre", layer, weight.shape[1]


def _answers(rule, phases, end, layer, units, step):
    """Which entries of the update change, to the last bit, when some signals are moved."""
    before, after = (rule(_moved(phases, end, layer, units, s)) for s in (0.0, step))
    return [old != new for old, new in zip(before.weights, after.weights, strict=True)]


@dataclass(frozen=True)
class _Mixed:
    share: float
    scale: float

    def __call__(self, phases):
        contrast, plain = contrastive_hebbian(phases), plain_hebbian(phases)
        a, b = 1.0 - self.share, self.share * self.scale
        return Gradient(
            *(
                tuple(a * c + b * h for c, h in zip(first, second, strict=True))
                for first, second in zip(contrast, plain, strict=True)
            )
        )


def _moved(phases, end, layer, units, step):
    """The phases with some signals moved, each by an amount of its own in each phase and sample.

    Moved by nothing they are copies all the same, so that the same arithmetic is done with them.
    """

    def moved(read, amount):
        parts = list(getattr(read, end))
        parts[layer] = parts[layer].copy()
        each = np.outer(1.0 + np.arange(len(parts[layer])), 1.0 + np.sqrt(units))
        parts[layer][:, units] += amount * each
        return read._replace(**{end: tuple(parts)})

    nudged = tuple(moved(read, step * (k + 2)) for k, read in enumerate(phases.nudged))
    return phases._replace(free=moved(phases.free, step), nudged=nudged)
