// Package crds holds the CustomResourceDefinitions of the API, generated from
// its types.
package crds

import "embed"

// Files are the CustomResourceDefinitions, one a file.
//
//go:embed *.yaml
var Files embed.FS
