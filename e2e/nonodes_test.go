//go:build e2e && !nodes

package e2e

// moreOfBootstrap are tests that need power over nodes; there is none here.
var moreOfBootstrap []bootstrapTest
