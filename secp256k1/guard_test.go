package secp256k1

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openbao/openbao/sdk/v2/logical"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

const lease = 4 * time.Second

func newFence(storage logical.Storage, c *clock) *fence {
	return newGuards(storage, c.Now).fence("sequencer")
}

// signs reports how a block of the holder ends.
func signs(f *fence, holder string) string {
	release, err := f.acquire(context.Background(), holder, lease)
	if err == nil {
		err = release()
	}
	return code(err)
}

func takes(f *fence, holder string) string {
	_, err := f.take(context.Background(), holder, lease)
	return code(err)
}

func code(err error) string {
	if r, ok := asRefusal(err); ok {
		return r.code
	}
	return fmt.Sprint(err)
}

const allowed = "<nil>"

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

func TestOneClientHoldsTheFence(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	f := newFence(&logical.InmemStorage{}, c)
	expect(t, "before anybody takes it", signs(f, "op-node-0"), "fence_not_taken")
	expect(t, "op-node-0 takes it", takes(f, "op-node-0"), allowed)
	expect(t, "op-node-0 signs", signs(f, "op-node-0"), allowed)
	expect(t, "op-node-1 signs", signs(f, "op-node-1"), "fence_held")
	expect(t, "op-node-1 takes it", takes(f, "op-node-1"), allowed)
	expect(t, "op-node-0 signs on", signs(f, "op-node-0"), "fence_held")
	expect(t, "op-node-1 signs", signs(f, "op-node-1"), allowed)
	if stored, _, _ := f.read(context.Background()); stored.Epoch != 2 {
		t.Errorf("epoch %d, want 2", stored.Epoch)
	}
}

// The node that was active before may sign under its grant until that ends. The next
// one gives the fence to nobody else until then.
func TestTwoNodesNeverSignForTwoHolders(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	storage := &failing{Storage: &logical.InmemStorage{}}
	before := newFence(storage, c)
	expect(t, "op-node-0 takes it", takes(before, "op-node-0"), allowed)

	storage.set(errors.New("no quorum")) // the node is cut off
	after := newFence(storage.Storage, c)
	expect(t, "another client, at once", takes(after, "op-node-1"), "fence_wait")
	expect(t, "the same client, at once", signs(after, "op-node-0"), allowed)
	for range 50 {
		c.pass(100 * time.Millisecond)
		old, other := signs(before, "op-node-0"), takes(after, "op-node-1")
		if old == allowed && other == allowed {
			t.Fatal("the node that is cut off signs for one client, and the active one for another")
		}
		if other == allowed {
			expect(t, "after one lease the cut off node", old, "no quorum")
			return
		}
	}
	t.Error("the fence is never given away")
}

func TestAGrantIsStoredBeforeTheFirstSignature(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	storage := &failing{Storage: &logical.InmemStorage{}}
	expect(t, "op-node-0 takes it", takes(newFence(storage, c), "op-node-0"), allowed)
	storage.set(errors.New("no quorum"))
	expect(t, "signs without a grant of this node's", signs(newFence(storage, c), "op-node-0"), "no quorum")
}

func TestAGrantIsRenewedInTheBackground(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	f := newFence(&logical.InmemStorage{}, c)
	expect(t, "op-node-0 takes it", takes(f, "op-node-0"), allowed)
	c.pass(lease/2 + time.Second)
	expect(t, "op-node-0 signs", signs(f, "op-node-0"), allowed)
	for range 1000 {
		if _, left, err := f.read(context.Background()); err != nil || left == lease {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the grant was not renewed")
}

func TestASignatureIsNotShownWhenItsGrantEndedMeanwhile(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	f := newFence(&logical.InmemStorage{}, c)
	expect(t, "op-node-0 takes it", takes(f, "op-node-0"), allowed)
	release, err := f.acquire(context.Background(), "op-node-0", lease)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(lease)
	expect(t, "shown", code(release()), "fence_expired")
}

func TestShutGuardsVoidAFence(t *testing.T) {
	c := &clock{}
	c.set("2026-11-27T12:00:00Z")
	storage := &logical.InmemStorage{}
	g := newGuards(storage, c.Now)
	f := g.fence("sequencer")
	expect(t, "op-node-0 takes it", takes(f, "op-node-0"), allowed)
	if err := g.shut.shut(context.Background(), storage, c.Now()); err != nil {
		t.Fatal(err)
	}
	g.forget("")
	expect(t, "op-node-0 signs", signs(f, "op-node-0"), "fence_not_taken")
	expect(t, "op-node-0 takes it", takes(f, "op-node-0"), allowed)
	expect(t, "op-node-0 signs", signs(f, "op-node-0"), allowed)
}

// transaction is one whose data says what it does.
func transaction(nonce uint64, to byte, does string) *evm.Tx {
	return &evm.Tx{
		Type: evm.DynamicFee, ChainID: 10, Nonce: nonce, To: &evm.Address{to}, Value: new(big.Int), Data: []byte(does),
		MaxFeePerGas: big.NewInt(1), MaxPriorityFeePerGas: big.NewInt(1), MaxFeePerBlobGas: new(big.Int),
	}
}

func admits(g *nonceGuard, tx *evm.Tx, mode string) string {
	return code(g.admit(context.Background(), tx, mode))
}

func newNonceGuard(storage logical.Storage) *nonceGuard {
	return newGuards(storage, time.Now).nonce("batcher", 10)
}

func TestANonceSignsOneTransactionAtAnyFee(t *testing.T) {
	storage := &logical.InmemStorage{}
	g := newNonceGuard(storage)
	expect(t, "nonce 0", admits(g, transaction(0, 1, "a"), guardSameContent), allowed)
	dearer := transaction(0, 1, "a")
	dearer.MaxFeePerGas = big.NewInt(100)
	expect(t, "at another fee", admits(g, dearer, guardSameContent), allowed)
	expect(t, "another content", admits(g, transaction(0, 1, "b"), guardSameContent), "nonce_used")
	expect(t, "another content, to the same recipient", admits(g, transaction(0, 1, "b"), guardSameRecipient), allowed)
	expect(t, "another recipient", admits(g, transaction(0, 2, "a"), guardSameRecipient), "nonce_used")

	g = newNonceGuard(storage) // another node
	expect(t, "after a failover", admits(g, transaction(0, 1, "b"), guardSameContent), "nonce_used")
	if err := g.release(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	expect(t, "after its release", admits(g, transaction(0, 1, "b"), guardSameContent), allowed)
}

func TestNoncesJumpByABoundedStepAndOldOnesAreForgottenSafely(t *testing.T) {
	g := newNonceGuard(&logical.InmemStorage{})
	expect(t, "too far", admits(g, transaction(nonceJump+1, 1, "a"), guardSameContent), "nonce_jump")
	expect(t, "just so far", admits(g, transaction(nonceJump, 1, "a"), guardSameContent), allowed)
	expect(t, "what was left out", admits(g, transaction(3, 1, "a"), guardSameContent), allowed)
	for n := uint64(nonceJump + 1); n < nonceJump+nonceWindow; n++ {
		expect(t, fmt.Sprint("nonce ", n), admits(g, transaction(n, 1, "a"), guardSameContent), allowed)
	}
	expect(t, "one that is no longer remembered", admits(g, transaction(3, 1, "b"), guardSameContent), "nonce_below_floor")
	expect(t, "one that never signed, for which there is no room", admits(g, transaction(4, 1, "b"), guardSameContent), "nonce_below_floor")
	expect(t, "the oldest that is remembered", admits(g, transaction(nonceJump+2, 1, "b"), guardSameContent), "nonce_used")
	if n := len(g.stored.Signed); n > nonceWindow {
		t.Errorf("%d nonces are remembered", n)
	}
}

func TestAGuardWritesOnceASignatureAndItsEntryIsBounded(t *testing.T) {
	writes := &counting{Storage: &logical.InmemStorage{}}
	g := newNonceGuard(writes)
	for n := range uint64(400) {
		expect(t, "signs", admits(g, transaction(n, 1, "a"), guardSameContent), allowed)
		expect(t, "signs again", admits(g, transaction(n, 1, "a"), guardSameContent), allowed)
	}
	if got := writes.puts(); got != 400 {
		t.Errorf("400 nonces wrote %d times", got)
	}
	entry, err := writes.Get(context.Background(), g.path)
	if err != nil || len(entry.Value) > 32<<10 {
		t.Errorf("the entry has %d bytes, %v", len(entry.Value), err)
	}
}

func TestARestoreShutsNoncesUntilTheirFloorIsSet(t *testing.T) {
	storage := &logical.InmemStorage{}
	g := newGuards(storage, time.Now)
	n := g.nonce("batcher", 10)
	expect(t, "nonce 0", admits(n, transaction(0, 1, "a"), guardSameContent), allowed)
	if err := g.shut.shut(context.Background(), storage, time.Now()); err != nil {
		t.Fatal(err)
	}
	expect(t, "shut", admits(n, transaction(1, 1, "a"), guardSameContent), "nonce_guard_shut")
	expect(t, "shut, a nonce that signed", admits(n, transaction(0, 1, "a"), guardSameContent), "nonce_guard_shut")
	expect(t, "shut, another chain", admits(g.nonce("batcher", 11), transaction(0, 1, "a"), guardSameContent), "nonce_guard_shut")
	if err := n.setFloor(context.Background(), 1000); err != nil {
		t.Fatal(err)
	}
	expect(t, "below the floor", admits(n, transaction(999, 1, "a"), guardSameContent), "nonce_below_floor")
	expect(t, "at the floor", admits(n, transaction(1000, 1, "a"), guardSameContent), allowed)
	if err := g.shut.shut(context.Background(), storage, time.Now()); err != nil {
		t.Fatal(err)
	}
	expect(t, "shut again", admits(n, transaction(1001, 1, "a"), guardSameContent), "nonce_guard_shut")
}

func TestOfManyWithOneNonceOneSigns(t *testing.T) {
	g := newNonceGuard(&logical.InmemStorage{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 16 {
		wg.Go(func() {
			if admits(g, transaction(0, 1, fmt.Sprint(i)), guardSameContent) == allowed {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d transactions have nonce 0", won)
	}
}

func TestANonceThatCouldNotBeStoredIsNotSigned(t *testing.T) {
	storage := &failing{Storage: &logical.InmemStorage{}}
	g := newNonceGuard(storage)
	storage.set(errors.New("no quorum"))
	if got := admits(g, transaction(0, 1, "a"), guardSameContent); !strings.Contains(got, "no quorum") {
		t.Errorf("got %s", got)
	}
	storage.set(nil)
	expect(t, "another transaction", admits(g, transaction(0, 1, "b"), guardSameContent), allowed)
}
