package diff

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

// besides reports whether an object is none that is rendered, and stands where a
// stack does.
func besides(p *pair) bool { return p.sides.beside[exact(p.one())] }

// getsSecrets reports whether an object is given a Secret or an account: any, where
// it stands beside a stack, whose namespace holds few others; and one that the stack
// minted, where a patch adds it to what is rendered.
func getsSecrets(p *pair, l leaf) bool {
	name := stringOf(l.now)
	switch {
	case name == "" || name == "default" || l.inside:
		return false
	case besides(p):
		return true
	}
	return p.base != nil && l.old == nil && strings.HasPrefix(name, "banhbaoring-")
}

// passesForOurs reports whether an object beside a stack bears what the stack's
// Services and network policies select by.
func passesForOurs(p *pair, l leaf) bool {
	pods := len(l.segments) != 3 || p.id.Kind == "Pod"
	return besides(p) && pods && slices.Contains([]any{"banhbaoring", "openbao"}, l.now)
}

// isOtherNet reports whether a policy is one of a network plugin.
func isOtherNet(p *pair, _ leaf) bool {
	return p.id.Kind != "NetworkPolicy" || p.id.Group != "networking.k8s.io"
}

// followsImages reports whether a policy's list of images is another, and is that of
// OpenBao's pods in the head.
func followsImages(p *pair, l leaf) bool {
	if besides(p) || !slices.Contains(l.segments, "images") {
		return false
	}
	return slices.ContainsFunc(p.sides.now, func(u *unstructured.Unstructured) bool {
		var images []string
		if u.GetKind() == "StatefulSet" && u.GetName() == "banhbaoring-openbao" {
			render.EachImage(u.Object, func(image string) string {
				images = append(images, image)
				return image
			})
		}
		slices.Sort(images)
		return len(images) > 0 && l.now == render.CELList(slices.Compact(images))
	})
}

// trusts and distrusts report whether a key is one more, or one less, by whose
// signature backups count.
func trusts(p *pair, l leaf) bool {
	return stringOf(l.now) != "" && !slices.Contains(trustedKeys(p.base), l.now)
}
func distrusts(p *pair, l leaf) bool {
	return stringOf(l.old) != "" && !slices.Contains(trustedKeys(p.now), l.old)
}

func trustedKeys(u *unstructured.Unstructured) []any {
	if u.GetKind() == v1.KindCluster {
		return list(at(u.Object, "spec", "backup", "trustedKeys"))
	}
	return list(at(backupConfig(u), "trustedKeys"))
}
