// Package chart holds the built-in Helm chart of an OpenBao server cluster: the
// objects of the official chart's server in raft mode, under its value names.
package chart

import "embed"

// Official is the version of the official chart whose output this one prints.
const Official = "0.29.2"

// FS is the chart, Chart.yaml at its root.
//
//go:embed Chart.yaml values.yaml values.schema.json all:templates
var FS embed.FS
