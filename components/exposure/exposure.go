// Package exposure renders how the hosts are reached from outside.
package exposure

import (
	"embed"
	"fmt"
	"maps"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// vault is the name of what exposes OpenBao.
const vault = "banhbaoring-vault"

// Component renders an Ingress or an HTTPRoute for each host.
func Component() render.Component {
	return render.Component{
		Name:  "exposure",
		Stage: render.Exposure,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	spec := &s.Cluster.Spec
	hosts := map[string]string{}
	for _, host := range spec.Hosts() {
		hosts["banhbaoring-"+host.Component] = host.Name
	}
	var objects []runtime.Object
	for _, o := range base.Objects() {
		meta := o.(metav1.Object)
		host, exists := hosts[meta.GetName()]
		ingress, isIngress := o.(*networkingv1.Ingress)
		if !exists || isIngress != (spec.Networking.Mode == v1.NetworkingIngress) {
			continue
		}
		if meta.GetName() == vault && spec.Networking.OpenBao.Expose == v1.ExposeSigning {
			narrow(o)
		}
		switch {
		case isIngress:
			annotate(meta, spec.Networking.Annotations)
			expose(ingress, host, spec)
		case o.GetObjectKind().GroupVersionKind().Kind == "HTTPRoute":
			annotate(meta, spec.Networking.Annotations)
			route(o.(*unstructured.Unstructured), host, spec.Networking.GatewayRef)
		default: // the BackendTLSPolicy
			verify(o.(*unstructured.Unstructured), s.Cluster.Namespace)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// annotate adds the user's annotations, which win.
func annotate(o metav1.Object, given map[string]string) {
	annotations := map[string]string{}
	maps.Copy(annotations, o.GetAnnotations())
	maps.Copy(annotations, given)
	o.SetAnnotations(annotations)
}

// expose completes an Ingress. An issuer makes a certificate for each host;
// without one a certificate of one's own serves OpenBao's host, and the others
// have what the controller has for them.
func expose(ingress *networkingv1.Ingress, host string, spec *v1.BanhBaoRingClusterSpec) {
	if class := spec.Networking.IngressClassName; class != "" {
		ingress.Spec.IngressClassName = &class
	}
	ingress.Spec.Rules[0].Host = host

	certificate := ""
	switch tls := spec.OpenBao.TLS; {
	case tls.Issuer != "":
		annotate(ingress, map[string]string{"cert-manager.io/cluster-issuer": tls.Issuer})
		certificate = ingress.Name + "-tls"
	case ingress.Name == vault:
		certificate = tls.SecretName
	}
	if certificate != "" {
		ingress.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host}, SecretName: certificate}}
	}
}

// route completes an HTTPRoute.
func route(r *unstructured.Unstructured, host string, gateway *v1.GatewayRef) {
	spec := r.Object["spec"].(map[string]any)
	spec["hostnames"] = []any{host}
	parent := spec["parentRefs"].([]any)[0].(map[string]any)
	parent["name"] = gateway.Name
	if gateway.Namespace != "" {
		parent["namespace"] = gateway.Namespace
	}
	if gateway.SectionName != "" {
		parent["sectionName"] = gateway.SectionName
	}
}

// verify completes the policy by which the Gateway checks OpenBao's certificate.
func verify(policy *unstructured.Unstructured, namespace string) {
	validation := policy.Object["spec"].(map[string]any)["validation"].(map[string]any)
	validation["hostname"] = fmt.Sprintf("%s.%s.svc", jobs.OpenBaoActive, namespace)
}
