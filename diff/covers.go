package diff

import (
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// widerPolicy tells whether a NetworkPolicy lets through anything that it did
// not. Where that cannot be told, it does.
func widerPolicy(p *pair, _ leaf) bool {
	old, now := at(p.base.Object, "spec"), at(p.now.Object, "spec")
	if !equal(at(old, "podSelector"), at(now, "podSelector")) {
		return true
	}
	for _, direction := range directions(p.base) {
		if !slices.Contains(directions(p.now), direction) {
			return true
		}
	}
	for direction, peers := range map[string]string{"ingress": "from", "egress": "to"} {
		restricted := slices.Contains(directions(p.base), strings.ToUpper(direction[:1])+direction[1:])
		if restricted && !allCovered(list(at(old, direction)), list(at(now, direction)), func(was, is any) bool {
			return someCovered(list(at(was, peers)), list(at(is, peers)), coversPeer) &&
				someCovered(list(at(was, "ports")), list(at(is, "ports")), coversPort)
		}) {
			return true
		}
	}
	return false
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// allCovered tells whether each of now is covered by one of old.
func allCovered(old, now []any, covers func(was, is any) bool) bool {
	for _, is := range now {
		if !slices.ContainsFunc(old, func(was any) bool { return covers(was, is) }) {
			return false
		}
	}
	return true
}

// someCovered is allCovered of lists that stand for everything when empty.
func someCovered(old, now []any, covers func(was, is any) bool) bool {
	switch {
	case len(old) == 0:
		return true
	case len(now) == 0:
		return false
	}
	return allCovered(old, now, covers)
}

func coversPeer(was, is any) bool {
	if equal(was, is) {
		return true
	}
	if at(was, "ipBlock") == nil && at(is, "ipBlock") == nil {
		return coversNamespaces(at(was, "namespaceSelector"), at(is, "namespaceSelector")) && coversLabels(at(was, "podSelector"), at(is, "podSelector"))
	}
	old, err1 := netip.ParsePrefix(show(at(was, "ipBlock", "cidr")))
	now, err2 := netip.ParsePrefix(show(at(is, "ipBlock", "cidr")))
	if err1 != nil || err2 != nil || !old.Contains(now.Addr()) || old.Bits() > now.Bits() {
		return false
	}
	return allCovered(list(at(is, "ipBlock", "except")), list(at(was, "ipBlock", "except")), equal)
}

// coversNamespaces is coversLabels; without a selector, a peer is of the
// policy's own namespace, which only a selector of all namespaces surely covers.
func coversNamespaces(was, is any) bool {
	if was == nil || is == nil {
		return is == nil && (was == nil || empty(was))
	}
	return coversLabels(was, is)
}

// coversLabels reports whether a selector selects all that another does. One
// that is empty selects everything.
func coversLabels(was, is any) bool {
	if empty(was) {
		return true
	}
	if is == nil || !equal(at(was, "matchExpressions"), at(is, "matchExpressions")) {
		return false
	}
	labels, _ := at(was, "matchLabels").(map[string]any)
	for key, value := range labels {
		if !equal(at(is, "matchLabels", key), value) {
			return false
		}
	}
	return true
}

// allowsBeyond reports whether a policy lets anything through but to or from
// pods of its own namespace that it names.
func allowsBeyond(u *unstructured.Unstructured) bool {
	for direction, peers := range map[string]string{"ingress": "from", "egress": "to"} {
		for _, rule := range list(at(u.Object, "spec", direction)) {
			all := list(at(rule, peers))
			if len(all) == 0 || slices.ContainsFunc(all, func(p any) bool {
				return at(p, "ipBlock") != nil || at(p, "namespaceSelector") != nil || empty(at(p, "podSelector"))
			}) {
				return true
			}
		}
	}
	return false
}

func coversPort(was, is any) bool {
	if equal(was, is) || len(was.(map[string]any)) == 0 {
		return true
	}
	if protocol(was) != protocol(is) {
		return false
	}
	if at(was, "port") == nil {
		return true
	}
	from, ok1 := at(was, "port").(int64)
	port, ok2 := at(is, "port").(int64)
	if !ok1 || !ok2 {
		return equal(at(was, "port"), at(is, "port")) && at(is, "endPort") == nil
	}
	return from <= port && end(is, port) <= end(was, from)
}

func protocol(v any) any {
	if p := at(v, "protocol"); p != nil {
		return p
	}
	return "TCP"
}

func end(v any, port int64) int64 {
	if e, ok := at(v, "endPort").(int64); ok {
		return e
	}
	return port
}

// widerRole tells whether a role gives any right that it did not give.
func widerRole(p *pair, _ leaf) bool {
	var old []any
	if p.base != nil {
		old = list(at(p.base.Object, "rules"))
		if !equal(at(p.base.Object, "aggregationRule"), at(p.now.Object, "aggregationRule")) {
			return true
		}
	}
	return !allCovered(old, list(at(p.now.Object, "rules")), func(was, is any) bool {
		for _, field := range []string{"apiGroups", "resources", "verbs", "nonResourceURLs"} {
			if !coversWords(list(at(was, field)), list(at(is, field))) {
				return false
			}
		}
		// Without names, a rule is about all objects.
		return someCovered(list(at(was, "resourceNames")), list(at(is, "resourceNames")), equal)
	})
}

func coversWords(was, is []any) bool {
	return slices.Contains(was, any("*")) || allCovered(was, is, equal)
}
