# Two commands set everything up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

# containers often set it; without compiled files each start of a trainer spends 12 s more on its imports
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo paper-tiny test check format docs light clean

help:
	@echo "make demo    train the embedded model with GRPO for a few minutes and show what it learned"
	@echo "make paper-tiny  the paper's grid on the embedded model: under an hour on two CPU cores, restartable"
	@echo "make test    run the test suite"
	@echo "make check   ruff, mypy, import-linter"
	@echo "make light   install only the dashboard, store and evaluation (no torch) into $(VENV)"

# made again when it is missing or what it was made from changed
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[train,serve,report,dev]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/rftui launch grpo --task sat --recipe tiny --follow --wait
	$(BIN)/rftui show @last:sat

# every line goes on where a kill left it: forecasts and runs that are there are not made again
paper-tiny: $(VENV)/.installed
	$(BIN)/rftui study new paper-tiny --if-absent
	for task in banner aircraft sat; do \
		test -e "$$($(BIN)/rftui study show paper-tiny --folder)/forecast-$$task.json" \
		|| $(BIN)/rftui suit --study paper-tiny --task $$task --gpus none || exit 1; done
	$(BIN)/rftui study run paper-tiny --gpus none --wait
	$(BIN)/rftui study show paper-tiny
	$(BIN)/rftui report paper-tiny

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs:
	$(PYTHON) docs/list_files.py > docs/files.md

light:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e .

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
