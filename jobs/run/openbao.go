package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	openbao "github.com/openbao/openbao/api/v2"
)

// Client talks to OpenBao. Its token is never logged.
type Client = openbao.Client

// requestTimeout bounds one request to OpenBao, so that a connection that hangs
// is tried again.
const requestTimeout = 30 * time.Second

// OpenBao is a client of the server at an address, without a token. It does not
// retry: steps do. Nothing of it comes from the environment.
func (s *Session) OpenBao(address string) (*Client, error) {
	config := openbao.DefaultConfig()
	if config.Error != nil {
		return nil, config.Error
	}
	config.Address, config.MaxRetries, config.Timeout = address, 0, requestTimeout
	if err := config.ConfigureTLS(&openbao.TLSConfig{CACert: s.world.TrustFile}); err != nil {
		return nil, fmt.Errorf("trust bundle: %w", err)
	}
	client, err := openbao.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearToken()
	client.ClearNamespace()
	if s.world.OpenBao != nil {
		s.world.OpenBao(config.HttpClient)
	}
	return client, nil
}

// Peer is one server of several.
type Peer struct {
	*Client
	Name string
}

// Peers are the servers at addresses.
func (s *Session) Peers(addresses []string) ([]Peer, error) {
	if len(addresses) == 0 {
		return nil, errors.New("the configuration names no peers")
	}
	peers := make([]Peer, len(addresses))
	for i, address := range addresses {
		at, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		client, err := s.OpenBao(address)
		if err != nil {
			return nil, err
		}
		peers[i] = Peer{client, at.Host}
	}
	return peers, nil
}

// Login logs a client in by Kubernetes auth, with the role that the pod's
// service account has, and returns what logs it out again.
func (s *Session) Login(ctx context.Context, client *Client, role string) (logout func(), err error) {
	token, err := os.ReadFile(s.world.TokenFile)
	if err != nil {
		return nil, err
	}
	secret, err := client.Logical().WriteWithContext(ctx, "auth/kubernetes/login", map[string]any{
		"role": role, "jwt": strings.TrimSpace(string(token)),
	})
	if err != nil {
		return nil, fmt.Errorf("log in to OpenBao as %s: %w", role, err)
	}
	if secret == nil || secret.Auth == nil {
		return nil, errors.New("log in to OpenBao: it answered without a token")
	}
	client.SetToken(secret.Auth.ClientToken)
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := client.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
			s.Log.Debug("token not revoked", "reason", err.Error())
		}
		client.ClearToken()
	}, nil
}

// LoginOnceMade is Login with a role that another Job makes, which maker names:
// OpenBao refuses it until then.
func (s *Session) LoginOnceMade(ctx context.Context, client *Client, role, maker string) (logout func(), err error) {
	logout, err = s.Login(ctx, client, role)
	switch Status(err) {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound:
		return nil, Later(fmt.Errorf("%w: hint: the %s Job makes this role; look at how it ended", err, maker))
	}
	return logout, err
}

// Status is the HTTP status of OpenBao's answer that an error holds, or 0.
func Status(err error) int {
	var response *openbao.ResponseError
	if errors.As(err, &response) {
		return response.StatusCode
	}
	return 0
}

// NotFound tells whether OpenBao answered that there is no such thing.
func NotFound(err error) bool { return Status(err) == http.StatusNotFound }
