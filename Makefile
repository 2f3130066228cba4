# make demo   install, then the main job on the embedded sample: check, train, export, prove, read
# make test   install with what developers need, then lint, types and tests
# make docs   build the documentation into docs/_build, warnings as errors
# Everything is installed into .venv; PYTHON=python3.12 chooses another interpreter.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
INSTALLED_BY := pyproject.toml constraints.txt

FILMS := sample/chest_xray
SIZES := sample/original_sizes.csv
OUT := demo
SCOPE := $(BIN)/pneumoscope

.PHONY: demo test docs lint clean

demo: .venv/.train
	@rm -rf $(OUT)/run $(OUT)/evaluation && mkdir -p $(OUT)
	@echo "== 1. The films ==================================================================="
	$(SCOPE) data check $(FILMS) --sizes $(SIZES)
	$(SCOPE) data show $(FILMS) --out $(OUT)/films.png
	@echo "== 2. Training: the notebook's recipe, patients kept apart ========================="
	$(SCOPE) train $(FILMS) --recipe notebook --out $(OUT)/run --cache $(OUT)/cache
	@echo "With 22 batches an epoch, BatchNorm's running statistics (Keras' momentum, 0.99) lag behind the"
	@echo "network: validation accuracy stands still while the order of the scores (val_auc) already rises."
	@echo "Calibration at export mends the level; on the full set the curves come together by themselves."
	@echo "== 3. One file that reads films ===================================================="
	$(SCOPE) export $(OUT)/run --cache $(OUT)/cache
	@echo "== 4. The proof, on the sample's own test folder ==================================="
	$(SCOPE) evaluate $(FILMS) --bundle $(OUT)/run/bundle.pneumo --split test --out $(OUT)/evaluation
	$(SCOPE) report $(OUT)/evaluation --films $(FILMS) --bundle $(OUT)/run/bundle.pneumo
	@echo "== 5. Reading films ================================================================"
	$(SCOPE) predict $(wildcard $(FILMS)/test/NORMAL/IM-02*) $(wildcard $(FILMS)/test/PNEUMONIA/person11*) \
		--bundle $(OUT)/run/bundle.pneumo
	@echo "== Where things lie ================================================================"
	@echo "a batch of films   $(OUT)/films.png"
	@echo "learning curves    $(OUT)/run/curves.png (figures: history.csv)"
	@echo "the report         $(OUT)/evaluation/report.html, model_card.md"
	@echo "the proof          $(OUT)/evaluation/results.json, roc.png, precision_recall.png,"
	@echo "                   reliability.png, confusion.png, predictions.csv"
	@echo "the reader         $(OUT)/run/bundle.pneumo"

# Side by side, on at most four cores: each process that tests takes a gigabyte of memory.
test: lint
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

docs: .venv/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --jobs auto -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.train: .venv/bin/python $(INSTALLED_BY)
	$(PIP) --editable '.[train]'
	@touch $@

.venv/.dev: .venv/bin/python $(INSTALLED_BY)
	$(PIP) --editable '.[train,serve,dev,docs]'
	@touch $@ .venv/.train .venv/.docs

.venv/.docs: .venv/bin/python $(INSTALLED_BY)
	$(PIP) --editable '.[train,docs]'
	@touch $@ .venv/.train

clean:
	rm -rf .venv $(OUT) runs docs/_build
