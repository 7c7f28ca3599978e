// The real Alertmanager and amtool, for the tests: a module of its own, since
// Prometheus and it need different versions of the same modules.
module github.com/banhbaoring/banhbaoring/e2e/alertmanager

go 1.26.0

require github.com/prometheus/alertmanager v0.34.2
