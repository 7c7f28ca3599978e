package diff

import (
	"fmt"
	"slices"
	"strings"
)

// Class is how much a change risks.
type Class string

// The classes, the worst first.
const (
	Irreversible Class = "irreversible" // data, or the way back, may be lost
	Recreate     Class = "recreate"     // the API server refuses the change: the object must be deleted and made again
	Restart      Class = "restart"      // pods are replaced
	Rerun        Class = "rerun"        // a Job runs
	Exposure     Class = "exposure"     // more can reach it
	Privilege    Class = "privilege"    // it may do more
	Disruption   Class = "disruption"   // something may stop, or answer less
	Reload       Class = "reload"       // takes effect in place
	Cosmetic     Class = "cosmetic"     // nothing that runs notices
)

// Classes are all classes, the worst first.
var Classes = []Class{Irreversible, Recreate, Restart, Rerun, Exposure, Privilege, Disruption, Reload, Cosmetic}

// ParseClass finds a class by its name.
func ParseClass(name string) (Class, error) {
	if slices.Contains(Classes, Class(name)) {
		return Class(name), nil
	}
	names := make([]string, len(Classes))
	for i, c := range Classes {
		names[i] = string(c)
	}
	return "", fmt.Errorf("unknown class %q: must be one of %s", name, strings.Join(names, ", "))
}

func (c Class) rank() int {
	if i := slices.Index(Classes, c); i >= 0 {
		return i
	}
	return len(Classes)
}

// AtLeast tells whether a class is as bad as another, or worse.
func (c Class) AtLeast(other Class) bool { return c.rank() <= other.rank() }
