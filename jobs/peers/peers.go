// Package peers is the Job that removes raft peers before their pods go, so that
// a lowered replica count never costs OpenBao its quorum.
package peers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// patience is how long OpenBao is given to answer and to become healthy.
const patience = time.Minute

// work is one run.
type work struct {
	*run.Session
	config jobs.PeersConfig
	client *run.Client
}

// Run removes the peers above the wanted count. It talks to OpenBao only where
// pods go or come back, as a sync may be what mends a broken OpenBao.
func Run(ctx context.Context, s *run.Session, c jobs.PeersConfig) error {
	w := &work{Session: s, config: c}
	var set *appsv1.StatefulSet
	err := s.Step(ctx, "look for OpenBao's pods", func(ctx context.Context) (err error) {
		set, err = s.Kubernetes.AppsV1().StatefulSets(s.Namespace).Get(ctx, c.StatefulSet, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if set == nil || set.Name == "" {
		s.Log.Info("nothing to do: OpenBao is not installed yet")
		return nil
	}
	switch current := replicas(set); {
	case current < c.Replicas:
		return w.grow(ctx, current)
	case current == c.Replicas:
		s.Log.Info("nothing to do: no pod goes", "replicas", current)
		return nil
	default:
		return w.shrink(ctx, set, current)
	}
}

func replicas(set *appsv1.StatefulSet) int32 {
	if set.Spec.Replicas == nil {
		return 1
	}
	return *set.Spec.Replicas
}

// shrink removes the peers whose pods go.
func (w *work) shrink(ctx context.Context, set *appsv1.StatefulSet, current int32) error {
	c := w.config
	if set.Status.ReadyReplicas == 0 {
		var initialised bool
		err := w.soon(ctx, "ask whether OpenBao is initialised", func(ctx context.Context) (err error) {
			initialised, err = w.initialised(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if !initialised {
			w.Log.Info("nothing to do: OpenBao is not initialised yet")
			return nil
		}
	}
	if c.Replicas == 1 && !c.AllowSingle {
		return run.ByHand(fmt.Errorf("OpenBao has %d replicas and the spec wants 1, which has no spare: nothing was changed: "+
			"hint: set spec.openbao.replicas to 3 or more, or spec.openbao.allowSingle to true", current))
	}
	logout, err := w.login(ctx, current)
	if err != nil {
		return err
	}
	defer logout()
	return w.remove(ctx)
}

// soon is a step whose faults may pass, but are not waited for long: another run
// follows, and whoever looks at the Job sees why.
func (w *work) soon(ctx context.Context, name string, do func(context.Context) error) error {
	short, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	err := w.Step(short, name, do)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(short), errPatience) {
		return fmt.Errorf("waited %s in vain: %w", patience, err)
	}
	return err
}

var errPatience = errors.New("not in time")

// initialised asks the peers that stay. One answer is enough.
func (w *work) initialised(ctx context.Context) (bool, error) {
	var last error
	answered := false
	for _, address := range w.config.Peers {
		client, err := w.OpenBao(address)
		if err != nil {
			return false, err
		}
		status, err := client.Sys().SealStatusWithContext(ctx)
		switch {
		case err != nil:
			last = err
		case status.Initialized:
			return true, nil
		default:
			answered = true
		}
	}
	if !answered {
		return false, run.Later(fmt.Errorf("no peer answers, so that nobody knows what would be lost: hint: raise spec.openbao.replicas again, or mend OpenBao first: %w", last))
	}
	return false, nil
}

// login logs in as the role that the configure Job has made.
func (w *work) login(ctx context.Context, current int32) (logout func(), err error) {
	err = w.soon(ctx, "log in to OpenBao", func(ctx context.Context) (err error) {
		if w.client, err = w.OpenBao(w.config.Address); err != nil {
			return err
		}
		logout, err = w.Login(ctx, w.client, jobs.Peers)
		switch run.Status(err) {
		case http.StatusBadRequest, http.StatusNotFound:
			return run.ByHand(fmt.Errorf("OpenBao has %d replicas and the spec wants %d, but it has no role %s, which the configure Job makes: "+
				"hint: set spec.openbao.replicas back to %[1]d, let the configure Job finish, then lower it again: %[4]w", current, w.config.Replicas, jobs.Peers, err))
		case http.StatusForbidden:
			// It answers so as well when the API server does not tell it whose token
			// it is (builtin/credential/kubernetes/path_login.go, lookup).
			return run.Later(fmt.Errorf("%w: hint: see whether OpenBao reaches the API server, and how the configure Job ended", err))
		}
		return err
	})
	return logout, err
}
