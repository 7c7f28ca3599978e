// Package monitoring renders what watches the stack: Prometheus, Alertmanager
// and Grafana of its own, or the objects of a Prometheus Operator.
package monitoring

import (
	"embed"
	"fmt"
	"path"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// The names of the parts, which are those of their objects too.
const (
	exporter     = "banhbaoring-exporter"
	prometheus   = "banhbaoring-prometheus"
	rules        = "banhbaoring-prometheus-rules"
	alertmanager = "banhbaoring-alertmanager"
	grafana      = "banhbaoring-grafana"
	dashboard    = "banhbaoring-dashboard-"
)

// Component renders the monitoring.
func Component() render.Component {
	return render.Component{
		Name:    "monitoring",
		Stage:   render.Monitoring,
		Enabled: func(s *render.Stack) bool { return *s.Cluster.Spec.Monitoring.Enabled },
		Build:   build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	p := parts{Stack: s, checksums: map[string]string{}}
	for _, o := range base.Objects() {
		if p.has(o) {
			p.objects = append(p.objects, o)
		}
	}
	for _, complete := range []func() error{
		p.rights, p.exporter, p.dashboards, p.rules, p.prometheus, p.alertmanager, p.grafana,
	} {
		if err := complete(); err != nil {
			return nil, err
		}
	}
	return p.objects, nil
}

// parts are the base's objects that the spec asks for.
type parts struct {
	*render.Stack
	objects   []runtime.Object
	checksums map[string]string
}

// has tells whether the spec asks for an object.
func (p *parts) has(o runtime.Object) bool {
	m := p.Cluster.Spec.Monitoring
	name := o.(metav1.Object).GetName()
	switch _, foreign := o.(*unstructured.Unstructured); {
	case foreign: // a kind of the Prometheus Operator
		return m.Mode == v1.MonitoringOperator
	case name == exporter:
		return true
	case name == dashboard+jobs.Signer && !*p.Cluster.Spec.Signer.Enabled:
		return false
	case strings.HasPrefix(name, dashboard):
		return m.Mode == v1.MonitoringOperator || *m.Grafana.Enabled
	case m.Mode == v1.MonitoringOperator:
		return false
	case name == alertmanager:
		return *m.Alerting.Enabled
	case name == grafana:
		return *m.Grafana.Enabled
	default:
		return true
	}
}

// rights binds each Role in the cluster's namespace.
func (p *parts) rights() error {
	for _, o := range p.objects {
		if binding, ok := o.(*rbacv1.RoleBinding); ok {
			binding.Subjects[0].Namespace = p.Cluster.Namespace
		}
	}
	return nil
}

// dashboards fills each dashboard's ConfigMap from the file of its name.
func (p *parts) dashboards() error {
	for _, o := range p.objects {
		cm, ok := o.(*corev1.ConfigMap)
		name, is := strings.CutPrefix(o.(metav1.Object).GetName(), dashboard)
		if !ok || !is {
			continue
		}
		text, err := files.ReadFile(path.Join("base/dashboards", name+".json"))
		if err != nil {
			return err
		}
		cm.Data = map[string]string{"banhbaoring-" + name + ".json": string(text)}
	}
	return nil
}

// rules puts the rules where the mode wants them.
func (p *parts) rules() error {
	text, err := files.ReadFile("base/rules.yaml")
	if err != nil {
		return err
	}
	if cm, ok := find[*corev1.ConfigMap](p, rules); ok {
		cm.Data = map[string]string{"rules.yaml": string(text)}
	}
	for _, o := range p.objects {
		if u, ok := o.(*unstructured.Unstructured); ok && u.GetKind() == "PrometheusRule" {
			var spec map[string]any
			if err := yaml.Unmarshal(text, &spec); err != nil {
				return fmt.Errorf("rules.yaml: %w", err)
			}
			u.Object["spec"] = spec
		}
	}
	return nil
}

// find is the object of that type and name, if the spec asks for it.
func find[T metav1.Object](p *parts, name string) (found T, ok bool) {
	for _, o := range p.objects {
		if t, is := o.(T); is && t.GetName() == name {
			return t, true
		}
	}
	return found, false
}

// storage is what the spec asks of a StatefulSet's only volume.
func storage(set *appsv1.StatefulSet, s v1.Storage) {
	claim := &set.Spec.VolumeClaimTemplates[0].Spec
	if !s.Size.IsZero() {
		claim.Resources.Requests[corev1.ResourceStorage] = s.Size
	}
	if s.StorageClass != "" {
		claim.StorageClassName = &s.StorageClass
	}
}
