package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// lock is a lock file among the documents.
type lock struct {
	v1.ImageLock
	document *strict.Document
}

// findLock is the lock among documents, of which there may be one.
func findLock(documents []*strict.Document) (*lock, strict.Faults) {
	var found *lock
	var faults strict.Faults
	for _, d := range documents {
		if !isLock(d) {
			continue
		}
		if found != nil {
			faults = append(faults, strict.Fault{Position: d.Position("kind"), Path: "kind",
				Message: fmt.Sprintf("there is a %s already (%s)", v1.KindImageLock, found.document.Position("kind")), Hint: "keep one"})
			continue
		}
		found = &lock{document: d}
		fs := d.Decode(&found.ImageLock)
		faults = append(append(faults, fs...), notYetFaulty(fs, locateAll(d, found.Validate()))...)
	}
	return found, faults
}

// Lock is the lock of images that the stack is rendered with, nil where there is
// none.
func (s *Stack) Lock() *v1.ImageLock {
	if s.lock == nil {
		return nil
	}
	return &s.lock.ImageLock
}

func isLock(d *strict.Document) bool {
	return d.APIVersion == v1.GroupVersion.String() && d.Kind == v1.KindImageLock
}

// pin adds to every image of the objects the digest that the lock has of it.
func pin(l *lock, objects Manifests) error {
	if l == nil {
		return nil
	}
	missing := map[string]bool{}
	for _, u := range objects {
		EachImage(u.Object, func(image string) string {
			pinned, locked := l.Pin(image)
			if !locked {
				missing[image] = true
			}
			return pinned
		})
	}
	var faults strict.Faults
	for _, image := range slices.Sorted(maps.Keys(missing)) {
		faults = append(faults, strict.Fault{Position: l.document.Position("images"), Path: "images",
			Message: "must hold " + image + ", which is rendered", Hint: "write the lock anew with `banhbaoring images --lock FILE`"})
	}
	return faults.Err()
}

// EachImage has replace say what stands in the place of each image that v, an
// object, gives a container or a volume, or CloudNativePG's pods.
func EachImage(v any, replace func(image string) string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if image, ok := value.(string); ok && key == "imageName" { // CloudNativePG's
				v[key] = replace(image)
			}
			if list, ok := value.([]any); ok && (key == "containers" || key == "initContainers") {
				eachString(list, []string{"image"}, replace)
			}
			if list, ok := value.([]any); ok && key == "volumes" { // one that holds an image's files
				eachString(list, []string{"image", "reference"}, replace)
			}
			EachImage(value, replace)
		}
	case []any:
		for _, value := range v {
			EachImage(value, replace)
		}
	}
}

// eachString has replace say what stands in the place of the field at a path of each
// item, where that is a string.
func eachString(items []any, path []string, replace func(string) string) {
	for _, item := range items {
		m, _ := item.(map[string]any)
		if text, ok, _ := unstructured.NestedString(m, path...); ok {
			_ = unstructured.SetNestedField(m, replace(text), path...)
		}
	}
}

// unpinned are the images of the spec that a tag names and no digest.
func unpinned(s *Stack) strict.Faults {
	if s.lock != nil {
		return nil
	}
	var tagged []string
	for _, image := range s.Cluster.Images() {
		if !strings.Contains(image, "@") {
			tagged = append(tagged, image)
		}
	}
	if len(tagged) == 0 {
		return nil
	}
	return strict.Faults{{Position: s.document.Position("spec"), Path: "spec",
		Message: fmt.Sprintf("should name images by their digests: whoever can move a tag chooses what runs (%d of them, %s first)", len(tagged), tagged[0]),
		Hint:    "`banhbaoring images --lock images.lock.yaml -f …` writes a lock file: keep it beside this document"}}
}
