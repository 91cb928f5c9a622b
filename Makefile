# The commands of this repository; each is a thin door to a program that does the work and shows its progress.
PYTHON ?= python3
KUBE ?= local
REGISTRY ?=
YES ?=
PEER ?=
QUICK ?=
ARGS ?=
VERSION ?=
RECORD ?=

bin := .venv/bin
bind_local := cd local && ../$(bin)/python -m bind_local
bind_release := cd local && ../$(bin)/python -m bind_release
bind_demo := cd local && ../$(bin)/python -m bind_demo
bind_bench := PYTHONPATH=inference:local $(bin)/python -m bind_bench

# What a run will take, and whether there is room: said before .venv is made, by a Python of the machine. One that is
# too old says nothing here, because the next line refuses it.
room = if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
         PYTHONPATH=local $(PYTHON) -m bind_local.preflight $(1); fi

# The two halves take about as long as each other, and what each begins with waits more than it computes.
decoders := tests/service/decoders
first := tests/integration tests/service --ignore=$(decoders)
second := tests/e2e tests/unit tests/charts tests/parity tests/packaging $(decoders)

.DEFAULT_GOAL := help
.PHONY: help venv packages binaries cluster images check generate lock demo test test-unit test-charts \
        test-parity test-packaging test-service test-integration test-long test-e2e test-pipelines test-huge \
        test-gpu bench bench-inference bench-operator bench-gpu soak soak-operator release clean clean-cache \
        room-demo room-test room-pipelines

# Below each `##@` stand the targets of one purpose, in the order in which one comes to need them.
help:
	@awk -F ':.*## ' '/^##@ / { printf "\n%s:\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-16s  %s\n", $$1, $$2 }' Makefile

##@ Set up; `make demo` and `make test` do what they need of it

venv: ## .venv: the pinned Python packages, the compiled kernels, this project (editable)
	@PYTHON="$(PYTHON)" local/venv.sh

packages: venv ## Debian packages that the local cluster and the demo need (root)
	@$(bind_local) packages

binaries: venv ## Kubernetes, containerd, Helm, Weaviate and more, built from pinned Go modules into the cache
	@$(bind_local) binaries

cluster: venv ## start the local cluster; a healthy one is left alone, a left-over one is cleared
	@$(bind_local) up

images: venv ## build the images for the local cluster, or to push: REGISTRY=registry.example.com/team
	@$(bind_local) images $(if $(REGISTRY),--registry "$(REGISTRY)")

##@ Change something

check: venv ## the fast gate: ruff, mypy strict, import rules, unit tests, generated files fresh
	@$(bind_local) check

generate: venv ## write the version's copies, the CRD, the install manifest and the reference pages
	@$(bind_release) copies
	@$(bind_local) binaries helm
	@HELM="$$($(bind_local) path helm)" PYTHONPATH=operator $(bin)/python -m bind_operator.docs.generate
	@PYTHONPATH=inference $(bin)/python -m bind_inference.generate
	@PYTHONPATH=inference $(bin)/python -m bind_load.generate
	@PYTHONPATH=operator $(bin)/python -m bindctl.reference

lock: venv ## write requirements/*.txt anew from pyproject.toml
	@local/lock.sh

##@ See it work

ifeq ($(KUBE),local)
demo: room-demo venv ## all of the set-up, then the demo; KUBE=current takes kubectl's current context (YES=1: unasked)
	@$(bind_local) prepare
	@$(bind_demo)
else
demo: venv
	@$(bind_demo) --kube "$(KUBE)" $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(YES),--yes)
endif

room-demo:
	@$(call room)

##@ Test

test: room-test venv ## all that the tests need, then all tests
	@$(bind_local) prepare --tests
	@$(bind_local) check --no-unit-tests
	@echo "left out here: what takes the operator through faults that last, and the server through masses of clients; make test-long runs it, in 11 minutes"
	@echo "two halves run side by side, since each waits for clusters and servers much of its time; the second is shown after the first"
	@log=$$(mktemp); $(bin)/pytest -m "not long" --durations=40 $(second) >"$$log" 2>&1 & second=$$!; \
	 trap 'kill $$second 2>/dev/null; rm -f "$$log"' EXIT; \
	 $(bin)/pytest -m "not long" --durations=40 $(first); first=$$?; \
	 wait $$second; status=$$?; cat "$$log"; [ $$first -eq 0 ] || exit $$first; exit $$status

room-test:
	@$(call room,--tests)

test-unit: venv ## single modules; needs nothing
	@$(bin)/pytest tests/unit

test-charts: venv ## the rendered charts, and the gate as a process
	@$(bind_local) binaries helm caddy
	@$(bin)/pytest tests/charts

test-parity: venv ## the small model against the reference's numbers
	@$(bin)/pytest -m "not huge" tests/parity

test-packaging: venv ## the wheel, installed elsewhere
	@$(bin)/pytest tests/packaging

test-service: venv ## the real inference server, asked over HTTP
	@$(bin)/pytest tests/service

test-integration: venv ## the operator against a real API server (root)
	@$(bind_local) packages
	@$(bind_local) binaries
	@$(bin)/pytest tests/integration

test-long: venv ## the operator through faults that last (refusals, frozen leaders, deadlocked rollouts), the server through masses of clients (root)
	@$(bind_local) packages
	@$(bind_local) binaries
	@$(bin)/pytest -m long tests/integration tests/service

test-e2e: venv ## the stories of the whole system, on the local cluster (root)
	@$(bind_local) prepare --tests
	@$(bin)/pytest tests/e2e

test-pipelines: room-pipelines venv ## each version of Weaviate, upgrades, KEDA, stores, Flux, Argo CD, docker compose, on the local cluster (root); RECORD=1 renews the page
	@$(bind_local) prepare --pipelines
	@RECORD="$(RECORD)" $(bin)/pytest tests/pipelines --durations=10

room-pipelines:
	@$(call room,--pipelines)

test-huge: venv ## the full-size model against the reference's numbers; 3 GB of memory, minutes
	@$(bin)/pytest -m huge tests/parity

test-gpu: ## the engine on a GPU; needs a Python with torch and numpy (PYTHON=python3), and a card
	@PYTHONPATH=inference:local $(PYTHON) -m bind_gpu --check
	@PYTHONPATH=inference:local:tests $(PYTHON) -m unittest discover -s tests/gpu -t tests

##@ Measure

bench: bench-inference bench-operator ## the benchmarks that need no GPU: bench-inference and bench-operator

bench-inference: venv ## speed of the server, beside Weaviate's: PEER=<its checkout>; QUICK=1 is short; ARGS=--help
	@$(bind_local) binaries helm caddy weaviate
	@$(bind_bench) $(if $(PEER),--peer "$(PEER)") $(if $(QUICK),--quick) $(ARGS)

bench-operator: venv ## cost of the operator beside bare Helm, with 300 resources (root); QUICK=1; ARGS=--help
	@$(bind_local) packages
	@$(bind_local) binaries
	@PYTHONPATH=operator:inference:local:tests $(bin)/python -m support.operator_bench $(if $(QUICK),--quick) $(ARGS)

bench-gpu: ## speed of the engine on a GPU, into docs/benchmarks-gpu.md; needs what test-gpu needs
	@PYTHONPATH=inference:local $(PYTHON) -m bind_gpu

soak: venv ## 10,000 mixed requests, a fifth bad: are answers, memory and /meta as they should be; ARGS=--help
	@PYTHONPATH=inference:local:tests $(bin)/python -m support.soak $(ARGS)

soak-operator: venv ## the operator through 18 faults of a minute, and 50 kills (root); QUICK=1; ARGS=--help
	@$(bind_local) packages
	@$(bind_local) binaries
	@PYTHONPATH=operator:inference:local:tests $(bin)/python -m support.operator_faults $(if $(QUICK),--quick) $(ARGS)

##@ Publish

release: venv ## write release VERSION=x.y.z into a clean tree, and check it; commits and pushes nothing
	@$(bind_release) release "$(VERSION)"

##@ Clean up

clean: ## end the local cluster: no process, mount, interface or rule of it stays; the cache does
	@if [ -x $(bin)/python ]; then $(bind_local) clean; \
	 else echo "there is no .venv, so nothing was started from here; make venv clean ends a cluster of another checkout"; fi

clean-cache: venv ## clean, and give back the gigabytes of programs and images that are kept for the next run
	@$(bind_local) clean-cache
