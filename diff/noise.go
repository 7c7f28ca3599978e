package diff

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// noises are the changes that say nothing by themselves. They are counted, not
// shown, and still classified: a checksum in a pod template replaces its pods.
var noises = []struct {
	name  string
	paths []string
	when  func(old, now any) bool
}{
	{name: "chart label", paths: []string{"** labels helm.sh/chart"}},
	{name: "version label", paths: []string{"** labels app.kubernetes.io/version"}},
	{name: "checksum", paths: []string{"** annotations checksum/*", "** annotations banhbaoring.io/config"}},
	{name: "name by content", paths: []string{"** name", "** secretName"}, when: sameHashedBase},
	{name: "the same quantity in other words", paths: []string{"** requests *", "** limits *", "** sizeLimit", "** hard *"}, when: sameQuantity},
}

// silence marks the changes that are noise.
func silence(changes []Change) {
	for i := range changes {
		c := &changes[i]
		segments := c.Path.segments()
		for _, n := range noises {
			for _, pattern := range n.paths {
				if c.Noise == "" && c.Op != Order && matches(pattern, segments) && (n.when == nil || n.when(c.Old, c.New)) {
					c.Noise = n.name
				}
			}
		}
	}
}

var hexDigits = regexp.MustCompile(`-[0-9a-f]{10}$`)

func sameHashedBase(old, now any) bool {
	was, ok1 := old.(string)
	is, ok2 := now.(string)
	return ok1 && ok2 && hexDigits.MatchString(was) && hexDigits.MatchString(is) &&
		strings.TrimSuffix(was, hexDigits.FindString(was)) == strings.TrimSuffix(is, hexDigits.FindString(is))
}

func sameQuantity(old, now any) bool {
	was, ok1 := quantity(old)
	is, ok2 := quantity(now)
	return ok1 && ok2 && was.Cmp(is) == 0
}

func quantity(v any) (resource.Quantity, bool) {
	if v == nil || !scalar(v) {
		return resource.Quantity{}, false
	}
	q, err := resource.ParseQuantity(show(v))
	return q, err == nil
}
