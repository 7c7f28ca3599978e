// The exporters of PostgreSQL and Redis that the stack runs by default, for the
// tests: a module of its own, since their requirements are none of the program's.
module github.com/banhbaoring/banhbaoring/e2e/exporters

go 1.26.7

require (
	github.com/oliver006/redis_exporter v1.88.0
	github.com/prometheus-community/postgres_exporter v0.19.1
)
