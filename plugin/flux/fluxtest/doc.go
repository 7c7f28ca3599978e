// Package fluxtest gives the staged layout to Flux's own libraries. It is a
// module of its own, so that those are none of the renderer's.
package fluxtest
