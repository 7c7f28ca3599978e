package charts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// unknownVersion says which versions there are instead.
func unknownVersion(ref Ref, where string, versions []string) error {
	var have []*semver.Version
	for _, text := range versions {
		if v, err := semver.NewVersion(text); err == nil {
			have = append(have, v)
		}
	}
	if len(have) == 0 {
		return fmt.Errorf("%s is not in %s, which has no version of it: check repository and name", ref, where)
	}
	// Newest first.
	slices.SortStableFunc(have, func(a, b *semver.Version) int { return b.Compare(a) })
	newest := have[0]
	if i := slices.IndexFunc(have, func(v *semver.Version) bool { return v.Prerelease() == "" }); i >= 0 {
		newest = have[i]
	}
	message := fmt.Sprintf("%s is not in %s: newest is %s", ref, where, newest.Original())
	if near := nearest(ref.Version, have); len(near) > 1 {
		message += ", near are " + strings.Join(near, ", ")
	}
	return fmt.Errorf("%s", message)
}

// nearest is up to five of the versions, newest first, around the wanted one.
func nearest(wanted string, have []*semver.Version) []string {
	const most = 5
	at := 0
	if want, err := semver.NewVersion(wanted); err == nil {
		if at = slices.IndexFunc(have, want.GreaterThan); at < 0 {
			at = len(have)
		}
	}
	end := min(max(at-most/2, 0)+most, len(have))
	var near []string
	for _, v := range have[max(end-most, 0):end] {
		near = append(near, v.Original())
	}
	return slices.Compact(near)
}

// unknownName says which charts there are instead.
func unknownName(ref Ref, where string, names []string) error {
	const most = 10
	if len(names) == 0 {
		return fmt.Errorf("%s is not in %s, which has no charts: check the repository", ref, where)
	}
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return fmt.Errorf("%s is not in %s, which has %s%s", ref, where, oneLine(strings.Join(names, ", ")), more)
}
