package diff

import (
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

// number is a count; what is absent is one, as for replicas.
func number(v any) int64 {
	if n, ok := v.(int64); ok {
		return n
	}
	return 1
}

func grows(_ *pair, l leaf) bool { return number(l.now) > number(l.old) }

// fewer reports whether a limit is lower, or new.
func fewer(_ *pair, l leaf) bool {
	old, limited := l.old.(int64)
	now, limits := l.now.(int64)
	return limits && (!limited || now < old)
}

// fewerDays reports whether audit records are kept for a shorter time; what is absent
// is the default.
func fewerDays(_ *pair, l leaf) bool {
	days := func(v any) int64 {
		if n, ok := v.(int64); ok {
			return n
		}
		return v1.DefaultAuditRetentionDays
	}
	return days(l.now) < days(l.old)
}

func isBackup(p *pair, _ leaf) bool {
	return p.id.Kind == "CronJob" && p.id.Name == "banhbaoring-backup" || p.id.Kind == "ConfigMap" && p.id.Name == "banhbaoring-backup"
}

func isGuard(p *pair, _ leaf) bool { return p.id.Name == "banhbaoring-guard" }

// inTheClear reports whether backups were encrypted and are no longer: to the
// recipients that the spec named, or to a key that the stack had minted.
func inTheClear(p *pair, _ leaf) bool {
	return at(backupConfig(p.now), "clear") == true && at(backupConfig(p.base), "clear") != true
}

// noRecipients reports whether backups had recipients and have none any more.
func noRecipients(p *pair, _ leaf) bool {
	return recipients(p.base) && !recipients(p.now)
}

func recipients(u *unstructured.Unstructured) bool { return hasList(backupConfig(u), "recipients") }

func backupConfig(u *unstructured.Unstructured) any {
	config, _ := parseJSON(show(at(u.Object, "data", "config.json")))
	return config
}

// unverified reports whether a database outside the stack is reached without its
// authority. One of the stack's own has another field for it.
func unverified(p *pair, l leaf) bool {
	return l.now == nil && at(p.now.Object, "data", "BANHBAO_DATABASE_SSL_MODE") == nil
}

// hasList reports whether a list of that name, with anything in it, is below v.
func hasList(v any, name string) bool {
	m, _ := v.(map[string]any)
	for key, value := range m {
		if key == name && len(list(value)) > 0 || hasList(value, name) {
			return true
		}
	}
	return false
}

// arguments are those of a container.
func arguments(u *unstructured.Unstructured, container string) []string {
	var found []string
	for _, c := range list(at(u.Object, "spec", "template", "spec", "containers")) {
		if at(c, "name") == container {
			for _, a := range list(at(c, "args")) {
				found = append(found, show(a))
			}
		}
	}
	return found
}

func clustered(u *unstructured.Unstructured) bool {
	return slices.Contains(arguments(u, "redis"), "--cluster-enabled")
}

func fewerShards(p *pair, l leaf) bool {
	return clustered(p.base) && clustered(p.now) && number(l.now) < number(l.old)
}

func otherMode(p *pair, _ leaf) bool { return clustered(p.base) != clustered(p.now) }

// shorterRetention reports whether Prometheus keeps metrics for a shorter time,
// or in less room.
func shorterRetention(p *pair, l leaf) bool {
	if !strings.HasPrefix(show(either(l.now, l.old)), "--storage.tsdb.retention.") {
		return false
	}
	value := func(u *unstructured.Unstructured, flag string) string {
		for _, a := range arguments(u, "prometheus") {
			if v, ok := strings.CutPrefix(a, flag+"="); ok {
				return v
			}
		}
		return ""
	}
	for _, flag := range []string{"--storage.tsdb.retention.time", "--storage.tsdb.retention.size"} {
		old, now := amount(value(p.base, flag)), amount(value(p.now, flag))
		if now > 0 && (old == 0 || now < old) {
			return true
		}
	}
	return false
}

// amount reads 15d, 1w, 2y, 512MB and the like to one number; 0 where it is none.
func amount(text string) float64 {
	units := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000,
		"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "PB": 1 << 50, "EB": 1 << 60}
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits <= 0 {
		return 0
	}
	q, err := resource.ParseQuantity(text[:digits])
	if err != nil {
		return 0
	}
	return q.AsApproximateFloat64() * units[text[digits:]]
}

func yes(v any) bool { return v == true || v == "true" || v == int64(1) || v == "1" }

// looser reports whether a namespace's pods may do more than before.
func looser(_ *pair, l leaf) bool {
	levels := []any{"privileged", "baseline", "restricted"}
	old, now := slices.Index(levels, l.old), slices.Index(levels, l.now)
	return now < 0 || old < 0 || now < old
}

// scalesLess reports whether a HorizontalPodAutoscaler makes fewer pods, or
// later ones.
func scalesLess(p *pair, l leaf) bool {
	switch l.segments[len(l.segments)-1] {
	case "maxReplicas", "minReplicas":
		return p.now == nil || number(l.now) < number(l.old)
	case "averageUtilization":
		return !grows(p, leaf{old: l.now, now: l.old})
	}
	return true
}

// drainsMore reports whether a PodDisruptionBudget lets more pods be missing.
func drainsMore(p *pair, l leaf) bool {
	old, ok1 := l.old.(int64)
	now, ok2 := l.now.(int64)
	if p.now == nil || !ok1 || !ok2 {
		return true
	}
	if l.segments[len(l.segments)-1] == "maxUnavailable" {
		return now > old
	}
	return now < old
}

func lessMemory(_ *pair, l leaf) bool {
	old, ok1 := quantity(l.old)
	now, ok2 := quantity(l.now)
	return ok2 && (!ok1 || now.Cmp(old) < 0)
}

// otherSource reports whether an image comes from another repository; of a new
// container, or a new volume, from one that no image of the object came from.
func otherSource(p *pair, l leaf) bool {
	if l.now == nil || l.old != nil {
		return l.now != nil && repository(l.old) != repository(l.now)
	}
	known := false
	render.EachImage(normal(p.base.Object), func(image string) string {
		known = known || repository(image) == repository(l.now)
		return image
	})
	return !known
}

// repository is an image's name without its tag and digest.
func repository(image any) string {
	name, _, _ := strings.Cut(show(image), "@")
	if tag := tag(name); tag != "" {
		name = strings.TrimSuffix(name, ":"+tag)
	}
	return name
}

// servesTLS reports whether a Secret is exchanged that OpenBao shows to clients.
func servesTLS(p *pair, l leaf) bool {
	return isOpenBao(p.one()) && l.old != nil && l.now != nil && slices.Contains(l.segments, "tls")
}

func ranges(u *unstructured.Unstructured) []netip.Prefix {
	var all []netip.Prefix
	for _, r := range list(at(u.Object, "spec", "settings", "allowedIPRanges")) {
		if p, err := netip.ParsePrefix(show(r)); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// within reports whether each of now lies in one of old; none stand for all.
func within(old, now []netip.Prefix) bool {
	if len(old) == 0 || len(now) == 0 {
		return len(old) == 0
	}
	return !slices.ContainsFunc(now, func(n netip.Prefix) bool {
		return !slices.ContainsFunc(old, func(o netip.Prefix) bool { return o.Bits() <= n.Bits() && o.Contains(n.Addr()) })
	})
}

func widerRanges(p *pair, _ leaf) bool { return !within(ranges(p.base), ranges(p.now)) }

// keyStays reports whether a change is within a tenant's key that both sides have; of
// one that comes or goes as a whole, its name alone tells.
func keyStays(_ *pair, l leaf) bool { return len(l.change.Path.segments()) > 3 }

// weakerGuard reports whether a key's fence goes or is held for a shorter time, or its
// nonce guard goes or lets more through.
func weakerGuard(l leaf) bool {
	was, _ := l.old.(string)
	is, _ := l.now.(string)
	return l.now == nil || was == string(v1.SameContent) && is == string(v1.SameRecipient) || v1.IsShorter(is, was)
}

// narrowerLogin reports whether a tenant's logins or their addresses are fewer.
func narrowerLogin(p *pair, l leaf) bool {
	switch {
	case slices.Contains(l.segments, "allowedIPRanges"):
		return !within(ranges(p.now), ranges(p.base))
	case slices.Contains(l.segments, "apiKeys"):
		return l.now == nil && l.segments[len(l.segments)-1] == "name"
	}
	return false
}
