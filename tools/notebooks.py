"""Execute every chapter and store its text outputs, so that a second run changes nothing.

A stored notebook holds cells, tags and text. Pictures, players and widget state are made when the
book is built; times are not kept, and code cells are counted from the top. A notebook that fails,
or shows what is not stored, is left as it was.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools.steps import ROOT, run_repeatably, step

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotText(ValueError):
    """A cell emits something that a stored notebook does not hold."""


def stored_output(output, where, count):
    """One output as it is stored: text, or data that names no picture, no HTML and no widget."""
    if output.output_type == "stream":
        return nbformat.v4.new_output("stream", name=output.name, text=output.text)
    if output.output_type == "error":  # a cell tagged raises-exception; its traceback names paths
        return nbformat.v4.new_output("error", ename=output.ename, evalue=output.evalue)
    for kind in output.data:
        if kind.startswith("image/") or kind == "text/html" or "widget" in kind:
            raise NotText(
                f"{where} emits {kind}. Stored notebooks hold text only: show pictures and HTML "
                "through the library's figures, dials and questions, which describe themselves."
            )
    counted = {"execution_count": count} if output.output_type == "execute_result" else {}
    return nbformat.v4.new_output(output.output_type, data=output.data, **counted)


def merged(outputs):
    """Join neighbouring pieces of the same stream: how they were cut depends on the clock."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


# How JupyterLab folds what the page folds.
FOLDED = {
    "hide-input": {"source_hidden": True},
    "hide-cell": {"outputs_hidden": True, "source_hidden": True},
}


def kept_metadata(cell):
    """What is stored of a cell's metadata, and how a notebook folds it."""
    kept = {name: cell.metadata[name] for name in ("tags", "mystnb") if cell.metadata.get(name)}
    for tag in kept.get("tags", ()):
        if tag in FOLDED:
            kept["jupyter"] = FOLDED[tag]
    return kept


def normalised(notebook, name):
    """A copy with only what is stored: source, tags, ids and text outputs."""
    cells, count = [], 0
    for number, cell in enumerate(notebook.cells, start=1):
        make = getattr(nbformat.v4, f"new_{cell.cell_type}_cell")
        clean = make(cell.source, metadata=kept_metadata(cell), id=cell.id)
        if cell.cell_type == "code":
            count += 1  # nbval takes a cell without a count for one that never ran
            clean.execution_count = count
            where = f"{name}, cell {number}"
            clean.outputs = merged([stored_output(out, where, count) for out in cell.outputs])
        cells.append(clean)
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def load(path):
    """The notebook at `path`; a cell without an id of its own is named after its place."""
    notebook = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
    notebook.nbformat_minor = 5
    seen = set()
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.get("id") in seen | {None}:
            cell.id = f"cell-{number}"
        seen.add(cell.id)
        if isinstance(cell.source, list):
            cell.source = "".join(cell.source)
    return notebook


def execute(path):
    """Execute the notebook at `path` and store it, or raise and leave the file alone."""
    notebook = load(path)
    client = NotebookClient(
        notebook, timeout=300, record_timing=False, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    text = nbformat.writes(normalised(notebook, path.name), version=4) + "\n"
    if text != path.read_text(encoding="utf-8"):
        beside = path.with_suffix(".ipynb.new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("notebooks", type=Path, nargs="*", help="default: all chapters")
    paths = arguments.parse_args().notebooks or sorted((ROOT / "chapters").glob("*.ipynb"))
    run_repeatably("text")
    failed = []
    for path in paths:
        try:
            with step(f"Executing {path.name}"):
                execute(path)
        except (CellExecutionError, NotText) as problem:
            print(problem, file=sys.stderr)
            failed.append(path.name)
    if failed:
        sys.exit(f"Left as they were, because they fail: {', '.join(failed)}")


if __name__ == "__main__":
    main()
