package openbao

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const (
	// maxRenewal is the longest time between renewals of the token.
	maxRenewal = time.Hour
	// loginTimeout bounds a login: OpenBao asks Kubernetes' API server about it.
	loginTimeout = 10 * time.Second
	// relogin is the shortest time between two logins because of a refused token.
	relogin = 5 * time.Second
)

// Login says how the signer logs in: by its pod's service account.
type Login struct {
	Mount   string // of the auth method: kubernetes
	Role    string
	JWTFile string // the service account's token, read anew for each login
}

// Session holds the signer's token, in memory alone.
type Session struct {
	cluster *Cluster
	login   Login
	log     *slog.Logger

	mu     sync.Mutex
	token  string
	lease  time.Duration // of the token, when it was last renewed
	ends   time.Time
	logged time.Time     // when the last login was tried
	busy   chan struct{} // closed when the login that is under way ends
}

// NewSession is a session that is not logged in yet.
func NewSession(cluster *Cluster, login Login, log *slog.Logger) *Session {
	return &Session{cluster: cluster, login: login, log: log}
}

// Run logs in and renews the token until ctx ends.
func (s *Session) Run(ctx context.Context) {
	retry := 200 * time.Millisecond
	for ctx.Err() == nil {
		pause := s.keep(ctx)
		if pause == 0 {
			pause, retry = retry, min(2*retry, 10*time.Second)
		} else {
			retry = 200 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// keep logs in or renews, and returns how long to wait then: 0 is that it failed.
func (s *Session) keep(ctx context.Context) time.Duration {
	token, ends := s.current()
	var err error
	if token == "" || time.Now().After(ends) {
		err = s.logIn(ctx, token)
	} else {
		err = s.renew(ctx, token)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("the token was not renewed", "error", err.Error())
		}
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(time.Second, min(s.lease/3, maxRenewal))
}

func (s *Session) current() (token string, ends time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.ends
}

// Ends is when the token ends unless it is renewed; the zero time is without a token.
func (s *Session) Ends() time.Time {
	_, ends := s.current()
	return ends
}

// logIn gets a token in place of one that is refused, unless another did meanwhile.
func (s *Session) logIn(ctx context.Context, refused string) error {
	s.mu.Lock()
	for s.busy != nil {
		busy := s.busy
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
	}
	if s.token != refused {
		s.mu.Unlock()
		return nil
	}
	if refused != "" && time.Since(s.logged) < relogin {
		s.mu.Unlock()
		return errors.New("the token is refused, and so soon after a login another is not tried")
	}
	done := make(chan struct{})
	s.busy, s.logged = done, time.Now()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy = nil
		s.mu.Unlock()
		close(done)
	}()
	// Who waits for it may have less time than a login takes.
	login, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginTimeout)
	defer cancel()
	return s.authenticate(login)
}

func (s *Session) authenticate(ctx context.Context) error {
	jwt, err := os.ReadFile(s.login.JWTFile)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"role": s.login.Role, "jwt": strings.TrimSpace(string(jwt))})
	if err != nil {
		return err
	}
	return s.take(ctx, Request{Method: http.MethodPost, Path: "auth/" + s.login.Mount + "/login", Body: body})
}

func (s *Session) renew(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	err := s.take(ctx, Request{Method: http.MethodPost, Path: "auth/token/renew-self", Token: token, Body: []byte("{}")})
	var refused *refusedError
	if errors.As(err, &refused) && refused.status == http.StatusForbidden {
		return s.logIn(ctx, token)
	}
	return err
}

// refusedError is an answer that gives no token. OpenBao's errors hold none either.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return fmt.Sprintf("OpenBao answers %d: %s", e.status, e.text) }

// take keeps the token that an answer brings.
func (s *Session) take(ctx context.Context, r Request) error {
	response, err := s.cluster.Call(ctx, r)
	if err != nil {
		return err
	}
	var answer struct {
		Auth *struct {
			ClientToken   string `json:"client_token"`
			LeaseDuration int64  `json:"lease_duration"`
		} `json:"auth"`
	}
	if response.Status != http.StatusOK || json.Unmarshal(response.Body, &answer) != nil || answer.Auth == nil {
		return &refusedError{response.Status, response.Errors()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.lease = answer.Auth.ClientToken, time.Duration(answer.Auth.LeaseDuration)*time.Second
	s.ends = time.Now().Add(s.lease)
	return nil
}

// Call is the cluster's, with the session's token. A token that is refused is replaced
// by a new login.
func (s *Session) Call(ctx context.Context, r Request) (*Response, error) {
	token, _ := s.current()
	if token == "" {
		return nil, problem.Unavailable("the signer is not logged in to OpenBao yet")
	}
	r.Token = token
	response, err := s.cluster.Call(ctx, r)
	if err != nil || response.Status != http.StatusForbidden || !s.refused(ctx, token) {
		return response, err
	}
	relogged := make(chan error, 1)
	go func() { relogged <- s.logIn(ctx, token) }()
	select {
	case err := <-relogged:
		if err != nil {
			return response, nil
		}
	case <-ctx.Done():
		return nil, problem.Deadline()
	}
	r.Token, _ = s.current()
	return s.cluster.Call(ctx, r)
}

// refused reports whether the token itself is, and not what was asked with it.
func (s *Session) refused(ctx context.Context, token string) bool {
	response, err := s.cluster.Call(ctx, Request{Method: http.MethodGet, Path: "auth/token/lookup-self", Token: token})
	return err == nil && response.Status == http.StatusForbidden
}

// Check reports whether the active node takes the token: OpenBao is unsealed, has a
// leader, and would sign.
func (s *Session) Check(ctx context.Context) error {
	response, err := s.Call(ctx, Request{Method: http.MethodGet, Path: "auth/token/lookup-self"})
	if err != nil {
		return err
	}
	if response.Status != http.StatusOK {
		return &refusedError{response.Status, response.Errors()}
	}
	return nil
}

// Revoke ends the token, so that nobody uses it after the signer.
func (s *Session) Revoke(ctx context.Context) error {
	s.mu.Lock()
	token := s.token
	s.token, s.ends = "", time.Time{}
	s.mu.Unlock()
	if token == "" {
		return nil
	}
	response, err := s.cluster.Call(ctx, Request{Method: http.MethodPost, Path: "auth/token/revoke-self", Token: token})
	if err != nil {
		return err
	}
	if response.Status != http.StatusNoContent && response.Status != http.StatusOK {
		return &refusedError{response.Status, response.Errors()}
	}
	return nil
}
