package diff

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// step is a change of OpenBao's version: both are nil where they cannot be told.
func step(p *pair, l leaf) (old, now *semver.Version, changes bool) {
	if !isOpenBao(p.now) || tag(l.old) == tag(l.now) && tag(l.now) != "" {
		return nil, nil, false
	}
	old, err1 := semver.NewVersion(tag(l.old))
	now, err2 := semver.NewVersion(tag(l.now))
	if err1 != nil || err2 != nil {
		return nil, nil, true
	}
	return old, now, true
}

func unknownVersion(p *pair, l leaf) bool {
	old, _, changes := step(p, l)
	return changes && old == nil
}

func goesDown(p *pair, l leaf) bool {
	old, now, _ := step(p, l)
	return old != nil && now.LessThan(old)
}

func skips(p *pair, l leaf) bool {
	old, now, _ := step(p, l)
	return old != nil && !now.LessThan(old) && (now.Major() != old.Major() || now.Minor() > old.Minor()+1)
}

// goesUp is to the next minor version; within one, storage stays as it is.
func goesUp(p *pair, l leaf) bool {
	old, now, _ := step(p, l)
	return old != nil && now.Major() == old.Major() && now.Minor() == old.Minor()+1
}

// between are the minor versions that a step leaves out.
func between(l leaf) string {
	old, err1 := semver.NewVersion(tag(l.old))
	now, err2 := semver.NewVersion(tag(l.now))
	if err1 != nil || err2 != nil || old.Major() != now.Major() {
		return "what is between"
	}
	var all []string
	for minor := old.Minor() + 1; minor < now.Minor() && len(all) < 10; minor++ {
		all = append(all, fmt.Sprintf("%d.%d", old.Major(), minor))
	}
	return strings.Join(all, ", ")
}

// returns reports whether an image's version is older, or not to be told.
func returns(_ *pair, l leaf) bool {
	if tag(l.old) == tag(l.now) && tag(l.now) != "" {
		return false
	}
	old, err1 := semver.NewVersion(tag(l.old))
	now, err2 := semver.NewVersion(tag(l.now))
	return err1 != nil || err2 != nil || now.LessThan(old)
}
