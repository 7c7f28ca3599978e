// Package strict decodes YAML and JSON documents into Go structs. It refuses
// whatever is unknown, duplicate or mistyped, reports all faults at once, and
// remembers where each field stood.
//
// [Split] cuts a file into documents and [Document.Decode] fills a struct from
// one of them. Plain scalars mean what kubectl takes them to mean (YAML 1.1:
// yes and on are booleans, 0644 is octal), so a document never reads
// differently here and in the cluster.
//
// The package is pure: it reads no file, clock or environment. A Document may
// be used from several goroutines.
package strict
