// Package metrics is what Prometheus reads of the signer.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const namespace = "banhbaoring_signer"

// Metrics are the signer's. Their labels are bounded: nobody is counted by name who
// was not authenticated.
type Metrics struct {
	registry  *prometheus.Registry
	durations *prometheus.HistogramVec
	refusals  *prometheus.CounterVec
	turned    *prometheus.CounterVec
	batches   *prometheus.HistogramVec
	bao       *prometheus.HistogramVec
}

// State is read when Prometheus asks.
type State struct {
	Ready  func() bool
	Active func() string    // the address of OpenBao's active node, or empty
	Token  func() time.Time // when the token ends
	Depths func() map[string]int
	// Certificate is when the certificate ends that clients are shown.
	Certificate func() time.Time
}

// New registers all metrics.
func New() *Metrics {
	latency := []float64{.0005, .001, .002, .003, .005, .0075, .01, .015, .025, .05, .1, .25, .5, 1, 2}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "request_duration_seconds", Buckets: latency,
			Help: "How long clients waited for a call's answer, by outcome: ok, refused, invalid, busy or failed.",
		}, []string{"tenant", "client", "method", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "refusals_total", Help: "Calls that were refused, by code and rule.",
		}, []string{"tenant", "client", "code", "rule"}),
		turned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "turned_away_total", Help: "Requests that came from nobody known, or for which there was no room, by code.",
		}, []string{"code"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "batch_entries", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
			Help: "Signatures that went to OpenBao in one request.",
		}, []string{"tenant"}),
		bao: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "openbao_duration_seconds", Buckets: latency,
			Help: "How long OpenBao took to answer a batch, with what was tried again.",
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.durations, m.refusals, m.turned, m.batches, m.bao,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Outcome is how a call ended.
func Outcome(err error) string {
	if err == nil {
		return "ok"
	}
	p := problem.Of(err)
	switch {
	case p.Code == "busy":
		return "busy"
	case p.Status == http.StatusBadRequest || p.Status == 0:
		return "invalid"
	case p.Status >= http.StatusInternalServerError:
		return "failed"
	}
	return "refused"
}

// Call counts a call of a client.
func (m *Metrics) Call(tenant, client, method string, took time.Duration, err error) {
	outcome := Outcome(err)
	m.durations.WithLabelValues(tenant, client, method, outcome).Observe(took.Seconds())
	if outcome != "ok" {
		p := problem.Of(err)
		m.refusals.WithLabelValues(tenant, client, p.Code, p.Rule).Inc()
	}
}

// TurnedAway counts a request that was not let in.
func (m *Metrics) TurnedAway(err error) { m.turned.WithLabelValues(problem.Of(err).Code).Inc() }

// Batch counts a batch that goes to OpenBao.
func (m *Metrics) Batch(tenant string, entries int) {
	m.batches.WithLabelValues(tenant).Observe(float64(entries))
}

// OpenBao counts the answer to a batch.
func (m *Metrics) OpenBao(took time.Duration, err error) {
	m.bao.WithLabelValues(Outcome(err)).Observe(took.Seconds())
}

// Watch adds what is read when Prometheus asks.
func (m *Metrics) Watch(s State) { m.registry.MustRegister(&state{s}) }

// Handler is what Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// state collects State.
type state struct{ State }

var (
	ready       = prometheus.NewDesc(namespace+"_ready", "1 where the signer can sign.", nil, nil)
	active      = prometheus.NewDesc(namespace+"_openbao_active", "1 for OpenBao's active node as the signer sees it.", []string{"address"}, nil)
	token       = prometheus.NewDesc(namespace+"_token_expiry_timestamp_seconds", "When the token for OpenBao ends unless it is renewed.", nil, nil)
	depth       = prometheus.NewDesc(namespace+"_queue_depth", "Requests that wait for the batch before theirs.", []string{"tenant"}, nil)
	certificate = prometheus.NewDesc(namespace+"_certificate_expiry_timestamp_seconds", "When the certificate ends that clients are shown.", nil, nil)
)

func (*state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{ready, active, token, depth, certificate} {
		to <- d
	}
}

func (s *state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	isReady := 0.0
	if s.Ready() {
		isReady = 1
	}
	gauge(ready, isReady)
	if address := s.Active(); address != "" {
		gauge(active, 1, address)
	}
	if ends := s.Token(); !ends.IsZero() {
		gauge(token, float64(ends.Unix()))
	}
	gauge(certificate, float64(s.Certificate().Unix()))
	for tenant, n := range s.Depths() {
		gauge(depth, float64(n), tenant)
	}
}
