package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"syscall"
	"testing"

	openbao "github.com/openbao/openbao/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhatCanPassAndWithWhichCode(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	refused := &url.Error{Op: "Put", URL: "https://openbao:8200", Err: syscall.ECONNREFUSED}
	for name, c := range map[string]struct {
		err  error
		pass bool
		code int
	}{
		"refused connection":    {refused, true, CodeFailed},
		"cut off":               {io.ErrUnexpectedEOF, true, CodeFailed},
		"conflict":              {apierrors.NewConflict(secrets, "a", errors.New("changed")), true, CodeFailed},
		"forbidden":             {apierrors.NewForbidden(secrets, "a", errors.New("no")), false, CodeFailed},
		"not found":             {apierrors.NewNotFound(secrets, "a"), false, CodeFailed},
		"openbao sealed":        {&openbao.ResponseError{StatusCode: 503}, true, CodeFailed},
		"openbao denied":        {&openbao.ResponseError{StatusCode: 403}, false, CodeFailed},
		"openbao bad request":   {&openbao.ResponseError{StatusCode: 400}, false, CodeFailed},
		"said to pass":          {Later(errors.New("not joined yet")), true, CodeFailed},
		"by hand":               {ByHand(refused), false, CodeByHand},
		"by hand, though later": {Later(ByHand(errors.New("lost"))), false, CodeByHand},
		"anything else":         {errors.New("garbage"), false, CodeFailed},
		"deadline":              {fmt.Errorf("%w: waiting", errDeadline), false, CodeDeadline},
		"deadline of a context": {context.DeadlineExceeded, true, CodeDeadline},
		"deadline, and by hand": {errors.Join(errDeadline, ByHand(errors.New("lost"))), false, CodeByHand},
	} {
		t.Run(name, func(t *testing.T) {
			err := fmt.Errorf("step: %w", c.err)
			if got := CanPass(err); got != c.pass {
				t.Errorf("can pass: %v, want %v", got, c.pass)
			}
			if got := Code(err); got != c.code {
				t.Errorf("code %d, want %d", got, c.code)
			}
		})
	}
	if Code(nil) != 0 {
		t.Error("no error has a code")
	}
}
