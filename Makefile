.PHONY: help install demo up down test lint bench
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin

help:  ## What there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

install: .venv/.complete  ## The virtual environment, from the full lock

.venv/.complete: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: install  ## Everything, with a made-up lender: two weeks of business dates through Airflow
	$(BIN)/dunflow demo

up: install  ## Start the local stack
	$(BIN)/dunflow up

down: install  ## Stop the local stack
	$(BIN)/dunflow down

lint: install  ## Linter, formatter, type checker, layers, portfolios
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy dunflow bench
	$(BIN)/lint-imports
	$(BIN)/dunflow check

test: lint  ## Lint, then every test, on all cores
	$(BIN)/pytest -n auto

bench: install  ## A million accounts against the floor of this machine; sending against bare loops
	$(BIN)/python -m bench
