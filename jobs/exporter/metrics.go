package exporter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// metrics are gauges in Prometheus's text format, of which each name's must
// stand together.
type metrics struct {
	names    []string
	families map[string]*strings.Builder
}

// gauge adds one value; labels are names and values in turn.
func (m *metrics) gauge(name, help string, value float64, labels ...string) {
	if m.families == nil {
		m.families = map[string]*strings.Builder{}
	}
	family, ok := m.families[name]
	if !ok {
		family = &strings.Builder{}
		fmt.Fprintf(family, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
		m.names, m.families[name] = append(m.names, name), family
	}
	pairs := make([]string, 0, len(labels)/2)
	for pair := range slices.Chunk(labels, 2) {
		pairs = append(pairs, pair[0]+`="`+escape.Replace(pair[1])+`"`)
	}
	fmt.Fprintf(family, "%s{%s} %s\n", name, strings.Join(pairs, ","), strconv.FormatFloat(value, 'f', -1, 64))
}

// flag adds 1 or 0.
func (m *metrics) flag(name, help string, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	m.gauge(name, help, value, labels...)
}

func (m *metrics) text() string {
	var out strings.Builder
	for _, name := range m.names {
		out.WriteString(m.families[name].String())
	}
	return out.String()
}

// escape is for the values of labels. Source: Prometheus, exposition formats.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
