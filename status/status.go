// Package status tells how a running stack is: what was read of its namespace
// becomes one model of state, whose summary is what a person should know first.
// It reads nothing itself, and needs no Secret and no login.
package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Seen is what was read of a namespace.
type Seen struct {
	Namespace    string
	At           time.Time
	Pods         []corev1.Pod
	StatefulSets []appsv1.StatefulSet
	Deployments  []appsv1.Deployment
	Jobs         []batchv1.Job
	CronJobs     []batchv1.CronJob
	Claims       []corev1.PersistentVolumeClaim
	ConfigMaps   []corev1.ConfigMap // receipts
	Ingresses    []networkingv1.Ingress
	Certificates []Certificate
	Events       []corev1.Event
	// Unseen are the kinds that the reader may not list, each with what the API
	// server said.
	Unseen map[string]string
	// Missing are objects of the spec that the cluster has not, as "Kind name", and
	// Compared whether a spec was given at all.
	Missing  []string
	Compared bool
}

// Certificate is one of cert-manager's.
type Certificate struct {
	Name    string
	Ready   bool
	Message string
	Ends    time.Time // zero: not issued
}

// Health is how a stack, or a part of it, is.
type Health string

// From well to worst.
const (
	Well     Health = "well"
	Off      Health = "off"      // a part that the stack does not have
	Starting Health = "starting" // on its way, and nothing has failed
	Unknown  Health = "unknown"  // the reader may not see it
	Degraded Health = "degraded" // keys sign, but something is wrong
	Down     Health = "down"     // nothing signs
	Absent   Health = "absent"   // there is no stack
)

// State is how a stack is.
type State struct {
	Namespace string `json:"namespace"`
	Cluster   string `json:"cluster,omitempty"`
	Health    Health `json:"health"`
	// Summary is the first line: whether the stack is well and, if not, what is
	// wrong first. Do is the one thing to do, empty where there is none.
	Summary string `json:"summary"`
	Do      string `json:"do,omitempty"`
	Parts   []Part `json:"parts"`
	// Unseen are the kinds that the reader may not list.
	Unseen []string `json:"unseen,omitempty"`
}

// Part is one part of a stack.
type Part struct {
	Name   string `json:"name"`
	Health Health `json:"health"`
	// Text is its state in a few words, Reasons what is known of why, and Do what
	// to do about it.
	Text    string   `json:"text"`
	Reasons []string `json:"reasons,omitempty"`
	Do      string   `json:"do,omitempty"`

	rank rank
}

// rank orders what is wrong: what comes first is told first, since what comes
// later may follow from it.
type rank int

const (
	ofVolumes rank = iota
	ofOpenBao
	ofRestore
	ofJobs
	ofData
	ofPrograms
	ofBackups
	ofCertificates
	ofSpec
	ofEndpoints
)

// Of is the state of what was seen.
func Of(s *Seen) State {
	state := State{Namespace: s.Namespace, Cluster: s.cluster()}
	for kind, why := range s.Unseen {
		state.Unseen = append(state.Unseen, kind+": "+why)
	}
	slices.Sort(state.Unseen)
	if !s.any() {
		return s.nothing(state)
	}
	state.Parts = append(state.Parts, s.openbao())
	state.Parts = append(state.Parts, s.workloads()...)
	state.Parts = append(state.Parts, s.restores()...)
	state.Parts = append(state.Parts, s.jobs(), s.backups())
	state.Parts = append(state.Parts, s.volumes(), s.certificates(), s.endpoints())
	if s.Compared {
		state.Parts = append(state.Parts, s.spec())
	}
	state.Parts = slices.DeleteFunc(state.Parts, func(p Part) bool { return p.Name == "" })
	s.sum(&state)
	return state
}

func (s *Seen) any() bool {
	return len(s.StatefulSets)+len(s.Deployments)+len(s.Jobs)+len(s.CronJobs) > 0
}

// nothing is the state where no workload was seen.
func (s *Seen) nothing(state State) State {
	state.Health = Absent
	state.Summary = fmt.Sprintf("namespace %s: there is no stack", s.Namespace)
	state.Do = "name the stack's namespace with -n, or bring a stack there: banhbaoring apply -f FILE"
	if len(s.Unseen) > 0 {
		state.Health = Unknown
		state.Summary = fmt.Sprintf("namespace %s: you may not see whether there is a stack: %s", s.Namespace, state.Unseen[0])
		state.Do = "have somebody bind the ClusterRole view to you there"
	}
	return state
}

// severity orders healths; what is on its way gives way to what is wrong.
var severity = map[Health]int{Well: 0, Off: 0, Unknown: 1, Starting: 2, Degraded: 3, Down: 4}

// sum says what is worst, and of that what comes first.
func (s *Seen) sum(state *State) {
	worst := Part{Health: Well}
	for _, p := range state.Parts {
		a, b := severity[p.Health], severity[worst.Health]
		if a > b || a == b && p.rank < worst.rank {
			worst = p
		}
	}
	state.Health, state.Do = worst.Health, worst.Do
	of := s.Namespace + "/" + cmp.Or(state.Cluster, "?")
	said := worst.Name + ": " + worst.Text
	if len(worst.Reasons) > 0 {
		said += ": " + worst.Reasons[0]
	}
	switch worst.Health {
	case Well, Off:
		state.Health = Well
		state.Summary = of + " is well"
	case Down:
		state.Summary = of + " does not sign: " + said
	case Degraded:
		state.Summary = of + " signs, but not all is well: " + said
		if !s.signs() {
			state.Summary = of + " does not sign yet: " + said
		}
	case Starting:
		state.Summary = of + " is on its way: " + said
	default:
		state.Summary = of + ": not all of it can be seen: " + said
	}
}

// signs tells whether OpenBao serves, and was set up to sign.
func (s *Seen) signs() bool {
	configured := slices.ContainsFunc(s.Jobs, func(j batchv1.Job) bool {
		return component(j.Labels) == "configure" && finished(&j, batchv1.JobComplete)
	})
	return configured && s.openbao().Health != Down
}

const (
	namePrefix     = "banhbaoring-"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
)

func component(labels map[string]string) string { return labels[labelComponent] }

// cluster is the name of the document that the stack was made from. The chart's
// objects, which have no component, name their release instead.
func (s *Seen) cluster() string {
	for _, job := range s.Jobs {
		if name := job.Labels[labelInstance]; name != "" && component(job.Labels) != "" {
			return name
		}
	}
	for _, set := range s.StatefulSets {
		if name := set.Labels[labelInstance]; name != "" && component(set.Labels) != "" {
			return name
		}
	}
	return ""
}

// short is an object's name without what all of a stack's begin with.
func short(name string) string { return strings.TrimPrefix(name, namePrefix) }

func (s *Seen) ago(t time.Time) string { return span(s.At.Sub(t)) + " ago" }

// span is a duration as a person says it: its largest unit that is at least two.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func (s *Seen) command(format string, args ...any) string {
	return "kubectl -n " + s.Namespace + " " + fmt.Sprintf(format, args...)
}
