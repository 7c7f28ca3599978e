package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// requestTimeout bounds a request. A server that waits for a leader to join
// holds an answer back for long.
const requestTimeout = 10 * time.Second

// unsealer unseals the server.
type unsealer struct {
	Options
	patience
	// keys is the digest of those that were tried last.
	keys [sha256.Size]byte
	// client is for the authority that this digest is of.
	client    *http.Client
	authority [sha256.Size]byte
	// unsealed is how the server was seen last.
	unsealed bool
}

// status is what a server tells of its seal.
type status struct {
	Initialized bool
	Sealed      bool
	Progress    int
}

var errKeys = errors.New("the mounted keys do not unseal this server: they are another's, or were rotated: put the right ones into the Secret; they are read again")

// look unseals the server if it is sealed and there are keys.
func (u *unsealer) look(ctx context.Context) {
	keys, err := os.ReadFile(u.KeysFile)
	if err != nil && !os.IsNotExist(err) {
		u.failed(err)
		return
	}
	if digest := sha256.Sum256(keys); digest != u.keys {
		u.keys = digest
		u.over()
	}
	if u.waits() {
		return
	}
	var s status
	if err := u.ask(ctx, http.MethodGet, "seal-status", nil, &s); err != nil {
		u.failed(err)
		u.pause = shortest // that it does not answer costs it nothing
		return
	}
	if !s.Sealed && !u.unsealed {
		u.log.Info("the server is unsealed")
	}
	u.unsealed = !s.Sealed
	if !s.Sealed || !s.Initialized || len(keys) == 0 {
		u.over()
		return
	}
	if err := u.unseal(ctx, strings.Fields(string(keys))); err != nil {
		u.failed(err)
	}
}

// unseal gives the server one key after the other until it has enough.
func (u *unsealer) unseal(ctx context.Context, keys []string) error {
	u.log.Info("the server is sealed: unsealing")
	for _, key := range keys {
		var s status
		if err := u.ask(ctx, http.MethodPut, "unseal", map[string]string{"key": key}, &s); err != nil {
			return err
		}
		if !s.Sealed {
			return nil
		}
		if s.Progress == 0 {
			return errors.New("the server has its keys, and is sealed until it has joined a leader")
		}
	}
	return errors.New("the mounted keys are fewer than the server wants")
}

// ask sends one request. Its errors hold nothing that was sent or answered.
func (u *unsealer) ask(ctx context.Context, method, path string, body, answer any) error {
	if err := u.trust(); err != nil {
		return err
	}
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+u.Address+"/v1/sys/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := u.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusBadRequest && path == "unseal":
		return errKeys
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("sys/%s: the server answers %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// trust makes a client that trusts the mounted authority, when that is new.
func (u *unsealer) trust() error {
	pem, err := os.ReadFile(u.TLSDir + "/ca.crt")
	if err != nil {
		return err
	}
	digest := sha256.Sum256(pem)
	if u.client != nil && digest == u.authority {
		return nil
	}
	transport, err := transport(pem, u.ServerName)
	if err != nil {
		return err
	}
	if u.client != nil {
		u.client.CloseIdleConnections()
	}
	u.client, u.authority = &http.Client{Transport: transport, Timeout: requestTimeout}, digest
	return nil
}
