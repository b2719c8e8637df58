# Everything installs itself: Python 3.11+, Go, git and make are enough. `make help` lists the targets.
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
TOOLS := .tools/uv-$(UV_VERSION)
UV := $(TOOLS)/bin/uv
RUN := $(UV) run --frozen --quiet
# What `bedplate init` writes as it is here; the package carries a copy.
COPIED := platform/__main__.py .github/workflows/plan.yml .github/workflows/preview.yml
STARTER := components/bedplate/starter/files

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

rehearse: install ## Rehearse the local stack on a real Kubernetes API server
	@$(RUN) bedplate rehearse local

test: install ## Run all tests; builds the control plane, and skips what needs a program that is not built
	@$(RUN) pytest

test-offline: install ## Run the tests that need neither Go nor a cluster
	@$(RUN) pytest --ignore tests/cluster --ignore tests/engine --ignore tests/isolation

check: install ## Format check, lint, types, import directions and generated files
	@$(RUN) ruff format --check
	@$(RUN) ruff check
	@$(RUN) pyright
	@$(RUN) pytest --quiet tests/conformance/test_architecture.py
	@$(RUN) bedplate schema --check stacks
	@$(RUN) bedplate reference --check docs/reference
	@for file in $(COPIED); do cmp $$file $(STARTER)/$${file#.} || { echo "Fix: make format" >&2; exit 1; }; done

programs: install ## Build every program that rehearsals and tests run, once; about an hour on two cores
	@$(RUN) bedplate programs build
	@$(RUN) bedplate programs

definitions: install ## Renew the definitions of the pinned Traefik, Prometheus operator, Kueue and JobSet, from their Go modules; needs Go
	@cd tests && ../$(RUN) python traefik_definitions.py && ../$(RUN) python prometheus_definitions.py && ../$(RUN) python queue_definitions.py

plan: install ## Pulumi's own preview of STACK, read and judged by the guard; needs its CLI and the stack's state
	@test -n "$(STACK)" || { echo "Fix: make plan STACK=NAME" >&2; exit 2; }
	@mkdir -p .bedplate
	@status=0; PATH="$(CURDIR)/.venv/bin:$$PATH" PULUMI_SKIP_CHECKPOINTS=true \
		pulumi preview --stack "$(STACK)" --json --non-interactive > .bedplate/plan.json || status=$$?; \
		$(RUN) bedplate guard .bedplate/plan.json && exit $$status

benchmark: install ## Print the benchmark tables; AGAINST=REV for those beside another revision alone
	@$(RUN) python tests/benchmarks/commands.py $(if $(AGAINST),--against $(AGAINST))
	@$(if $(AGAINST),,$(RUN) python tests/benchmarks/registration.py)

benchmark-rehearsal: install ## Measure rehearsals at 5, 50 and 200 tenants; BASE=FOLDER beside another checkout
	@$(RUN) python tests/benchmarks/rehearsal.py $(if $(BASE),--base $(BASE))

benchmark-guardrails: install ## Measure creating Jobs with and without the guardrails; COST=1 for what CEL accounts
	@$(RUN) python tests/benchmarks/guardrails.py $(if $(COST),--cost)

benchmark-engine: install ## Measure Pulumi itself at 5, 50 and 200 tenants; hours: see its --help for parts of it
	@$(RUN) python tests/benchmarks/pulumi_engine.py

benchmark-idle: install ## Measure stopping 20 and 200 workspaces with GPUs beside the prototype; needs built programs
	@$(RUN) python tests/benchmarks/idle.py

benchmark-spawn: install ## Measure how soon a stopped workspace is usable beside JupyterHub's spawn; needs built programs, npm and Node.js
	@$(UV) venv --quiet --allow-existing $(INTERFACES)/jupyterhub
	@$(UV) pip sync --quiet --require-hashes --python $(INTERFACES)/jupyterhub/bin/python tests/interfaces/jupyterhub.txt
	@npm install --silent --no-audit --no-fund --prefix $(INTERFACES)/jupyterhub configurable-http-proxy@$(PROXY_VERSION)
	@$(RUN) python tests/benchmarks/spawn.py

benchmark-sessions: install ## Measure the login under load; needs built programs, and Valkey or Redis
	@$(RUN) python tests/benchmarks/sessions.py

benchmark-deploys: install ## Measure a deploy beside kubectl's apply and rollout status of the same objects, in turns
	@$(RUN) python tests/benchmarks/deploys.py

benchmark-jobs: install ## Run a job 300 times a day for a week of cluster time; prints what is left
	@$(RUN) python tests/benchmarks/jobs.py

benchmark-logs: install ## Measure what a million lines of logs cost the store, beside Fluent Bit's defaults; needs Maven and a JDK
	@$(RUN) python tests/benchmarks/logs.py

format: install ## Format and generate what is generated
	@$(RUN) ruff format
	@$(RUN) ruff check --fix
	@$(RUN) bedplate schema stacks
	@$(RUN) bedplate reference docs/reference
	@for file in $(COPIED); do cp $$file $(STARTER)/$${file#.}; done

install: .venv/.installed ## Install the library and the development tools into .venv

.venv/.installed: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --frozen --quiet
	@env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m bedplate.cli.byte_code
	@touch $@

$(TOOLS)/bin/uv:
	@echo "installing uv $(UV_VERSION) into .tools"
	@python3 -m venv $(TOOLS) || { echo "python3 has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(TOOLS)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

clean: ## Remove what was installed here; built programs stay in ~/.cache/bedplate
	@rm -rf .venv .tools dist .pytest_cache .ruff_cache

# renovate: datasource=npm depName=configurable-http-proxy
PROXY_VERSION := 5.3.0
INTERFACES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bedplate/interfaces
interfaces: install ## Install what tests of workspaces and apps run, from tests/interfaces: JupyterLab, VS Code, Streamlit, Gradio, Dash, Locust
	@for name in jupyterlab apps code-server load; do \
		$(UV) venv --quiet --allow-existing $(INTERFACES)/$$name && \
		$(UV) pip sync --quiet --require-hashes --python $(INTERFACES)/$$name/bin/python tests/interfaces/$$name.txt || exit 1; \
	done
	@tests/interfaces/code-server/install $(INTERFACES)/code-server || echo "code-server is not installed: its test is skipped" >&2

# renovate: datasource=pypi depName=torch
TORCH_VERSION := 2.15.0
TORCH := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bedplate/torch
torch: install ## Fetch the PyTorch that tests of trainings run (5.3 GB), into the cache of programs
	@$(UV) venv --quiet --allow-existing --relocatable --python /usr/bin/python3 $(TORCH) && $(UV) pip install --python $(TORCH)/bin/python torch==$(TORCH_VERSION) numpy

kueue-certificate: ## Make the certificate that Kueue reads beside a rehearsal, at its fixed place; as a user who may write to /etc
	@mkdir -p /etc/kueue/metrics/certs && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-subj /CN=kueue-metrics -addext subjectAltName=IP:127.0.0.1 \
		-keyout /etc/kueue/metrics/certs/tls.key -out /etc/kueue/metrics/certs/tls.crt

.PHONY: interfaces torch kueue-certificate help rehearse test test-offline check programs definitions plan benchmark benchmark-rehearsal benchmark-guardrails benchmark-engine benchmark-idle benchmark-spawn benchmark-sessions benchmark-deploys benchmark-jobs benchmark-logs format install clean
