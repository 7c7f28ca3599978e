package secp256k1

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/helper/consts"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// stateTime is how long a node that was found active is not asked again.
const stateTime = time.Second

// systemView spares a call to the server with each request: the SDK asks whether the
// node is a standby, and asking crosses the processes. A node that stops to be the
// active one drops its backends, so that this memory ends sooner than by itself. A
// standby is asked each time.
type systemView struct {
	logical.SystemView
	mu    sync.Mutex
	state consts.ReplicationState
	asked time.Time
}

func (v *systemView) ReplicationState() consts.ReplicationState {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if v.asked.IsZero() || v.state.HasState(consts.ReplicationPerformanceStandby) || now.Sub(v.asked) > stateTime {
		v.state, v.asked = v.SystemView.ReplicationState(), now
	}
	return v.state
}

// HandleExistenceCheck answers at once where there is nothing to check: OpenBao asks
// before every write, signatures included.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checked, exists bool, err error) {
	name, ok := strings.CutPrefix(req.Path, keyPrefix)
	if !ok || strings.Contains(name, "/") {
		return false, false, nil
	}
	return b.Backend.HandleExistenceCheck(ctx, req)
}
