package redis

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"time"
)

// Keeper makes a node meet its peers again when they have new addresses, as
// after all pods were restarted at once: the bus knows addresses only.
type Keeper struct {
	// Local is the node itself.
	Local Node
	// Dial reaches the member by its name.
	Dial func(member) Node
	Log  *slog.Logger
}

// NewKeeper is a keeper of the node at an address, whose peers listen at the
// same port.
func NewKeeper(local, password string, log *slog.Logger) (*Keeper, error) {
	_, port, err := net.SplitHostPort(local)
	if err != nil {
		return nil, err
	}
	return &Keeper{
		Local: Dial(local, password),
		Dial:  func(m member) Node { return Dial(net.JoinHostPort(m.Hostname, port), password) },
		Log:   log,
	}, nil
}

// Run looks after the peers until ctx ends.
func (k *Keeper) Run(ctx context.Context, every time.Duration) {
	failing := false
	for {
		err := k.once(ctx)
		if ctx.Err() != nil {
			return
		}
		// A server that is starting needs one line in the log, not one a round.
		if err != nil && !failing {
			k.Log.Warn("the local node does not answer yet", "step", "meet", "error", err.Error())
		}
		failing = err != nil
		if pause(ctx, every) != nil {
			return
		}
	}
}

// once meets each member whose address is stale. A name alone is not trusted,
// as addresses are used again: who answers there must know the password and be
// the very member. So no node ever joins by this; that is the Job's part.
func (k *Keeper) once(ctx context.Context) error {
	v, err := k.Local.View(ctx)
	if err != nil {
		return err
	}
	for _, m := range v {
		if m.has("myself") || m.has("handshake") || m.Linked || m.Hostname == "" {
			continue
		}
		now, ok := k.whereabouts(ctx, m)
		if !ok || now == m.Endpoint {
			continue
		}
		if err := k.Local.Meet(ctx, now); err != nil {
			return err
		}
		k.Log.Info("met a peer at its new address", "step", "meet", "host", m.Hostname, "address", net.JoinHostPort(now.IP, strconv.Itoa(now.Port)))
	}
	return nil
}

// whereabouts is where a member says that it is.
func (k *Keeper) whereabouts(ctx context.Context, m member) (endpoint, bool) {
	peer := k.Dial(m)
	defer peer.Close()
	v, err := peer.View(ctx)
	if err != nil {
		return endpoint{}, false // it is not up yet
	}
	self := v.self()
	return self.Endpoint, self.ID == m.ID && self.Endpoint.IP != ""
}
