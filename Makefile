# The book's commands. `make help` lists them. Everything needs only python3 (3.11 or newer), make and git.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# The networks are small: a second thread of the linear algebra only waits for the first.
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book offline test unit bench lighthouse lab serve notebooks pins clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

book: $(STAMP)  ## execute what changed and build the site into _build/html
	@$(BIN)/python -m tools.book

offline: $(STAMP)  ## build, then make one zip that needs no server, and one PDF, in _build
	@$(BIN)/python -m tools.offline

test: $(STAMP)  ## run every check: units, doctests, notebooks, the built site in a browser
	@$(BIN)/python -m pytest -n auto --dist worksteal

unit: $(STAMP)  ## run only the quick checks of the library
	@$(BIN)/python -m pytest -n auto -m "not book and not slow"

bench: $(STAMP)  ## time it beside backprop, torch and JAX; one part with ARGS="--only ep"
	@$(BIN)/python -m benchmarks $(ARGS)

lighthouse: book  ## measure the built pages with Lighthouse (needs node); some with ARGS="--only 06"
	@$(BIN)/python -m tools.lighthouse $(ARGS)

lab: $(STAMP)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab chapters

serve: book  ## build, then serve the site on this machine
	@echo "The site is at http://localhost:8000 (Ctrl-C stops it)"
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html >/dev/null

notebooks: $(STAMP)  ## execute all chapters and store their text outputs, the same every time
	@$(BIN)/python -m tools.notebooks

pins: $(STAMP)  ## resolve again what the direct pins of requirements.txt need
	@$(BIN)/python -m tools.pins

clean:  ## remove what was built; the installed packages stay
	@rm -rf _build .pytest_cache .ruff_cache && echo "Removed _build."

# Installed once, and again only when a pin or the package's own description changes.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This book needs python3 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)." \
	       "Name another one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing the pinned packages into .venv ..."
	@start=$$(date +%s) && \
	{ [ -x $(BIN)/python ] || $(PYTHON) -m venv .venv; } && \
	{ { command -v uv >/dev/null && uv pip install --quiet --python $(BIN)/python -r requirements.txt; } || \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.txt; } && \
	touch $@ && \
	echo "  done in $$(( $$(date +%s) - start )) s"
