# `make help` lists the targets. PYTHON chooses the Python to build .venv with, ARGS
# passes flags on: make babi ARGS="--seed=2 --data_dir=PATH"

PYTHON ?= python3
ARGS ?=
PRESET ?= best
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help deps check test test-oldest ask viz babi reproduce results copy repeat-copy \
  associative-recall key-value underground family-tree shortest-path mini-shrdlu \
  bench bench-peer clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1: /' \
	  | awk -F': ' '{printf "  make %-18s %s\n", $$1, $$2}'

deps: $(INSTALLED)  ## make .venv and install the requirements

$(INSTALLED): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) and \
	  "error: TensorFlow needs Python 3.10 to 3.13; choose one: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --requirement requirements.txt
	@touch $@

check: deps  ## check the style of the code
	$(BIN)/flake8

test: deps  ## run the tests, on up to four cores
	$(BIN)/python -m pytest -n auto --maxprocesses=4 --dist=loadfile \
	  --durations=10 $(ARGS)

test-oldest:  ## run the tests with the oldest versions that are supported
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12) \
	  and "error: Python 3.10 to 3.12 has them; choose one: make PYTHON=python3.11")'
	test -x .venv-oldest/bin/python || $(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
	  --requirement requirements-oldest.txt
	.venv-oldest/bin/python -m pytest -n auto --maxprocesses=4 --dist=loadfile $(ARGS)

ask: deps  ## ask the published model in a page, http://localhost:8020
	@$(BIN)/python babi/ask.py --serve $(ARGS)

viz: deps  ## the runs here and one time step in TensorBoard, http://localhost:6006
	@$(BIN)/python -m babi.inspection.board $(ARGS)

babi: deps  ## train on the bAbI tasks, into ./model
	$(BIN)/python babi/train.py --preset=joint --checkpoint_dir=model $(ARGS)

# Its two commands take the same --data_dir, which make finds word by word.
UNREAD = $(strip $(findstring -checkpoint_dir,$(ARGS)) $(findstring -flagfile,$(ARGS)) \
  $(filter -data_dir% --data_dir,$(ARGS)) $(findstring ",$(ARGS)) \
  $(findstring ',$(ARGS)) $(findstring \,$(ARGS)))

reproduce: deps  ## train a preset (PRESET=best) to the end, and test it
	$(if $(UNREAD),$(error ARGS has $(UNREAD): give --data_dir=PATH without blanks or \
	  quotes, and no --checkpoint_dir, as all goes to reproduced/$(PRESET)))
	$(BIN)/python babi/train.py --preset=$(PRESET) --checkpoint_dir=reproduced/$(PRESET) \
	  $(if $(filter simulated,$(PRESET)),$(filter-out --data_dir=%,$(ARGS)),$(ARGS))
	$(BIN)/python babi/test.py --checkpoint_file=reproduced/$(PRESET) \
	  $(filter --data_dir=%,$(ARGS))

results: deps  ## test the published models; puts the table into both READMEs
	for sums in results/*/SHA256SUMS; do \
	  (cd $$(dirname $$sums) && sha256sum --check --quiet SHA256SUMS) || exit 1; done
	$(BIN)/python babi/test.py --separate --insert_into=README.md,results/README.md \
	  --checkpoint_file=$$(dirname results/*/config.json | paste -sd,) $(ARGS)

copy: deps  ## learn to copy with ten slots, and draw it
	$(BIN)/python examples/copy_task.py $(ARGS)

repeat-copy: deps  ## learn to copy as often as told; ARGS=--show for no training
	$(BIN)/python examples/repeat_copy.py $(ARGS)

associative-recall: deps  ## learn which item came after one; likewise
	$(BIN)/python examples/associative_recall.py $(ARGS)

key-value: deps  ## learn to look up values by their keys; likewise
	$(BIN)/python examples/key_value.py $(ARGS)

underground: deps  ## walks on the Underground; ARGS=--show for no training
	$(BIN)/python examples/underground.py $(ARGS)

family-tree: deps  ## relations in a family tree; ARGS=--show for no training
	$(BIN)/python examples/family_tree.py $(ARGS)

shortest-path: deps  ## shortest paths on the Underground; ARGS=--show for no training
	$(BIN)/python examples/shortest_path.py $(ARGS)

mini-shrdlu: deps  ## the block puzzle; ARGS=--show for no training
	$(BIN)/python examples/mini_shrdlu.py $(ARGS)

bench: deps  ## measure speed and memory; ARGS=--quick, --training, --first-call
	$(BIN)/python benchmarks/bench.py $(ARGS)

bench-peer:  ## install what bench compares with, into .venv-peer
	test -x .venv-peer/bin/python || $(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check \
	  --requirement benchmarks/peer-requirements.txt $(ARGS)
	.venv-peer/bin/python -I -c 'import torch, dnc'

clean:  ## remove environments and caches; trained models, runs and logs stay
	rm -rf .venv .venv-peer .venv-oldest build dist *.egg-info .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
