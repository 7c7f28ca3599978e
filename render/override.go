package render

import (
	"cmp"
	"encoding/json"
	"fmt"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Override is fields of a cluster's spec that take the place of what its
// document says.
type Override struct {
	// Name is what messages call it.
	Name string
	// Cluster is <namespace>/<name>; every cluster's when empty.
	Cluster string
	// Spec holds the fields, nested as in the document.
	Spec map[string]any
}

// overlays lays overrides over the clusters that they are for, and counts them.
type overlays struct {
	overrides []Override
	namespace string // of documents that name none
	clusters  map[string]int
}

// lay lays those overrides over a document that are meant for it.
func (l overlays) lay(d *strict.Document) strict.Faults {
	var faults strict.Faults
	for _, o := range l.overrides {
		if d.Kind != v1.KindCluster || o.Cluster != "" && o.Cluster != cmp.Or(d.Namespace, l.namespace)+"/"+d.Name {
			continue
		}
		l.clusters[o.Name]++
		text, err := json.Marshal(map[string]any{"spec": o.Spec})
		if err == nil {
			var fields *strict.Document
			if fields, err = strict.Parse(o.Name, text); err == nil {
				d.Overlay(fields)
			}
		}
		if err != nil {
			faults = append(faults, o.fault(err.Error()))
		}
	}
	return faults
}

// faults are the overrides that are for no cluster, and domains that are for
// several: those would have the same hosts.
func (l overlays) faults() strict.Faults {
	var faults strict.Faults
	for _, o := range l.overrides {
		n := l.clusters[o.Name]
		switch {
		case n == 0 && o.Cluster == "":
			faults = append(faults, o.fault("there is no cluster that it could be for"))
		case n == 0:
			faults = append(faults, o.fault("there is no cluster "+o.Cluster))
		case n > 1 && o.Spec["domain"] != nil:
			fault := o.fault(fmt.Sprintf("would be the domain of %d clusters", n))
			fault.Hint = "name the cluster: <namespace>/<name>/domain"
			faults = append(faults, fault)
		}
	}
	return faults
}

func (o Override) fault(message string) strict.Fault {
	return strict.Fault{Position: strict.Position{File: o.Name}, Message: message}
}
