package render

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

var kindName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)

// checkNames refuses an object whose kind, namespace, name or stage is not what
// the API server takes: they become paths, of files and of requests.
func checkNames(u *unstructured.Unstructured) error {
	bad := func(field, value, want string) error {
		return fmt.Errorf("leaves %s %s with %s %q: %s", u.GetKind(), u.GetName(), field, value, want)
	}
	gv, err := schema.ParseGroupVersion(u.GetAPIVersion())
	if err != nil || gv.Group != "" && len(validation.IsDNS1123Subdomain(gv.Group)) > 0 || len(validation.IsDNS1123Label(gv.Version)) > 0 {
		return bad("apiVersion", u.GetAPIVersion(), "must be GROUP/VERSION, or v1")
	}
	if !kindName.MatchString(u.GetKind()) {
		return bad("kind", u.GetKind(), "must be letters and digits, of which the first is a capital")
	}
	if namespace := u.GetNamespace(); namespace != "" {
		if faults := validation.IsDNS1123Label(namespace); len(faults) > 0 {
			return bad("metadata.namespace", namespace, faults[0])
		}
	}
	check := validation.IsDNS1123Subdomain
	if u.GroupVersionKind().Group == "rbac.authorization.k8s.io" { // whose names may have colons
		check = pathSegment
	}
	if faults := check(u.GetName()); u.GetName() == "" || len(faults) > 0 {
		return bad("metadata.name", u.GetName(), append(faults, "must not be empty")[0])
	}
	if stage := u.GetAnnotations()[StageAnnotation]; stage != "" {
		if _, err := ParseStage(stage); err != nil {
			return bad("annotation "+StageAnnotation, stage, err.Error())
		}
	}
	return nil
}

// namespaces are those that objects lie in.
func namespaces(objects Manifests) map[string]bool {
	all := map[string]bool{}
	for _, u := range objects {
		all[u.GetNamespace()] = true
	}
	return all
}

// clusterWide are the kinds of objects that have no namespace.
func clusterWide(objects Manifests) map[string]bool {
	kinds := map[string]bool{}
	for _, u := range objects {
		if u.GetNamespace() == "" {
			kinds[u.GetKind()] = true
		}
	}
	return kinds
}

// checkNamespace refuses what a patch has put into a namespace of others, where a
// policy that denies by default, or a Role, would do more than it is for; or into
// none, from where it goes wherever the one who applies it works.
func checkNamespace(u *unstructured.Unstructured, own, clusterWide map[string]bool) error {
	namespace := u.GetNamespace()
	if namespace == "" && !clusterWide[u.GetKind()] {
		return fmt.Errorf("leaves %s %s without a namespace: it would go wherever the one who applies it works", u.GetKind(), u.GetName())
	}
	if u.GetKind() == "Namespace" {
		namespace = u.GetName()
	}
	if own[namespace] || !v1.IsForeignNamespace(namespace) {
		return nil
	}
	return fmt.Errorf("leaves %s %s in namespace %s, which is Kubernetes' own or a controller's", u.GetKind(), u.GetName(), namespace)
}

// pathSegment checks a name that may be any segment of a URL's path.
func pathSegment(name string) []string {
	if name == "." || name == ".." || strings.ContainsAny(name, "/%") {
		return []string{"must be neither . nor .. and hold neither / nor %"}
	}
	return nil
}
