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
// strict.Faults; the input beside it then holds the stacks that have none in
// their documents, so that what their rendering finds can be told too.
func Load(sources ...Source) (*Input, error) { return LoadWith(nil, sources...) }

// LoadUnlocked is Load, as if there were no lock of images.
func LoadUnlocked(sources ...Source) (*Input, error) { return load("", nil, false, sources) }

// LoadWith is Load, with fields of the clusters given from elsewhere.
func LoadWith(overrides []Override, sources ...Source) (*Input, error) {
	return LoadInto("", overrides, sources...)
}

// LoadInto is LoadWith, with the namespace of documents that name none; it is the
// default one when empty.
func LoadInto(namespace string, overrides []Override, sources ...Source) (*Input, error) {
	return load(namespace, overrides, true, sources)
}

func load(namespace string, overrides []Override, locked bool, sources []Source) (*Input, error) {
	in := &Input{}
	var members []member
	var faults strict.Faults
	faulty := map[*strict.Document]bool{}
	over := overlays{overrides, cmp.Or(namespace, v1.DefaultNamespace), map[string]int{}}
	for _, source := range sources {
		written, fs := strict.Split(source.Name, source.Data)
		faults = append(faults, fs...)
		var documents []*strict.Document
		for _, d := range written {
			unpacked, fs := unpack(d)
			faults = append(faults, fs...)
			documents = append(documents, unpacked...)
		}
		in.Documents = append(in.Documents, documents...)
	}
	lock, fs := findLock(in.Documents)
	if !locked {
		lock, fs = nil, nil
	}
	faults = append(faults, fs...)
	for _, d := range in.Documents {
		if isLock(d) {
			continue
		}
		r := newResource(d)
		if r == nil {
			faults = append(faults, unknownKind(d)...)
			in.Foreign = append(in.Foreign, d)
			continue
		}
		before := len(faults)
		faults = append(faults, over.lay(d)...)
		fs := d.Decode(r)
		if r.GetNamespace() == "" {
			in.Warnings = append(in.Warnings, unplaced(d, namespace)...)
			if r.SetNamespace(namespace); namespace != "" {
				d.Implied = map[string]string{"metadata.namespace": "the application's destination"}
			}
		}
		zeros := givenZeros(d, r)
		r.Default()
		faults = append(append(faults, fs...), notYetFaulty(fs, zeros)...)
		if c, ok := r.(*v1.BanhBaoRingCluster); ok && lock != nil {
			faults = append(faults, locateAll(d, c.Lock(&lock.ImageLock))...)
		}
		faults = append(faults, notYetFaulty(fs, locateAll(d, r.Validate()))...)
		if w, ok := r.(interface{ Warnings() field.ErrorList }); ok {
			in.Warnings = append(in.Warnings, locateAll(d, w.Warnings())...)
		}
		faulty[d] = len(faults) > before
		members = append(members, member{r, d, fs})
	}
	faults = append(faults, over.faults()...)
	in.Stacks, fs = assemble(members)
	faults = append(faults, fs...)
	var sound []*Stack
	for _, s := range in.Stacks {
		s.lock = lock
		errs, warnings := s.check()
		faults = append(faults, errs...)
		in.Warnings = append(in.Warnings, warnings...)
		if len(errs) == 0 && !faulty[s.document] && !slices.ContainsFunc(s.members, func(m member) bool { return faulty[m.document] }) {
			sound = append(sound, s)
		}
	}
	faults = append(append(faults, meetings(in.Stacks)...), intrusions(in.Stacks)...)
	if len(faults) > 0 {
		faults.Sort()
		in.Stacks = sound
		return in, faults
	}
	in.Warnings.Sort()
	slices.SortStableFunc(in.Foreign, func(a, b *strict.Document) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.APIVersion, b.APIVersion),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), slices.Compare(a.Raw, b.Raw))
	})
	return in, nil
}

// Ours reports whether a document is for us: one of our four kinds, or a lock.
func Ours(d *strict.Document) bool { return isLock(d) || newResource(d) != nil }

var ourKinds = []string{v1.KindCluster, v1.KindTenant, v1.KindBackup, v1.KindRestore}

// allKinds are ours, and the lock's, which no list holds.
var allKinds = append([]string{v1.KindImageLock}, ourKinds...)

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
