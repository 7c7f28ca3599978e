package initialize

import (
	"fmt"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// unstored is OpenBao with data and without keys: they were never stored, or
// the Secret is gone.
func (w *work) unstored(peer string) error {
	var claims, pods []string
	for i := range w.config.Peers {
		pods = append(pods, jobs.PeerName(i))
		claims = append(claims, "data-"+pods[i])
	}
	return run.ByHand(fmt.Errorf("%s is initialised, but Secret %s holds no keys for it: nothing was changed: "+
		"hint: if this stack was ever ready, delete nothing and put the Secret back from a backup; "+
		"if it never was, its first start was cut off before the keys were stored, OpenBao is empty, and it starts anew after: "+
		"kubectl delete pvc -n %[3]s --wait=false %[4]s && kubectl delete pod -n %[3]s %[5]s",
		peer, w.name(), w.Namespace, strings.Join(claims, " "), strings.Join(pods, " ")))
}

// keysLost is a Shamir seal that was opened, whose keys are gone.
func (w *work) keysLost(peer string) error {
	return run.ByHand(fmt.Errorf("%s is unsealed, but Secret %s holds no unseal keys: nothing could unseal it again: nothing was changed: "+
		"hint: restart no pod, and put the Secret back from a backup; without one, copy what OpenBao holds while it is unsealed",
		peer, w.name()))
}

// lost is keys without data.
func (w *work) lost(since string) error {
	return run.ByHand(fmt.Errorf("Secret %s holds the keys of an OpenBao that was initialised at %s, but no peer is initialised: its data is gone, this is no first start, and nothing was changed: "+
		"hint: bring the volumes of its pods back, or restore a backup with a BanhBaoRingRestore, see docs/disaster-recovery.md; only to begin anew without that data, keep a copy of the Secret and empty it: "+
		"kubectl patch secret -n %s %s --type=merge -p '{\"data\":null}'",
		w.name(), since, w.Namespace, w.config.KeySecret))
}

// unusable is a state in which neither the root token nor the role configure can
// be relied on.
func (w *work) unusable(what string) error {
	return run.ByHand(fmt.Errorf("%s, and Kubernetes auth was not finished: "+
		"hint: make a root token from the keys with sys/generate-root, as docs/initialisation.md says, and put it into Secret %s as %s; this Job goes on and revokes it",
		what, w.name(), jobs.KeyRootToken))
}

func (w *work) name() string { return w.Namespace + "/" + w.config.KeySecret }
