package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// beginning are the reasons of every container that has just been made.
var beginning = []string{"ContainerCreating", "PodInitializing", ""}

// PodReasons say what a pod waits for and how its containers ended.
func PodReasons(pod *corev1.Pod) []string {
	var reasons []string
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	say := func(format string, args ...any) {
		reasons = append(reasons, fmt.Sprintf("pod %s: ", pod.Name)+OneLine(fmt.Sprintf(format, args...)))
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			say("no node takes it: %s", c.Message)
		}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && !slices.Contains(beginning, w.Reason) {
			say("container %s: %s: %s", c.Name, w.Reason, w.Message)
		}
		for _, ended := range []*corev1.ContainerStateTerminated{c.State.Terminated, c.LastTerminationState.Terminated} {
			if ended != nil && ended.ExitCode != 0 && !c.Ready {
				say("container %s ended with exit code %d (%s) %s", c.Name, ended.ExitCode, ended.Reason, ended.Message)
				break
			}
		}
	}
	return reasons
}

// Warning is the newest warning about an object or what it has made, whose names
// begin with its own, empty where there is none; kubelet's "back-off" says less
// than what came before.
func (s *Seen) Warning(name string) string { return Warning(s.Events, name) }

// Warning is the same of a list of Events.
func Warning(events []corev1.Event, name string) string {
	var last *corev1.Event
	for i := range events {
		e := &events[i]
		if e.Type == corev1.EventTypeWarning && e.Reason != "BackOff" && concerns(e.InvolvedObject.Name, name) && (last == nil || seenAt(e).After(seenAt(last))) {
			last = e
		}
	}
	if last == nil {
		return ""
	}
	return OneLine(fmt.Sprintf("%s %s: %s: %s", strings.ToLower(last.InvolvedObject.Kind), last.InvolvedObject.Name, last.Reason, last.Message))
}

func concerns(regarding, name string) bool {
	return regarding == name || strings.HasPrefix(regarding, name+"-") || strings.HasPrefix(regarding, "data-"+name+"-")
}

// seenAt is when an Event was seen last. Which of its fields says so depends on the
// client that wrote it.
func seenAt(e *corev1.Event) time.Time {
	times := []time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time}
	if e.Series != nil {
		times = append(times, e.Series.LastObservedTime.Time)
	}
	return slices.MaxFunc(times, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
}

// owns tells whether a selector takes such labels.
func owns(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && !s.Empty() && s.Matches(labels.Set(of))
}

// OneLine is a text without line breaks and without what a terminal obeys: whoever
// runs a container or writes Events may have written it.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
}
