# The two commands are `make up` and `make check`; `make` lists the rest. Everything lands in this folder.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
OURS := .venv/bin/python
SETUP := $(if $(PYTHON),$(PYTHON),python3) -m infra.bootstrap
.PHONY: help up check shown fmt lock screens bench clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

up: ## Set up, start everything, deploy the demo (VERBOSE=1 shows every log)
	@$(SETUP) python node screens && exec $(OURS) -m infra.up $(if $(VERBOSE),--verbose)

check: ## Format, lint, types, imports and every test (ONLY="unit lint" for some stages)
	@$(SETUP) python node screens && exec $(OURS) -m infra.check $(ONLY)

shown: ## What the issues ask to be shown, with its command and last result (RUN=1 runs them)
	@$(SETUP) python && exec $(OURS) -m infra.shown $(if $(RUN),run)

fmt: ## Format and fix what can be fixed by a tool
	@$(SETUP) python node && exec $(OURS) -m infra.check --fix

lock: ## Pin every Python dependency again, by hash (UPGRADE=1 takes newer ones)
	@$(SETUP) python && exec $(OURS) -m infra.lock $(if $(UPGRADE),--upgrade)

screens: ## Write every screen in every state to screens/
	@$(SETUP) python node && cd frontend && exec npm run --silent screens

bench: ## Run the benchmarks, each printing its table
	@$(SETUP) python && exec $(OURS) -m bench

clean: ## Forget what make has installed and built; the data stays
	rm -rf .venv node_modules frontend/node_modules frontend/*/dist wistro/dev/static
