package realtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	openbao "github.com/openbao/openbao/api/v2"
)

// Answers waits until a server answers.
func (b *OpenBao) Answers(t *testing.T, ordinal int) {
	t.Helper()
	b.until(t, ordinal, "answers", func(*openbao.SealStatusResponse) bool { return true })
}

// Unsealed waits until a server is unsealed.
func (b *OpenBao) Unsealed(t *testing.T, ordinal int) {
	t.Helper()
	b.until(t, ordinal, "is unsealed", func(s *openbao.SealStatusResponse) bool { return s.Initialized && !s.Sealed })
}

func (b *OpenBao) until(t *testing.T, ordinal int, what string, holds func(*openbao.SealStatusResponse) bool) {
	t.Helper()
	client := b.Client(t, ordinal, "")
	Eventually(t, fmt.Sprintf("server %d %s", ordinal, what), func(ctx context.Context) error {
		status, err := client.Sys().SealStatusWithContext(ctx)
		if err == nil && !holds(status) {
			err = fmt.Errorf("initialised: %v, sealed: %v", status.Initialized, status.Sealed)
		}
		return err
	})
}

// Initialise initialises the first server, unseals all and returns a root token.
// The keys unseal, or recover where a seal unseals.
func (b *OpenBao) Initialise(t *testing.T) (root string, keys []string) {
	t.Helper()
	answer := b.Found(t)
	for i := range b.Peers {
		if b.auto {
			b.Unsealed(t, i)
			continue
		}
		b.until(t, i, "has joined", func(s *openbao.SealStatusResponse) bool { return s.Initialized })
		client := b.Client(t, i, "")
		Eventually(t, "unsealing", func(ctx context.Context) error {
			status, err := client.Sys().UnsealWithContext(ctx, answer.KeysB64[0])
			if err == nil && status.Sealed {
				err = fmt.Errorf("still sealed")
			}
			return err
		})
	}
	b.running.Lock()
	b.keys = answer.KeysB64
	b.running.Unlock()
	root = answer.RootToken
	b.Led(t) // from 2.5 on it answers before, and writes nothing
	b.Voters(t, root)
	if b.auto {
		return root, answer.RecoveryKeysB64
	}
	return root, answer.KeysB64
}

// Found initialises the first server, and leaves it as it is then.
func (b *OpenBao) Found(t *testing.T) *openbao.InitResponse {
	t.Helper()
	request := &openbao.InitRequest{SecretShares: 1, SecretThreshold: 1}
	if b.auto {
		request = &openbao.InitRequest{RecoveryShares: 1, RecoveryThreshold: 1}
	}
	answer, err := b.Client(t, 0, "").Sys().Init(request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Led waits until some server is active.
func (b *OpenBao) Led(t *testing.T) {
	t.Helper()
	Eventually(t, "a server leads", func(ctx context.Context) error {
		leader, err := b.Client(t, 0, "").Sys().LeaderWithContext(ctx)
		if err == nil && leader.LeaderAddress == "" {
			err = errors.New("there is no leader")
		}
		return err
	})
}

// Leads waits until a server is active, and returns its cluster's id.
func (b *OpenBao) Leads(t *testing.T, ordinal int) (cluster string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("server %d is active", ordinal), func(ctx context.Context) error {
		health, err := b.Client(t, ordinal, "").Sys().HealthWithContext(ctx)
		if err == nil && (health.Sealed || health.Standby) {
			err = fmt.Errorf("sealed: %v, standby: %v", health.Sealed, health.Standby)
		}
		if err == nil {
			cluster = health.ClusterID
		}
		return err
	})
	return cluster
}

// Voters waits until all servers are voters: until then the cluster does not
// outlive the loss of one.
func (b *OpenBao) Voters(t *testing.T, token string) {
	t.Helper()
	Eventually(t, "a leader that knows all peers", func(ctx context.Context) error {
		config, err := b.Client(t, 0, token).Logical().ReadWithContext(ctx, "sys/storage/raft/configuration")
		if err != nil {
			return err
		}
		servers := config.Data["config"].(map[string]any)["servers"].([]any)
		voters := 0
		for _, s := range servers {
			if s.(map[string]any)["voter"] == true {
				voters++
			}
		}
		if voters != len(b.Peers) {
			return fmt.Errorf("%d voters of %d", voters, len(b.Peers))
		}
		return nil
	})
}
