package status

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// peers are OpenBao's pods by what their labels say, which the server itself keeps
// (https://openbao.org/docs/configuration/service-registration/kubernetes/). Those
// of a pod that is not ready are what it said last.
type peers struct {
	wanted, ready, sealed int
	leader                string
	versions              []string
}

func (s *Seen) peers(set *appsv1.StatefulSet) peers {
	p := peers{wanted: replicas(set.Spec.Replicas)}
	for i := range s.Pods {
		pod := &s.Pods[i]
		if !owns(set.Spec.Selector, pod.Labels) {
			continue
		}
		if version := pod.Labels["openbao-version"]; version != "" && !slices.Contains(p.versions, version) {
			p.versions = append(p.versions, version)
		}
		ready := isReady(pod)
		switch {
		case ready:
			p.ready++
		case pod.Labels["openbao-sealed"] == "true" && pod.Labels["openbao-initialized"] != "false" && running(pod):
			p.sealed++
		}
		if ready && pod.Labels["openbao-active"] == "true" {
			p.leader = pod.Name
		}
	}
	slices.Sort(p.versions)
	return p
}

func (s *Seen) openbao() Part {
	part := Part{Name: "openbao", rank: ofOpenBao, Health: Starting, Text: "not there yet"}
	i := slices.IndexFunc(s.StatefulSets, func(set appsv1.StatefulSet) bool { return set.Name == jobs.OpenBaoName })
	if i < 0 {
		return part
	}
	set := &s.StatefulSets[i]
	p := s.peers(set)
	its := func(pod *corev1.Pod) bool { return owns(set.Spec.Selector, pod.Labels) }
	if p.ready < p.wanted {
		part.Reasons = s.reasons(set.Name, its)
	}
	first := jobs.OpenBaoName + "-0"
	look := s.command("describe pod -l app.kubernetes.io/name=openbao")
	switch quorum := p.wanted/2 + 1; {
	case p.wanted == 0:
		part.Health, part.Text = Down, "scaled to no pod"
		part.Do = "let the GitOps engine, or banhbaoring apply, set the replicas of the spec again"
	case p.ready == 0 && p.sealed == 0 && !s.initialised():
		part.Text = "is not initialised yet"
		part.Do = s.command("logs -l %s=init --tail=20", labelComponent)
		if len(part.Reasons) > 0 && !s.young(its) {
			part.Health, part.Do = Degraded, look
		}
	case p.ready == 0 && p.sealed > 0:
		part.Health, part.Text = Down, fmt.Sprintf("sealed: %d of %d pods", p.sealed, p.wanted)
		part.Do = "see why nothing unseals it: " + s.command("logs %s -c %s --tail=20; ", first, jobs.Keeper) + s.command("logs %s -c openbao --tail=20", first)
	case p.ready < quorum:
		part.Health, part.Text = Down, fmt.Sprintf("%d of %d pods ready, and it takes %d: no majority", p.ready, p.wanted, quorum)
		part.Do = look
	case p.leader == "":
		part.Health, part.Text = Down, fmt.Sprintf("%d of %d pods ready, but none leads", p.ready, p.wanted)
		part.Do = s.command("logs -l app.kubernetes.io/name=openbao -c openbao --tail=20") + ": an election takes seconds; where it does not end, the servers do not reach each other"
	case p.ready < p.wanted:
		part.Health, part.Text = Degraded, fmt.Sprintf("%d of %d pods ready", p.ready, p.wanted)
		if spare := p.ready - quorum; spare == 0 {
			part.Text += ", and without one more nothing signs"
		}
		part.Do = look
	default:
		part.Health, part.Text = Well, fmt.Sprintf("%d of %d pods ready", p.ready, p.wanted)
	}
	if n := rolled(set); part.Health == Well && n < p.wanted {
		part.Health, part.Text = Starting, fmt.Sprintf("%s, %d of the newest spec", part.Text, n)
	}
	if p.leader != "" {
		part.Text += ", " + p.leader + " leads"
	}
	if len(p.versions) > 0 {
		part.Text += ", version " + strings.Join(p.versions, " and ")
	}
	return part
}

// initialised tells whether the init Job has ever done its work.
func (s *Seen) initialised() bool {
	for i := range s.Jobs {
		if component(s.Jobs[i].Labels) == jobs.Init && s.Jobs[i].Status.Succeeded > 0 {
			return true
		}
	}
	for i := range s.Pods {
		if s.Pods[i].Labels["openbao-initialized"] == "true" {
			return true
		}
	}
	return false
}

func replicas(wanted *int32) int {
	if wanted == nil {
		return 1
	}
	return int(*wanted)
}

func running(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodRunning }

func isReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
