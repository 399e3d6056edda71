"""Every proof in the chapters has its steps checked, and every check would notice a wrong step."""

import ast
import inspect
import re
from importlib import import_module

import numpy as np
import pytest

from sevenconditions import proofs
from sevenconditions.derivations import WORDS, residual
from tools.notebooks import load
from tools.steps import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
MODULES = {name: import_module(f"sevenconditions.proofs.{name}") for name in proofs.__all__}
CHECKS = {
    f"{name}.{check}": function
    for name, module in MODULES.items()
    for check, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not check.startswith("_")
}
CALL = r"sc\.proofs\.(\w+\.\w+)\(\)"
STATEMENT = r"\{prf:(?:theorem|proposition|lemma|corollary)\} (.+)\n:label: (\S+)\n"
PROOF = r"\{prf:proof\}|\{dropdown\} Proof|\*\*Proof\.\*\*|^\*Proof\.\*"


def proved(source):
    """Title and label of each statement in a cell that a proof follows there."""
    found = [(m.start(), f"{m[1]} ({m[2]})") for m in re.finditer(STATEMENT, source)]
    follow = [m.start() for m in re.finditer(PROOF, source, flags=re.MULTILINE)]
    starts = [start for start, _ in found] + [len(source)]
    return [
        theorem
        for (start, theorem), stop in zip(found, starts[1:], strict=True)
        if any(start < proof < stop for proof in follow)
    ]


def called(cell):
    """Names of the checks that a cell calls, such as "phases.leak"."""
    return re.findall(CALL, cell.source) if cell.cell_type == "code" else []


def recorded(name):
    """What a check gives to `derivation`: points, theorems, and the bound."""
    calls = []

    def record(points, theorems, *, n=20, bound=1e-9, seed=0):
        calls.append((points, theorems, bound))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULES[name.split(".")[0]], "derivation", record)
        CHECKS[name]()
    [call] = calls
    return call


def steps(theorems):
    """Each step of all theorems, with its twin."""
    return {f"{title}: {w}": twin for title, each in theorems.items() for w, twin in each.items()}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_proof_is_followed_by_its_derivation(path):
    waiting = []
    for cell in load(path).cells:
        if cell.cell_type == "markdown":
            assert not (waiting and cell.source.startswith("## ")), f"{waiting} before {cell.id}"
            waiting += proved(cell.source)
        for name in called(cell):
            checked = list(recorded(name)[1])
            assert checked == waiting, f"{cell.id} stands where {waiting} should be checked"
            waiting = []
    assert waiting == []


def test_every_check_stands_once_in_the_chapter_that_its_module_is_named_after():
    calls = [
        (name, path.stem) for path in CHAPTERS for cell in load(path).cells for name in called(cell)
    ]
    assert sorted(name for name, _ in calls) == sorted(CHECKS)
    for name, chapter in calls:
        assert name.split(".")[0] == re.sub(r"^\d+_", "", chapter)


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_says_which_theorems_it_checks(name):
    labels = [theorem.rsplit("(", 1)[1].rstrip(")") for theorem in recorded(name)[1]]
    said = inspect.getdoc(CHECKS[name]).split(" checked: ")[1].rstrip(".")
    assert re.split(r",\s+", said) == labels


@pytest.mark.parametrize("module", MODULES)
def test_every_import_is_read_by_the_code_or_by_a_twin(module):
    source = ast.parse(inspect.getsource(MODULES[module]))
    imports = [each for each in source.body if isinstance(each, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name for each in imports for alias in each.names}
    checks = [name for name in CHECKS if name.startswith(f"{module}.")]
    twins = [twin for name in checks for twin in steps(recorded(name)[1]).values()]
    trees = [source, *map(ast.parse, twins)]
    assert names <= {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}


@pytest.mark.parametrize(
    "proof",
    [":::{prf:proof}", "::::{dropdown} Proof (five lines)", "**Proof.** By", "*Proof.* By"],
)
def test_a_proof_of_every_kind_is_found(proof):
    stated = ":::{prf:theorem} A title\n:label: theorem-a\nIt is so.\n:::\n\n"
    assert proved(f"{stated}\n{proof} reasons.\n") == ["A title (theorem-a)"]
    assert proved(stated) == []


class Mutation(ast.NodeTransformer):
    """Drop the transpose, or turn the sign, at the place with one number."""

    def __init__(self, place):
        self.place, self.seen = place, -1

    def _here(self):
        self.seen += 1
        return self.seen == self.place

    def visit_Attribute(self, node):
        self.generic_visit(node)
        return node.value if node.attr == "T" and self._here() else node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return node.operand if isinstance(node.op, ast.USub) and self._here() else node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        other = {ast.Add: ast.Sub, ast.Sub: ast.Add}.get(type(node.op))
        if other and self._here():
            node.op = other()
        return node


def mutants(twin):
    """The twin with one sign or one transpose wrong, in every way; a bound, turned round."""
    compared = ast.parse(twin, mode="eval").body
    left, right = ast.unparse(compared.left), ast.unparse(compared.comparators[0])
    if isinstance(compared.ops[0], ast.LtE):
        return [f"({right}) <= ({left})"]
    made, place = [f"({left}) == np.negative(1) * ({right})"], 0
    while True:
        mutation = Mutation(place)
        changed = ast.unparse(mutation.visit(ast.parse(twin, mode="eval")))
        if mutation.seen < place:
            return made
        made.append(changed)
        place += 1


# True for a reason of its own: from weights of zero, Q is symmetric all along.
NOT_WRONG = {"Q(s) + Q(s) == W1 @ W1.T"}


def caught(twin, points, bound):
    """Whether a twin fails at one of the points, or cannot be evaluated at all."""
    for names in points:
        try:
            if not residual(twin, names) <= bound:
                return True
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return True
    return False


@pytest.mark.parametrize("name", CHECKS)
def test_every_step_holds_and_no_sign_and_no_transpose_may_be_wrong(name):
    points, theorems, bound = recorded(name)
    rng = np.random.default_rng(0)
    drawn = [points.__globals__ | WORDS | points(rng) for _ in range(3)]
    twins = steps(theorems)
    assert [step for step, twin in twins.items() if caught(twin, drawn, bound)] == []
    missed = [
        (step, wrong)
        for step, twin in twins.items()
        for wrong in set(mutants(twin)) - NOT_WRONG
        if not caught(wrong, drawn, bound)
    ]
    assert missed == []
