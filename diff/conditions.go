package diff

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// renamed tells whether an object is matched through the hash in its name.
func (p *pair) renamed() bool {
	return p.base != nil && p.now != nil && p.base.GetName() != p.now.GetName()
}

// ofJob tells whether an object is a Job, or the configuration of one.
func (p *pair) ofJob() bool {
	_, hashed := hashedBase(p.one().GetName())
	return p.id.Kind == "Job" || p.id.Kind == "ConfigMap" && hashed
}

// refused is what the API server said, if it would not take the head's object.
func (p *pair) refused() string {
	if p.now == nil {
		return ""
	}
	return p.sides.refusals[exact(p.now)]
}

func isCloudNativePG(p *pair, _ leaf) bool { return p.id.Group == "postgresql.cnpg.io" }

func ofOpenBao(p *pair, _ leaf) bool { return isOpenBao(p.one()) }

// losesQuorum tells whether the peers that stay are no majority of those that
// raft knows, or could be one half of themselves.
func losesQuorum(p *pair, l leaf) bool {
	old, ok1 := l.old.(int64)
	now, ok2 := l.now.(int64)
	if !ok1 || !ok2 { // absent is one
		old, now = max(old, 1), max(now, 0)
		if l.now == nil {
			now = 1
		}
	}
	return isOpenBao(p.now) && (now < old/2+1 || now%2 == 0)
}

func otherMajor(p *pair, l leaf) bool {
	if p.id.Kind == "Cluster" && !isCloudNativePG(p, l) || tag(l.old) == tag(l.now) && tag(l.now) != "" {
		return false
	}
	major := func(v any) string {
		return strings.FieldsFunc(tag(v)+".", func(r rune) bool { return r == '.' || r == '-' })[0]
	}
	return tag(l.old) == "" || tag(l.now) == "" || major(l.old) != major(l.now)
}

// tag is the version in an image's name, empty where it has none.
func tag(image any) string {
	name, _ := image.(string)
	name, _, _ = strings.Cut(name, "@")
	name = name[strings.LastIndex(name, "/")+1:]
	_, version, _ := strings.Cut(name, ":")
	return version
}

// mutable are the fields of a StatefulSet's spec that may change.
// Source: ValidateStatefulSetUpdate in k8s.io/kubernetes/pkg/apis/apps/validation.
var mutable = []string{"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}

func frozenInStatefulSet(_ *pair, l leaf) bool {
	return len(l.segments) > 1 && l.segments[1] != "volumeClaimTemplates" && !slices.Contains(mutable, l.segments[1])
}

// notOurAnnotation leaves out the annotations that order a sync.
func notOurAnnotation(_ *pair, l leaf) bool {
	if len(l.segments) != 3 || l.segments[1] != "annotations" {
		return true
	}
	for _, prefix := range []string{"banhbaoring.io/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/"} {
		if strings.HasPrefix(l.segments[2], prefix) {
			return false
		}
	}
	return true
}

func balancer(p *pair, l leaf) bool {
	kind := at(p.now.Object, "spec", "type")
	return notOurAnnotation(p, l) && kind != nil && kind != "ClusterIP"
}

func added(_ *pair, l leaf) bool { return l.now != nil }

// loosens leaves out what comes or goes with a whole container, unless that is
// allowed too much.
func loosens(p *pair, l leaf) bool {
	own := slices.ContainsFunc(l.change.Path.segments(), func(s string) bool {
		return slices.Contains([]string{"securityContext", "hostPath"}, s) || len(l.change.Path) == len(l.segments)
	})
	if stricter(l) {
		return false
	}
	return own || l.change.Op != Remove && beyondRestricted(p, l)
}

// stricter reports whether a value allows a pod less than any other.
func stricter(l leaf) bool {
	switch l.segments[len(l.segments)-1] {
	case "privileged", "allowPrivilegeEscalation", "hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "automountServiceAccountToken":
		return l.now == false
	case "runAsNonRoot", "readOnlyRootFilesystem":
		return l.now == true
	}
	return false
}

// beyondRestricted tells whether a value of a new pod is more than restricted
// pod security allows.
func beyondRestricted(_ *pair, l leaf) bool {
	last := l.segments[len(l.segments)-1]
	switch {
	case slices.Contains([]string{"privileged", "allowPrivilegeEscalation", "hostNetwork", "hostPID", "hostIPC"}, last):
		return l.now == true
	case last == "runAsNonRoot":
		return l.now == false
	case last == "runAsUser":
		return l.now == int64(0)
	case slices.Contains(l.segments, "hostPath"), last == "hostPort":
		return true
	case slices.Contains(l.segments, "capabilities") && slices.Contains(l.segments, "add"):
		return l.now != "NET_BIND_SERVICE"
	}
	return false
}

func allowsAny(u *unstructured.Unstructured) bool {
	for _, direction := range []string{"ingress", "egress"} {
		if rules, _ := at(u.Object, "spec", direction).([]any); len(rules) > 0 {
			return true
		}
	}
	return false
}

// stillDenied tells whether the head denies by default, in the namespace of a
// policy that is gone, each direction that the policy restricted.
func stillDenied(p *pair) bool {
	denied := map[string]bool{}
	for _, u := range p.sides.now {
		if u.GetKind() != "NetworkPolicy" || u.GetNamespace() != p.id.Namespace || !empty(at(u.Object, "spec", "podSelector")) {
			continue
		}
		for _, direction := range directions(u) {
			denied[direction] = true
		}
	}
	for _, direction := range directions(p.one()) {
		if !denied[direction] {
			return false
		}
	}
	return true
}

// directions are those that a policy restricts; those that the API server fills
// in where it names none.
func directions(u *unstructured.Unstructured) []string {
	types, _ := at(u.Object, "spec", "policyTypes").([]any)
	if len(types) == 0 {
		types = []any{"Ingress"}
		if at(u.Object, "spec", "egress") != nil {
			types = append(types, "Egress")
		}
	}
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, show(t))
	}
	return names
}

func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0 || len(v) == 2 && empty(v["matchLabels"]) && empty(v["matchExpressions"])
	case []any:
		return len(v) == 0
	}
	return v == nil
}
