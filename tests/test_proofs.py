"""Every proof in the chapters has its steps checked, and every check would notice a wrong step."""

import ast
import linecache
import re

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions.derivations import WORDS, residual
from tools.notebooks import load
from tools.steps import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
STATEMENT = r"\{prf:(?:theorem|proposition|lemma|corollary)\} (.+)\n:label: (\S+)\n"
PROOF = r"\{prf:proof\}|\{dropdown\} Proof|\*\*Proof\.\*\*|^\*Proof\.\*"


def proved(source):
    """Title and label of each statement in a cell that a proof follows there."""
    found = [(m.start(), f"{m[1]} ({m[2]})") for m in re.finditer(STATEMENT, source)]
    proofs = [m.start() for m in re.finditer(PROOF, source, flags=re.MULTILINE)]
    starts = [start for start, _ in found] + [len(source)]
    return [
        theorem
        for (start, theorem), stop in zip(found, starts[1:], strict=True)
        if any(start < proof < stop for proof in proofs)
    ]


def derived(cell):
    """Title and label of each theorem whose steps a cell checks."""
    if cell.cell_type != "code" or "sc.derivation(" not in cell.source:
        return []
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    call = next(node for node in calls if ast.unparse(node.func) == "sc.derivation")
    return [key.value for key in call.args[1].keys]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_proof_is_followed_by_its_derivation(path):
    waiting = []
    for cell in load(path).cells:
        if cell.cell_type == "markdown":
            assert not (waiting and cell.source.startswith("## ")), f"{waiting} before {cell.id}"
            waiting += proved(cell.source)
        elif checked := derived(cell):
            assert checked == waiting, f"{cell.id} stands where {waiting} should be checked"
            waiting = []
    assert waiting == []


@pytest.mark.parametrize(
    "proof",
    [":::{prf:proof}", "::::{dropdown} Proof (five lines)", "**Proof.** By", "*Proof.* By"],
)
def test_a_proof_of_every_kind_is_found(proof):
    stated = ":::{prf:theorem} A title\n:label: theorem-a\nIt is so.\n:::\n\n"
    assert proved(f"{stated}\n{proof} reasons.\n") == ["A title (theorem-a)"]
    assert proved(stated) == []


def recorded(path, monkeypatch):
    """What the derivations of a chapter are made of: theorems, points, twins, names and bound."""
    calls = []

    def record(points, theorems, *, n=20, bound=1e-9, seed=0):
        rng = np.random.default_rng(seed)
        drawn = [points.__globals__ | WORDS | points(rng) for _ in range(3)]
        calls.extend(
            (f"{theorem}: {words}", twin, drawn, bound)
            for theorem, steps in theorems.items()
            for words, twin in steps.items()
        )

    monkeypatch.setitem(vars(sc), "derivation", record)
    names = {}
    for cell in load(path).cells:
        if cell.id == "setup" or derived(cell):
            file = f"<{path.stem}: {cell.id}>"
            linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(True), file)
            exec(compile(cell.source, file, "exec"), names)
    return calls


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


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_sign_and_no_transpose_may_be_wrong(path, monkeypatch):
    made = recorded(path, monkeypatch)
    missed = [
        (step, wrong)
        for step, twin, points, bound in made
        for wrong in set(mutants(twin)) - NOT_WRONG
        if not caught(wrong, points, bound)
    ]
    assert missed == []
