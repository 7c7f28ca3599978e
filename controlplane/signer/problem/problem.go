// Package problem holds the errors that the signer's clients are told.
package problem

import (
	"errors"
	"fmt"
	"net/http"
)

// Problem is why a request was not answered with what it asked for. It never quotes a
// credential.
type Problem struct {
	// Code is for programs: lower case, underscores.
	Code string
	// What says what is wrong.
	What string
	// Rule is which part of the key's settings, or which limit, refused; it may be empty.
	Rule string
	// Remedy says what to do about it.
	Remedy string
	// Status is HTTP's.
	Status int
}

// Error is "<code>: <what>; rule: <rule>; remedy: <remedy>", as the secrets engine
// writes its own.
func (p *Problem) Error() string {
	text := p.Code + ": " + p.What
	if p.Rule != "" {
		text += "; rule: " + p.Rule
	}
	if p.Remedy != "" {
		text += "; remedy: " + p.Remedy
	}
	return text
}

// Invalid is a request that is at fault.
func Invalid(remedy, what string, args ...any) *Problem {
	return &Problem{Code: "invalid", What: fmt.Sprintf(what, args...), Remedy: remedy, Status: http.StatusBadRequest}
}

// Unauthorized is a client that is not known, or does not show what it must.
func Unauthorized(code, remedy, what string, args ...any) *Problem {
	return &Problem{Code: code, What: fmt.Sprintf(what, args...), Rule: "clients", Remedy: remedy, Status: http.StatusUnauthorized}
}

// Busy is a limit of the signer's own that is reached; nothing was signed.
func Busy(rule string) *Problem {
	return &Problem{
		Code: "busy", What: "too much is waiting already", Rule: rule, Remedy: "send it again in a moment, or send less at once",
		Status: http.StatusServiceUnavailable,
	}
}

// Deadline is a request whose time is over.
func Deadline() *Problem {
	return &Problem{
		Code: "deadline_exceeded", What: "the answer did not come within the request's deadline", Rule: "deadline",
		Remedy: "send it again: the same request has the same signature, which may be counted twice", Status: http.StatusGatewayTimeout,
	}
}

// Unavailable is an OpenBao that does not answer.
func Unavailable(what string, args ...any) *Problem {
	return &Problem{
		Code: "openbao_unavailable", What: fmt.Sprintf(what, args...), Rule: "openbao",
		Remedy: "send it again when OpenBao has a leader that is unsealed", Status: http.StatusServiceUnavailable,
	}
}

// Of is the problem that err is. What is none of ours is not shown to clients.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Code: "internal", What: "something failed inside the signer", Remedy: "look at the signer's log", Status: http.StatusInternalServerError}
}
