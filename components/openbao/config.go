package openbao

import (
	_ "embed"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

//go:embed openbao.hcl
var hclTemplate string

var hcl = template.Must(template.New("openbao.hcl").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(hclTemplate))

// configuration is what OpenBao's configuration is written from.
type configuration struct {
	ClusterName         string
	PluginDirectory     string
	DisableStandbyReads bool
	AutoReload          bool
	MetricsListener     bool
	MetricsPort         int
	MetricsClusterPort  int
	DisableRekey        bool
	TrustedProxies      string
	Peers               []peer
	Seal                *seal
}

// SealWidth is the longest name in the seal's stanza.
func (c configuration) SealWidth() int {
	width := 0
	for _, f := range c.Seal.Fields {
		width = max(width, len(f.Name))
	}
	return width
}

type peer struct{ Address, Host string }

// config writes OpenBao's configuration.
func config(c *v1.BanhBaoRingCluster) (string, error) {
	version := c.Spec.OpenBao.Version
	conf := configuration{
		ClusterName:         c.Name,
		PluginDirectory:     pluginDirectory,
		DisableStandbyReads: v1.HasDisableStandbyReads(version),
		AutoReload:          v1.HasTLSAutoReload(version),
		MetricsListener:     v1.HasMetricsListener(version),
		MetricsPort:         metricsPort,
		MetricsClusterPort:  metricsPort + 10,
		DisableRekey:        v1.MustDisableRekey(version),
		TrustedProxies:      strings.Join(c.Spec.Networking.TrustedProxies, ","),
		Seal:                sealFor(c),
	}
	for i := range int(*c.Spec.OpenBao.Replicas) {
		conf.Peers = append(conf.Peers, peer{jobs.PeerAddress(i), jobs.PeerHost(i)})
	}
	if err := conf.Seal.check(); err != nil {
		return "", err
	}
	var out strings.Builder
	if err := hcl.Execute(&out, conf); err != nil {
		return "", err
	}
	return out.String(), nil
}

// mangled are the texts that would not reach OpenBao as written: the chart
// expands templates, its entrypoint replaces the names, and HCL interpolates.
// Source: openbao-helm, templates/_helpers.tpl and server-statefulset.yaml.
var mangled = regexp.MustCompile(`\{\{|\$\{|HOSTNAME|HOST_IP|POD_IP|API_ADDR|TRANSIT_ADDR|RAFT_ADDR`)

// check refuses values of the user's that the chart would change.
func (s *seal) check() error {
	if s == nil {
		return nil
	}
	for _, f := range s.Fields {
		if found := mangled.FindString(f.Value); found != "" {
			return field.Invalid(field.NewPath("spec", "openbao", "autoUnseal", f.spec), f.Value,
				"must not contain "+found+", which OpenBao's chart replaces")
		}
	}
	return nil
}
