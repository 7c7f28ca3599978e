package run

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	openbao "github.com/openbao/openbao/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Exit codes of a Job.
const (
	CodeFailed   = 1 // mend what the message says; the Job tries again by itself
	CodeByHand   = 3 // nothing helps but a human's decision, which the message names
	CodeDeadline = 4 // what it waited for did not come in time; the Job tries again
)

var errDeadline = errors.New("the deadline has passed")

// later is an error that can pass.
type later struct{ error }

func (l later) Unwrap() error { return l.error }

// byHand is an error that only a human can end.
type byHand struct{ error }

func (b byHand) Unwrap() error { return b.error }

// Later marks an error that can pass: its step is tried again.
func Later(err error) error { return later{err} }

// ByHand marks an error that no other run can end.
func ByHand(err error) error { return byHand{err} }

// Code is a Job's exit code.
func Code(err error) int {
	var hand byHand
	switch {
	case err == nil:
		return 0
	case errors.As(err, &hand):
		return CodeByHand
	case errors.Is(err, errDeadline), errors.Is(err, context.DeadlineExceeded):
		return CodeDeadline
	}
	return CodeFailed
}

// CanPass tells whether an error may be gone at the next attempt: the network's,
// and a server's that is overloaded, restarting or was overtaken by another
// writer.
func CanPass(err error) bool {
	var (
		wait    later
		hand    byHand
		network net.Error
		bao     *openbao.ResponseError
	)
	switch {
	case errors.As(err, &hand):
		return false
	case errors.As(err, &wait):
		return true
	case errors.As(err, &bao):
		return bao.StatusCode >= 500 || bao.StatusCode == http.StatusTooManyRequests || bao.StatusCode == http.StatusPreconditionFailed
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return true
	}
	return apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}
