# The commands of this repository; each is a thin door to a program that does the work and shows its progress.
PYTHON ?= python3
KUBE ?= local
REGISTRY ?=
YES ?=
PEER ?=
QUICK ?=
ARGS ?=
VERSION ?=

bin := .venv/bin
bind_local := cd local && ../$(bin)/python -m bind_local
bind_release := cd local && ../$(bin)/python -m bind_release
bind_demo := cd local && ../$(bin)/python -m bind_demo
bind_bench := PYTHONPATH=inference:local $(bin)/python -m bind_bench

# What a run will take, and whether there is room: said before .venv is made, by a Python of the machine. One that is
# too old says nothing here, because the next line refuses it.
room = if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
         PYTHONPATH=local $(PYTHON) -m bind_local.preflight $(1); fi

.DEFAULT_GOAL := help
.PHONY: help venv lock generate check packages binaries cluster images demo test test-unit test-charts test-parity \
        test-service test-integration test-e2e test-huge test-gpu bench bench-inference bench-gpu soak release \
        room-demo room-test clean clean-cache

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

venv: ## .venv with the pinned Python packages
	@PYTHON="$(PYTHON)" local/venv.sh

lock: venv ## write requirements/*.txt anew from pyproject.toml
	@local/lock.sh

generate: venv ## write the version's copies, the CRD, the install manifest and the reference pages
	@$(bind_release) copies
	@$(bind_local) binaries helm
	@HELM="$$($(bind_local) path helm)" PYTHONPATH=operator $(bin)/python -m bind_operator.docs.generate
	@PYTHONPATH=inference $(bin)/python -m bind_inference.generate
	@PYTHONPATH=inference $(bin)/python -m bind_load.generate

check: venv ## the fast gate: ruff, mypy strict, import rules, unit tests, generated files fresh
	@$(bind_local) check

packages: venv ## Debian packages that the local cluster and the demo need (root)
	@$(bind_local) packages

binaries: venv ## Kubernetes, containerd, Helm, CoreDNS, Caddy, Weaviate, kwok from pinned Go modules, into the cache
	@$(bind_local) binaries

cluster: venv ## start the local cluster; a healthy one is left alone, a left-over one is cleared
	@$(bind_local) up

images: venv ## build the images; REGISTRY=host/path pushes them there instead of to the local cluster's registry
	@$(bind_local) images $(if $(REGISTRY),--registry "$(REGISTRY)")

ifeq ($(KUBE),local)
demo: room-demo venv ## everything, then the demo; KUBE=current takes kubectl's current context (asks; YES=1 does not)
	@$(bind_local) prepare
	@$(bind_demo)
else
demo: venv
	@$(bind_demo) --kube "$(KUBE)" $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(YES),--yes)
endif

room-demo:
	@$(call room)

room-test:
	@$(call room,--tests)

test: room-test venv ## everything that the tests need, then all tests
	@$(bind_local) prepare --tests
	@$(bind_local) check --no-unit-tests
	@$(bin)/pytest

test-unit: venv ## tests of single modules: nothing needed
	@$(bin)/pytest tests/unit

test-charts: venv ## tests of the rendered charts
	@$(bind_local) binaries helm caddy
	@$(bin)/pytest tests/charts

test-parity: venv ## the small model against the reference's numbers
	@$(bin)/pytest -m "not huge" tests/parity

test-service: venv ## tests of the real inference server
	@$(bin)/pytest tests/service

test-integration: venv ## tests of the operator against a real API server
	@$(bind_local) packages
	@$(bind_local) binaries
	@$(bin)/pytest tests/integration

test-e2e: venv ## the stories of the whole system on the local cluster
	@$(bind_local) prepare --tests
	@$(bin)/pytest tests/e2e

test-huge: venv ## the full-size model against the reference's numbers
	@$(bin)/pytest -m huge tests/parity

test-gpu: ## the engine on a GPU: needs torch, numpy and a card, nothing else (PYTHON=python3)
	@PYTHONPATH=inference:local $(PYTHON) -m bind_gpu --check
	@PYTHONPATH=inference:local:tests $(PYTHON) -m unittest discover -s tests/gpu -t tests

bench-gpu: ## speed of the engine on a GPU, into docs/benchmarks-gpu.md; needs what test-gpu needs
	@PYTHONPATH=inference:local $(PYTHON) -m bind_gpu

bench: bench-inference ## all benchmarks

bench-inference: venv ## speed of the server; PEER=<checkout of multi2vec-bind-inference> compares, QUICK=1 is short, ARGS=--help
	@$(bind_bench) $(if $(PEER),--peer "$(PEER)") $(if $(QUICK),--quick) $(ARGS)

soak: venv ## 10,000 mixed requests, a fifth bad, clients that hang up: answers, memory and /meta; ARGS=--help
	@PYTHONPATH=inference:local:tests $(bin)/python -m support.soak $(ARGS)

release: venv ## write release VERSION=x.y.z into a clean tree, and check it; commits and pushes nothing
	@$(bind_release) release "$(VERSION)"

clean-cache: venv ## clean, and give back what is kept for the next run: programs and images, gigabytes
	@$(bind_local) clean-cache

clean: ## end the local cluster; no process, mount, interface or rule of it stays (the cache does)
	@if [ -x $(bin)/python ]; then $(bind_local) clean; \
	 else echo "there is no .venv, so nothing was started from here; make venv clean ends a cluster of another checkout"; fi
