# The commands of a working day. `make` alone lists them.
.DEFAULT_GOAL := help
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: dev
dev: ## run the authorization server and the sample APIs
	go run ./cmd/postern dev

.PHONY: test
test: ## run the tests
	go test ./...
	@[ -n "$$POSTERN_VECTORS" ] || [ -d ../shared ] || echo "not run: the tests of vectors by others, which would lie in ../shared/vectors or where POSTERN_VECTORS says"
	@command -v chromium >/dev/null && [ -d interop/pages/node_modules ] || echo "not run: the tests that look at pages in Chromium; interop/pages/install installs it"
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || echo "not run: the tests with PostgreSQL; Debian's package postgresql has it"

.PHONY: check
check: ## formatting, vet, staticcheck, tests with the race detector, tidy modules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	go test -race ./...

.PHONY: pictures
pictures: ## the pictures of the README, anew
	mkdir -p docs/pictures
	POSTERN_README_PICTURES=$(CURDIR)/docs/pictures go test -count=1 -run '^TestBrowserClientInTheConsole$$' ./cmd/postern

.PHONY: deep
deep: ## the exhaustive tests, every mutant, and every fuzz target for 15 seconds
	POSTERN_DEEP=1 go test -timeout 60m ./internal/jws/... ./internal/claims/... ./jwt/... ./dpop/... ./internal/mutation/...
	./.ci/fuzz 15s

.PHONY: bench
bench: ## CPU time of Postern and its peers on the same tokens
	cd bench && go run .

.PHONY: bench-server
bench-server: ## CPU time of a login's code and tokens, and of userinfo, beside a signature
	cd bench && go run . -group logins && go run . -group tokens

.PHONY: bench-check
bench-check: ## the same, held to the gates
	cd bench && go run . -check-gates

.PHONY: adapters
adapters: ## vet and test the adapters, which are modules of their own
	cd adapters/mcp && go mod tidy -diff && go vet ./... && go test -race ./...

.PHONY: interop
interop: ## the foreign clients and servers (needs python3 and node)
	./interop/run

.PHONY: long-timing
long-timing: ## how long the server takes to refuse, whatever the reason: medians over minutes
	go test -tags long -timeout 30m -count=1 -v -run '^TestLongFindingS6' ./server

.PHONY: long-passwords
long-passwords: ## how long an unknown user and a wrong password take, the hash alone and at the login page: medians of 2,000 tries
	go test -tags long -timeout 30m -count=1 -v -run '^TestLongS10' ./server/internal/password ./server

.PHONY: long-flood
long-flood: ## stalled bodies over 10,000 connections and 9,600 streams against a 'postern serve'
	go test -tags long -timeout 30m -count=1 -v -run '^TestLongFindingS1' ./cmd/postern

.PHONY: long-replicas
long-replicas: ## two servers with one PostgreSQL, 10,000 times: what one deactivates, revokes and uses up counts at the other
	POSTERN_ROUNDS=10000 go test -timeout 60m -count=1 -v -run '^TestWhatOneReplica|IsUsedAtOneReplica$$' ./server

.PHONY: long-kills
long-kills: ## kill -9 in 5,000 logins, renewals, logouts and changes of passwords: nothing acknowledged is undone
	go test -tags long -timeout 30m -count=1 -v -run '^TestLongLoginsLoseNothing' ./cmd/postern

.PHONY: long-logins
long-logins: ## 32 people who log in at once, for half a minute: memory, and how long everybody else waits
	go test -tags long -timeout 30m -count=1 -v -run '^TestLongManyLogins' ./cmd/postern

.PHONY: long-paint
long-paint: ## how soon a page is seen by a browser that has never been there
	go test -tags long -timeout 30m -count=1 -v -run '^TestLongFirstPaint' ./server
