package diff

import (
	"maps"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// staticSeal is what one object says of the static seal: which key it has, which it
// had before, and all else in one text. It has no key where the seal is another.
type staticSeal struct{ key, previous, rest string }

// rotatesSeal reports whether the static seal gets a new key and is still given
// the one that it had.
func rotatesSeal(p *pair) bool {
	old, now := sealOf(p.base), sealOf(p.now)
	return old.key != "" && now.key != "" && now.key != old.key && now.previous == old.key && now.rest == old.rest
}

// endsRotation reports whether the static seal keeps its key, and no longer has
// the one before.
func endsRotation(p *pair) bool {
	old, now := sealOf(p.base), sealOf(p.now)
	return old.key != "" && now.key == old.key && old.previous != "" && now.previous == "" && now.rest == old.rest
}

// sealOf reads OpenBao's configuration, which tells keys apart by their names, or
// its StatefulSet, which mounts them from Secrets.
func sealOf(u *unstructured.Unstructured) staticSeal {
	if u.GetKind() == "StatefulSet" {
		return mountedSeal(u)
	}
	data, _ := at(u.Object, "data").(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if config, ok := parseHCL(show(data[key])); ok && path.Ext(key) == ".hcl" && at(config, "seal") != nil {
			return configuredSeal(at(config, "seal"))
		}
	}
	return staticSeal{}
}

func configuredSeal(seals any) staticSeal {
	stanza, ok := at(seals, "static").(map[string]any)
	if !ok || len(seals.(map[string]any)) != 1 {
		return staticSeal{}
	}
	s := staticSeal{key: stringOf(stanza["current_key_id"])}
	if stringOf(stanza["previous_key"]) != "" {
		s.previous = stringOf(stanza["previous_key_id"])
	}
	rest := maps.Clone(stanza)
	for _, field := range []string{"current_key_id", "previous_key_id", "previous_key"} {
		delete(rest, field)
	}
	s.rest = show(rest)
	return s
}

func mountedSeal(u *unstructured.Unstructured) (s staticSeal) {
	for _, volume := range list(at(u.Object, "spec", "template", "spec", "volumes")) {
		if at(volume, "name") != "seal" || !isOpenBao(u) {
			continue
		}
		for _, source := range list(at(volume, "projected", "sources")) {
			for _, item := range list(at(source, "secret", "items")) {
				key := stringOf(at(source, "secret", "name")) + "/" + stringOf(at(item, "key"))
				switch file := stringOf(at(item, "path")); file {
				case "key":
					s.key = key
				case "previous-key":
					s.previous = key
				default:
					s.rest += file + "=" + key + "\n"
				}
			}
		}
	}
	return s
}

func stringOf(v any) string {
	s, _ := v.(string)
	return s
}
