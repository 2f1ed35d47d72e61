# `make` lists the targets. PROFILE=fr and SET="stage.key=value ..." adapt `make run`.
PYTHON ?= python3
PROFILE ?= demo
LANGUAGE ?= fr
DEMO = $(if $(filter fr,$(LANGUAGE)),demo,demo_$(LANGUAGE))
SET ?=
BIN := .venv/bin
# Whole files go to each process: their fixtures are made once. Slow files come first.
PYTEST = $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo app run paper reproduce test quick format refresh notebooks paper-full clean browser

help:  ## list the targets
	@sed -n -e 's/^#: \(.*\)/\n\1/p' -e 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) \
		| awk -F'|' 'NF == 2 {printf "%-18s%s\n", $$1, $$2; next} {print}'

#: first steps
demo: browser .venv/.installed  ## install what is missing, then run the four notebooks on the embedded demo (LANGUAGE=de, en, es or zh: a small one of it)
	@$(BIN)/spoken-cefr run --profile $(DEMO) --check

app: .venv/.installed  ## the page on 127.0.0.1 that says for which level a recording suits
	@$(BIN)/spoken-cefr app

#: the pipeline
run: browser .venv/.installed  ## the same with another profile: make run PROFILE=fr
	@$(BIN)/spoken-cefr run --profile $(PROFILE) $(foreach pair,$(SET),--set $(pair))

paper: run  ## paper.pdf and model_card.md in data/PROFILE/, from its results: make paper PROFILE=fr
	@$(BIN)/spoken-cefr paper --profile $(PROFILE) $(foreach pair,$(SET),--set $(pair))

reproduce: browser .venv/.installed  ## the demo, then the paper's numbers beside those made here
	@$(BIN)/spoken-cefr reproduce

clean:  ## delete what the demo wrote (not the environment)
	rm -rf data/demo

#: while developing
test: browser .venv/.installed  ## lint, then all tests, the notebooks on a few recordings among them
	@$(PYTEST)

quick: .venv/.installed  ## lint and the tests without browser, Whisper and notebooks
	@$(PYTEST) -m "not slow and not browser and not whisper"

# Several processes beside each other: one core for each.
test quick: export OMP_NUM_THREADS = 1
test quick: export OPENBLAS_NUM_THREADS = 1

format: .venv/.installed  ## let ruff rewrite the code
	@$(BIN)/ruff check --fix src tests tools benchmarks notebooks
	@$(BIN)/ruff format src tests tools benchmarks notebooks

#: for maintainers
refresh: demo  ## put the demo's notebooks, figures, paper, model card and the page's picture into git
	@$(BIN)/spoken-cefr refresh --profile demo
	@APP_PNG=1 $(BIN)/python -m pytest -q tests/test_app_browser.py -k picture

notebooks: refresh

paper-full: browser .venv/.installed  ## train all of the study's cells on the demo, an hour or two, and put their table into git
	@$(BIN)/spoken-cefr run --profile demo_full
	@$(BIN)/spoken-cefr refresh --profile demo_full

# First, because it is quick to say no.
browser:
	@sh tools/ensure_browser.sh

# The stamp is newer than everything that says what to install.
.venv/.installed: requirements.txt requirements-dev.txt requirements-lock.txt pyproject.toml tools/make_venv.sh
	@PYTHON=$(PYTHON) sh tools/make_venv.sh
	@touch $@
