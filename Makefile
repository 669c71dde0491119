# The few commands of the workshop. `make` alone lists them. All are safe to repeat.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test setup build web check bench clean

# Arguments of `make demo`, for instance: make demo ARGS="--towns 5 --days 7"
ARGS ?=
# Where `make bench` keeps its data: the folder's disk is what "durable" means
FOLDER ?= target
WEB := dashboards/web
WEB_SOURCES = $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

help: ## Lists the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \2/p' $(MAKEFILE_LIST) | awk '{printf "  %s %-7s", $$1, $$2; $$1 = $$2 = ""; print}'

demo: ## Starts a simulated region with live devices, and says which address to open
	@scripts/stage 'set-up' scripts/setup demo
	@scripts/stage 'web application' $(MAKE) --no-print-directory web
	@scripts/stage 'build' cargo build --bin arno
	@exec target/debug/arno demo $(ARGS)

test: ## Sets up, then runs every check and test, as CI does
	@scripts/test

setup: ## Brings what building and running needs: compiler, npm packages, boundaries
	@scripts/setup demo

build: web ## Builds target/debug/arno with the web application in it
	@cargo build --bin arno

web: $(WEB)/dist/index.html ## Builds the web application, if its sources changed

$(WEB)/dist/index.html: $(WEB_SOURCES)
	@scripts/setup web
	@cd $(WEB) && npm run build
	@touch $@

check: ## Formatting and lints alone, warnings denied
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings

bench: ## Measures, beside the machine's limits and a bare subscriber, on an optimised build (long)
	@mkdir -p $(FOLDER)
	@cargo run --release --package arno-benches --bin mqtt-acks -- $(FOLDER)
	@cargo run --release --package arno-benches --bin broker-rate -- $(FOLDER)

clean: ## Removes what was built; keeps what was fetched
	@cargo clean
	@rm -rf $(WEB)/dist test-output
