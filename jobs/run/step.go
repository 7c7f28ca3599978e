package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// backoff of a step's attempts: from half a second to ten, a fifth of it random
// so that many do not come at once.
var backoff = wait.Backoff{Duration: 500 * time.Millisecond, Factor: 1.5, Jitter: 0.2, Steps: 1 << 30, Cap: 10 * time.Second}

// line is an error's text in one line; OpenBao's answers have several.
func line(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Notice is how long a step waits before an Event says for what: longer than a
// healthy stack makes it wait.
const Notice = 2 * time.Minute

// Step does one step of the work and logs it. An error that can pass (see
// CanPass) is logged and the step tried again until the context ends; any other
// ends the Job. Of a long wait one Event tells.
func (s *Session) Step(ctx context.Context, name string, do func(context.Context) error) error {
	log := s.Log.With("step", name)
	log.Info("started")
	start, pause, said, told := time.Now(), backoff, "", false
	for attempt := 1; ; attempt++ {
		err := do(ctx)
		if err == nil {
			log.Info("finished", "seconds", time.Since(start).Seconds(), "attempts", attempt)
			return nil
		}
		err = fmt.Errorf("%s: %w", name, err)
		if !CanPass(err) || ctx.Err() != nil {
			return err
		}
		// A wait is told once, and again when its reason changes.
		if text := line(err); text != said {
			log.Warn("waiting", "reason", text, "attempt", attempt)
			said = text
		}
		if !told && time.Since(start) > cmp.Or(s.world.Notice, Notice) {
			s.Warn(ctx, "Waiting", line(err))
			told = true
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(pause.Step()):
		}
	}
}
