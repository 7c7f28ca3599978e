package render

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Source is a file's content and the name that messages call it by.
type Source struct {
	Name string
	Data []byte
}

// Input is what was loaded.
type Input struct {
	Stacks []*Stack
	// Foreign are the documents that are not ours, sorted by what they say of
	// themselves; they are passed through untouched.
	Foreign []*strict.Document
	// Documents are all, ours among them, in the order in which they were read.
	Documents []*strict.Document
	// Warnings do not stop a render.
	Warnings strict.Faults
}

// Load reads YAML and JSON documents, in any order, to stacks that are
// defaulted and valid. Every fault in the sources is in the error, a
// strict.Faults.
func Load(sources ...Source) (*Input, error) { return LoadWith(nil, sources...) }

// LoadWith is Load, with fields of the clusters given from elsewhere.
func LoadWith(overrides []Override, sources ...Source) (*Input, error) {
	in := &Input{}
	var members []member
	var faults strict.Faults
	over := overlays{overrides, map[string]int{}}
	for _, source := range sources {
		documents, fs := strict.Split(source.Name, source.Data)
		faults = append(faults, fs...)
		in.Documents = append(in.Documents, documents...)
		for _, d := range documents {
			r := newResource(d)
			if r == nil {
				faults = append(faults, unknownKind(d)...)
				in.Foreign = append(in.Foreign, d)
				continue
			}
			faults = append(faults, over.lay(d)...)
			fs := d.Decode(r)
			r.Default()
			faults = append(faults, fs...)
			faults = append(faults, notYetFaulty(fs, locateAll(d, r.Validate()))...)
			if w, ok := r.(interface{ Warnings() field.ErrorList }); ok {
				in.Warnings = append(in.Warnings, locateAll(d, w.Warnings())...)
			}
			members = append(members, member{r, d})
		}
	}
	faults = append(faults, over.faults()...)
	var fs strict.Faults
	in.Stacks, fs = assemble(members)
	faults = append(faults, fs...)
	for _, s := range in.Stacks {
		errs, warnings := s.check()
		faults = append(faults, errs...)
		in.Warnings = append(in.Warnings, warnings...)
	}
	if len(faults) > 0 {
		faults.Sort()
		return nil, faults
	}
	in.Warnings.Sort()
	slices.SortStableFunc(in.Foreign, func(a, b *strict.Document) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.APIVersion, b.APIVersion),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), slices.Compare(a.Raw, b.Raw))
	})
	return in, nil
}

// Ours tells whether a document is one of our four kinds.
func Ours(d *strict.Document) bool { return newResource(d) != nil }

// newResource is an empty resource of the document's kind, nil where it is not
// one of ours.
func newResource(d *strict.Document) resource {
	if d.APIVersion != v1.GroupVersion.String() {
		return nil
	}
	switch d.Kind {
	case v1.KindCluster:
		return &v1.BanhBaoRingCluster{}
	case v1.KindTenant:
		return &v1.BanhBaoRingTenant{}
	case v1.KindBackup:
		return &v1.BanhBaoRingBackup{}
	case v1.KindRestore:
		return &v1.BanhBaoRingRestore{}
	}
	return nil
}

func locateAll(d *strict.Document, errs field.ErrorList) strict.Faults {
	faults := make(strict.Faults, len(errs))
	for i, e := range errs {
		faults[i] = locate(d, e)
	}
	return faults
}
