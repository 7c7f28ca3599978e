// Package v1 is the banhbaoring.io/v1 API: the four kinds that a user writes,
// their defaults, their plans and what makes them valid.
//
// +kubebuilder:object:generate=true
// +groupName=banhbaoring.io
package v1

import "k8s.io/apimachinery/pkg/runtime/schema"

// Version is the renderer's version. It names the image that the Jobs run,
// and with it the output that a spec renders to.
const Version = "0.1.0"

// GroupVersion is the API's group and version.
var GroupVersion = schema.GroupVersion{Group: "banhbaoring.io", Version: "v1"}

// The kinds of the API.
const (
	KindCluster = "BanhBaoRingCluster"
	KindTenant  = "BanhBaoRingTenant"
	KindBackup  = "BanhBaoRingBackup"
	KindRestore = "BanhBaoRingRestore"
)
