// Package plugin is the renderer as Argo CD's config-management plugin: its
// parameters, its environment, and how it tells of errors.
package plugin

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

// Parameter is a field of a cluster's spec that an application may set.
type Parameter struct {
	// Name is the field's path in the spec.
	Name string
	// Title and Tooltip are what Argo CD shows.
	Title, Tooltip string
	// number says that the field is one, and not text that looks like it.
	number bool
	// also is another path of the same field.
	also string
}

// Parameters are all that an application may set.
var Parameters = []Parameter{
	{Name: "domain", Title: "Domain", Tooltip: "Domain of the dashboard; api., vault. and grafana. stand before it"},
	{Name: "plan", Title: "Plan", Tooltip: "free, starter, pro or enterprise: presets sizes and replicas"},
	{Name: "replicas", Title: "OpenBao replicas", Tooltip: "1, 3, 5 or 7", number: true, also: "openbao.replicas"},
	{Name: "openbao.version", Title: "OpenBao version", Tooltip: "Version of OpenBao"},
	{Name: "openbao.plugin.version", Title: "Signing plugin version", Tooltip: "Version of the secp256k1 plugin"},
	{Name: "jobs.version", Title: "Jobs version", Tooltip: "Version of the image that the Jobs run"},
	{Name: "api.version", Title: "API version", Tooltip: "Version of the control plane's API"},
	{Name: "dashboard.version", Title: "Dashboard version", Tooltip: "Version of the dashboard"},
	{Name: "database.version", Title: "PostgreSQL version", Tooltip: "Major version of PostgreSQL; an existing database is not converted"},
	{Name: "redis.version", Title: "Redis version", Tooltip: "Version of Redis"},
}

// Announcement is a parameter as Argo CD's user interface wants to hear of it.
type Announcement struct {
	Name           string `json:"name"`
	Title          string `json:"title,omitempty"`
	Tooltip        string `json:"tooltip,omitempty"`
	ItemType       string `json:"itemType,omitempty"`
	CollectionType string `json:"collectionType,omitempty"`
	String         string `json:"string,omitempty"`
}

// Static are the announcements that stand in plugin.yaml. Argo CD lets them
// take precedence over those of Dynamic, so that they have other names and no
// values.
func Static() []Announcement {
	announcements := make([]Announcement, len(Parameters))
	for i, p := range Parameters {
		announcements[i] = p.announce("", "")
	}
	return announcements
}

// Dynamic announces each cluster's parameters, with the values that they have
// now. Their names begin with <namespace>/<name>/.
func Dynamic(stacks []*render.Stack) ([]Announcement, error) {
	announcements := []Announcement{} // and not null, where there are none
	for _, s := range stacks {
		spec, err := plain(s.Cluster)
		if err != nil {
			return nil, err
		}
		for _, p := range Parameters {
			value := lookup(spec, p.Name)
			if value == "" && p.also != "" {
				value = lookup(spec, p.also)
			}
			announcements = append(announcements, p.announce(s.Cluster.Namespace+"/"+s.Cluster.Name+"/", value))
		}
	}
	return announcements, nil
}

func (p Parameter) announce(prefix, value string) Announcement {
	a := Announcement{Name: prefix + p.Name, Title: p.Title, Tooltip: p.Tooltip, CollectionType: "string", ItemType: "string", String: value}
	if p.number {
		a.ItemType = "number"
	}
	if prefix != "" {
		a.Title = strings.TrimSuffix(prefix, "/") + ": " + p.Title
	}
	return a
}

// fields is the spec that sets the parameter to a value, of the field's type
// where the text allows it; else decoding says what it must be.
func (p Parameter) fields(text string) map[string]any {
	var value any = text
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && p.number {
		value = n
	}
	spec := map[string]any{}
	set(spec, p.Name, value)
	if p.also != "" {
		set(spec, p.also, value)
	}
	return spec
}

func set(m map[string]any, path string, value any) {
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		next, ok := m[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[step] = next
		}
		m = next
	}
	m[steps[len(steps)-1]] = value
}

func plain(c *v1.BanhBaoRingCluster) (map[string]any, error) {
	text, err := json.Marshal(c.Spec)
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	return spec, json.Unmarshal(text, &spec)
}

func lookup(v any, path string) string {
	for _, step := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[step]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
