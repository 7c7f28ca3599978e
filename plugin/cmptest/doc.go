// Package cmptest tries the plugin on Argo CD's own code: its plugin server,
// its types, its health checks and its comparison of what is wanted with what
// lives. It is a module of its own because Argo CD fixes its Kubernetes
// libraries to other versions.
package cmptest
