# Crease: `make serve` builds and runs the service, `make test` runs every test.

SHELL := /bin/bash
.DEFAULT_GOAL := serve

# Tests need internal symbols of release code: they have a build folder of their own.
TEST_BUILD := --scratch-path .build/testing -c release -Xswiftc -enable-testing

.PHONY: serve build test check-training sanitize bench package package-test lint openapi dependencies clean

dependencies:
	@deploy/install-dependencies.sh build

build: dependencies
	swift build -c release --product crease

serve: build
	exec .build/release/crease serve $(ARGS)

test:
	@deploy/install-dependencies.sh test
	swift build $(TEST_BUILD) --build-tests
	CREASE_EXECUTABLE=$(CURDIR)/.build/testing/release/crease \
	    swift test $(TEST_BUILD) --skip-build --parallel

# Holds trained networks against independent solvers, in an environment of their own; after `make test`.
check-training:
	@deploy/install-dependencies.sh test
	scripts/check-training.sh .build/testing/release/crease-bench

# Address and thread sanitizer runs of the tests of the parts that share memory between threads or with C.
sanitize:
	@deploy/install-dependencies.sh test
	scripts/sanitize.sh

bench:
	@deploy/install-dependencies.sh bench
	swift build -c release
	Benchmarks/run.sh

package:
	@deploy/install-dependencies.sh package
	@rm -f crease_*.deb
	deploy/debian/build-package.sh

# Installs the package into a clean Debian root and serves a request from there; as root.
package-test: package
	deploy/debian/test-package.sh crease_*.deb

lint:
	swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

# Holds openapi.json against the OpenAPI 3.1 schema.
openapi:
	@deploy/install-dependencies.sh test
	scripts/validate-openapi.sh

clean:
	rm -rf .build
