package render

import (
	"fmt"
	"strconv"
)

// Stage is a step of a sync: what it contains needs only what stages of earlier
// waves and itself contain.
type Stage int

// The stages, in order.
const (
	Foundation   Stage = 0
	Secrets      Stage = 10
	Guard        Stage = 15
	Data         Stage = 20
	OpenBao      Stage = 40
	Restore      Stage = 45
	Configure    Stage = 50
	Clients      Stage = 55
	Tenants      Stage = 60
	Applications Stage = 70
	Monitoring   Stage = 80
	Exposure     Stage = 90
)

var stageNames = []struct {
	stage Stage
	name  string
}{
	{Foundation, "foundation"},
	{Secrets, "secrets"},
	{Guard, "guard"},
	{Data, "data"},
	{OpenBao, "openbao"},
	{Restore, "restore"},
	{Configure, "configure"},
	{Clients, "clients"},
	{Tenants, "tenants"},
	{Applications, "applications"},
	{Monitoring, "monitoring"},
	{Exposure, "exposure"},
}

// Wave is the stage's Argo CD sync wave. The stages after Configure share the
// last one, so that none waits for another: what protects data and keys (backups,
// renewals, alerts) comes although an application's image cannot be pulled, a
// tenant cannot be provisioned, or a client's namespace is not there.
func (s Stage) Wave() int {
	if s > Configure {
		return int(Tenants)
	}
	return int(s)
}

// String is the stage's name.
func (s Stage) String() string {
	for _, n := range stageNames {
		if n.stage == s {
			return n.name
		}
	}
	return strconv.Itoa(int(s))
}

// ParseStage finds a stage by its name.
func ParseStage(name string) (Stage, error) {
	for _, n := range stageNames {
		if n.name == name {
			return n.stage, nil
		}
	}
	return 0, fmt.Errorf("unknown stage %q: must be one of %v", name, StageNames())
}

// StageNames are the stages' names, in order.
func StageNames() []string {
	names := make([]string, len(stageNames))
	for i, n := range stageNames {
		names[i] = n.name
	}
	return names
}
