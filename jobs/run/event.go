package run

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// noteLimit is how many bytes the API server takes for an Event's note.
const noteLimit = 1024

// Event tells of something with the Job's pod, for `kubectl describe` and
// `kubectl events`. It must not hold a secret. That it could not be written is
// no fault of the work.
func (s *Session) Event(ctx context.Context, reason, note string) {
	s.event(ctx, corev1.EventTypeNormal, reason, note)
}

// Warn is Event for what a human should see.
func (s *Session) Warn(ctx context.Context, reason, note string) {
	s.event(ctx, corev1.EventTypeWarning, reason, note)
}

func (s *Session) event(ctx context.Context, kind, reason, note string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if len(note) > noteLimit {
		note = note[:noteLimit]
	}
	pod := s.world.Pod
	_, err := s.Kubernetes.EventsV1().Events(s.Namespace).Create(ctx, &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "banhbaoring-" + s.job + "-", Namespace: s.Namespace},
		EventTime:  metav1.NowMicro(),
		Type:       kind, Reason: reason, Note: note, Action: s.job,
		ReportingController: "banhbaoring.io/job-" + s.job,
		ReportingInstance:   pod.Name,
		Regarding: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: s.Namespace, Name: pod.Name, UID: types.UID(pod.UID),
		},
	}, metav1.CreateOptions{})
	if err != nil {
		s.Log.Debug("event not written", "reason", err.Error())
	}
}
