// The real Prometheus and promtool, for the tests: a module of its own, since
// their requirements are none of the program's.
module github.com/banhbaoring/banhbaoring/e2e/prometheus

go 1.26.7

require github.com/prometheus/prometheus v0.316.0
