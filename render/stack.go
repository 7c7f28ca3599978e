package render

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Stack is one cluster and the documents that refer to it, defaulted and
// valid: it is read-only from here on.
type Stack struct {
	Cluster  *v1.BanhBaoRingCluster
	Tenants  []*v1.BanhBaoRingTenant
	Backups  []*v1.BanhBaoRingBackup
	Restores []*v1.BanhBaoRingRestore
	// Chart is the archive of the chart that spec.openbao.chart names, nil for
	// the built-in one.
	Chart []byte

	document *strict.Document
	decoding strict.Faults // of the document
	lock     *lock
	// members are the documents that refer to the cluster.
	members []member
}

// Document is what the user wrote of the cluster.
func (s *Stack) Document() *strict.Document { return s.document }

// Locate gives each error about a field of the cluster the place where the field
// stands; other errors are the document's as a whole.
func (s *Stack) Locate(err error) strict.Faults {
	if list := joined(err); len(list) != 1 {
		var faults strict.Faults
		for _, err := range list {
			faults = append(faults, s.Locate(err)...)
		}
		return faults
	}
	if e := new(field.Error); errors.As(err, &e) {
		return strict.Faults{locate(s.document, e)}
	}
	fault := strict.Fault{Position: s.document.Position("spec"), Message: err.Error()}
	return strict.Faults{fault}
}

// locate turns a field's error into a fault at the place where the field stands.
func locate(d *strict.Document, e *field.Error) strict.Fault {
	message, hint, _ := strings.Cut(e.Detail, "\nhint: ")
	path := d.Written(e.Field)
	if got, ok := badValue(d, path, e); ok {
		message = fmt.Sprintf("%s (got %s)", message, got)
	}
	return strict.Fault{Position: d.Position(path), Path: path, Message: message, Hint: hint}
}

// badValue is what a fault found in its place: as it was written, where a default has
// completed that, and with its source where nothing was.
func badValue(d *strict.Document, path string, e *field.Error) (string, bool) {
	if e.Type != field.ErrorTypeInvalid && e.Type != field.ErrorTypeNotSupported {
		return "", false
	}
	text, written := d.Scalar(path)
	got := ""
	switch v := e.BadValue.(type) {
	case nil, field.OmitValueType:
		return "", false
	case string:
		if text != "" && strings.HasPrefix(v, text) && !strings.HasSuffix(path, "]") {
			v = text
		}
		got = fmt.Sprintf("%q", v)
	default:
		got = fmt.Sprint(v)
	}
	if !written {
		got += ", " + source(d, path)
	}
	return got, true
}

// source is what sets a field that is not written.
func source(d *strict.Document, path string) string {
	return cmp.Or(d.Implied[path], "the default")
}

// resource is what all four kinds have in common.
type resource interface {
	metav1.Object
	Default()
	Validate() field.ErrorList
}

// member is a resource and where it was written.
type member struct {
	resource
	document *strict.Document
	decoding strict.Faults
}

func (m member) fault(path, message, hint string) strict.Fault {
	path = m.document.Written(path)
	return strict.Fault{Position: m.document.Position(path), Path: path, Message: message, Hint: hint}
}

// namespace is the member's, with its source where it is not written.
func (m member) namespace() string {
	const path = "metadata.namespace"
	if _, written := m.document.Scalar(path); written {
		return m.GetNamespace()
	}
	return fmt.Sprintf("%s (%s)", m.GetNamespace(), source(m.document, path))
}

// assemble gathers clusters and what refers to them, sorted by namespace and
// name.
func assemble(members []member) ([]*Stack, strict.Faults) {
	slices.SortStableFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	faults := duplicates(members)
	stacks := map[string]*Stack{}
	var order []*Stack
	for _, m := range members {
		cluster, ok := m.resource.(*v1.BanhBaoRingCluster)
		if !ok {
			continue
		}
		if other := stacks[cluster.Namespace]; other != nil {
			if other.Cluster.Name != cluster.Name { // else reported as a duplicate
				faults = append(faults, m.fault("metadata.namespace",
					fmt.Sprintf("namespace %s already holds cluster %s (%s)", m.namespace(), other.Cluster.Name, other.document.Position("metadata.name")),
					"give each cluster a namespace of its own"))
			}
			continue
		}
		s := &Stack{Cluster: cluster, document: m.document, decoding: m.decoding}
		stacks[cluster.Namespace] = s
		order = append(order, s)
	}
	for _, m := range members {
		if ref, ok := clusterRef(m.resource); ok && len(order) > 0 {
			faults = append(faults, join(stacks[m.GetNamespace()], m, ref)...)
		}
	}
	for _, m := range members {
		if s := stacks[m.GetNamespace()]; s != nil {
			faults = append(faults, kept(s, m)...)
		}
	}
	return order, append(faults, apart(members)...)
}

func duplicates(members []member) strict.Faults {
	var faults strict.Faults
	seen := map[string]member{}
	for _, m := range members {
		id := m.document.Kind + "/" + m.GetNamespace() + "/" + m.GetName()
		if first, ok := seen[id]; ok {
			faults = append(faults, m.fault("metadata.name",
				fmt.Sprintf("%s %s stands twice: first at %s", m.document.Kind, m.GetName(), first.document.Position("metadata.name")), ""))
			continue
		}
		seen[id] = m
	}
	return faults
}

func clusterRef(r resource) (name string, ok bool) {
	switch r := r.(type) {
	case *v1.BanhBaoRingTenant:
		return r.Spec.ClusterRef.Name, true
	case *v1.BanhBaoRingBackup:
		return r.Spec.ClusterRef.Name, true
	case *v1.BanhBaoRingRestore:
		return r.Spec.ClusterRef.Name, true
	}
	return "", false
}

// join adds a resource to the stack that it refers to.
func join(s *Stack, m member, ref string) strict.Faults {
	if s == nil || s.Cluster.Name != ref {
		if ref == "" {
			return nil // reported by the resource's own validation
		}
		return strict.Faults{m.fault("spec.clusterRef.name",
			fmt.Sprintf("there is no cluster %s in namespace %s", ref, m.namespace()),
			"a reference reaches only a cluster of its own namespace")}
	}
	s.members = append(s.members, m)
	switch r := m.resource.(type) {
	case *v1.BanhBaoRingTenant:
		s.Tenants = append(s.Tenants, r)
	case *v1.BanhBaoRingBackup:
		s.Backups = append(s.Backups, r)
	case *v1.BanhBaoRingRestore:
		s.Restores = append(s.Restores, r)
	}
	return nil
}
