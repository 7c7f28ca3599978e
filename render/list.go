package render

import (
	"slices"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// listOf returns what a list's items are where they do not say so themselves.
// ok is false where a document is no list that can hold documents of ours.
func listOf(d *strict.Document) (apiVersion, kind string, ok bool) {
	kind, list := strings.CutSuffix(d.Kind, "List")
	switch {
	case d.APIVersion == "v1" && d.Kind == "List":
		return "", "", true
	case d.APIVersion == v1.GroupVersion.String() && list && slices.Contains(ourKinds, kind):
		return d.APIVersion, kind, true
	}
	return "", "", false
}

// IsList reports whether a document is a list that can hold documents of ours.
func IsList(d *strict.Document) bool {
	_, _, ok := listOf(d)
	return ok
}

// unpack returns the documents in a list, and in the lists in it. Any other
// document, and a list that holds none of ours, is returned as it is.
func unpack(d *strict.Document) ([]*strict.Document, strict.Faults) {
	apiVersion, kind, ok := listOf(d)
	if !ok {
		return []*strict.Document{d}, nil
	}
	items, faults := d.Items(apiVersion, kind)
	var all []*strict.Document
	own := kind != ""
	for _, item := range items {
		documents, found := unpack(item)
		faults = append(faults, found...)
		all = append(all, documents...)
		own = own || slices.ContainsFunc(documents, forUs)
	}
	if !own {
		return []*strict.Document{d}, faults
	}
	return all, faults
}

func forUs(d *strict.Document) bool { return meantForUs(d) || holdsOurs(d) }

// meantForUs reports whether a document is of our API group or of one of our kinds,
// however the rest of what it says of itself is written.
func meantForUs(d *strict.Document) bool {
	group, _, _ := strings.Cut(d.APIVersion, "/")
	kind := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(d.Kind), "s"), "list")
	return strings.EqualFold(group, v1.GroupVersion.Group) || slices.ContainsFunc(allKinds, func(ours string) bool {
		return strings.EqualFold(kind, ours)
	})
}

// holdsOurs reports whether a document that is not ours has such documents as items,
// at any depth.
func holdsOurs(d *strict.Document) bool {
	return d.IsList() && slices.ContainsFunc(Contents([]*strict.Document{d}), func(item *strict.Document) bool {
		return item != d && meantForUs(item)
	})
}
