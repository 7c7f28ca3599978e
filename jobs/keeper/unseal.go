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
	"syscall"
	"time"
)

const (
	// requestTimeout bounds a question.
	requestTimeout = 10 * time.Second
	// unsealTimeout bounds the giving of a key: the last one is answered once the
	// server has joined a leader.
	unsealTimeout = time.Minute
	// joinTime is how long a server that has its keys may take to join a leader
	// and to copy its data, at first; it is doubled each time that is not enough.
	joinTime = 2 * time.Minute
	// stillness is how long an unseal that another began must rest before this
	// one goes on with it.
	stillness = 15 * time.Second
)

// unsealer unseals the server. It alone gives it keys, and gives a server that
// joins a leader its keys only once: until it has its data, that server starts
// anew with each complete set that it is given (unsealWithRaft in OpenBao's
// core.go), and one that was started twice no longer heeds sys/step-down.
type unsealer struct {
	Options
	patience
	// keys is the digest of those that were tried last.
	keys [sha256.Size]byte
	// client is for the authority that this digest is of.
	client    *http.Client
	authority [sha256.Size]byte
	// joining is how long the server may join the next time.
	joining time.Duration

	// What is known of the process that was seen last.
	process
}

// process is what is known of one server process.
type process struct {
	pid int
	// unsealed is how it was seen last, and cluster whose data it served.
	unsealed bool
	cluster  string
	// given is when it had all its keys, if it has joined nobody since.
	given time.Time
	// ending is since when it has been told to end.
	ending time.Time
	// progress is that of an unseal, which has rested since then.
	progress string
	rests    time.Time
	// stuck tells that it was said that nobody can start it again from here.
	stuck bool
}

// status is what a server tells of its seal.
type status struct {
	Initialized bool
	Sealed      bool
	Progress    int
	Nonce       string
	ClusterID   string `json:"cluster_id"`
}

var (
	errKeys = errors.New("the mounted keys do not unseal this server: they are another's, or were rotated: put the right ones into the Secret; they are read again")
	errLost = errors.New("the server gave no answer that counts, and may have taken the key: it is given none again until it is unsealed or started anew")
)

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
	if u.waits() || u.ends() {
		return
	}
	var s status
	if err := u.ask(ctx, http.MethodGet, "seal-status", nil, &s); err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			u.process = process{pid: u.pid} // it has ended, or begins
		}
		u.failed(err)
		u.pause = shortest // that it does not answer costs it nothing
		return
	}
	switch {
	case !s.Sealed:
		u.serves(s)
	case !s.Initialized || len(keys) == 0:
		u.over()
	case u.mayGive(s):
		u.give(ctx, strings.Fields(string(keys)))
	}
}

// ends reports whether the server is on its way out, and notices when another
// process has taken its place.
func (u *unsealer) ends() bool {
	pid, err := u.Process()
	if err != nil { // nothing is known of another process
		u.failed(err)
		pid = u.pid
	}
	if pid != u.pid {
		u.process = process{pid: pid}
	}
	return !u.ending.IsZero() && time.Since(u.ending) < unsealTimeout
}

// serves notes that the server is unsealed. What raft remembers of the cluster
// before a restore, its TLS keys above all, goes only with the process: until
// then nobody can join it (setTLSKeyring in OpenBao's streamlayer.go takes keys of
// the same term for the same keys).
func (u *unsealer) serves(s status) {
	u.over()
	if !u.unsealed {
		u.log.Info("the server is unsealed")
	}
	u.unsealed, u.given, u.joining = true, time.Time{}, joinTime
	if s.ClusterID == "" {
		return // it does not know yet
	}
	before := u.cluster
	u.cluster = s.ClusterID
	if before != "" && before != u.cluster {
		u.restart("another OpenBao's data was restored, and raft remembers the one before")
	}
}

// mayGive reports whether a sealed server may be given its keys now.
func (u *unsealer) mayGive(s status) bool {
	if u.unsealed && u.restart("the server was sealed while it ran: by a person, or by a restore") {
		return false
	}
	u.unsealed = false
	if progress := fmt.Sprint(s.Nonce, " ", s.Progress); progress != u.progress {
		u.progress, u.rests = progress, time.Now()
	}
	if s.Progress > 0 {
		u.given = time.Time{} // it lacks some still
		return time.Since(u.rests) > stillness
	}
	switch {
	case u.given.IsZero():
		return true
	case time.Since(u.given) < u.joining:
		return false // it joins
	}
	if u.restart(fmt.Sprintf("the server has had its keys for %s and is sealed still", u.joining)) {
		u.joining *= 2
		return false
	}
	return true
}

// restart ends the server, which its kubelet starts again. It is false where the
// server's process cannot be seen.
func (u *unsealer) restart(why string) bool {
	if u.pid == 0 {
		if !u.stuck {
			u.log.Warn(why + ": it should be started again, which the keeper cannot do: delete the pod")
		}
		u.stuck = true
		return false
	}
	u.log.Warn(why+": it is started again", "process", u.pid)
	if err := syscall.Kill(u.pid, syscall.SIGTERM); err != nil {
		u.failed(fmt.Errorf("end the server, process %d: %w", u.pid, err))
		return false
	}
	u.process = process{pid: u.pid, ending: time.Now()}
	return true
}

// give gives the server one key after the other until it has enough.
func (u *unsealer) give(ctx context.Context, keys []string) {
	u.log.Info("the server is sealed: unsealing")
	for _, key := range keys {
		var s status
		err := u.ask(ctx, http.MethodPut, "unseal", map[string]string{"key": key}, &s)
		switch {
		case errors.Is(err, errLost):
			u.given = time.Now()
			u.failed(err)
			return
		case err != nil:
			u.failed(err)
			return
		case !s.Sealed:
			u.serves(s) // at once: by the next look a restore may have sealed it
			return
		case s.Progress == 0:
			u.given = time.Now()
			u.log.Info("the server has its keys, and joins a leader")
			return
		}
	}
	u.failed(errors.New("the mounted keys are fewer than the server wants"))
}

// ask sends one request. Its errors hold nothing that was sent or answered.
func (u *unsealer) ask(ctx context.Context, method, path string, body, answer any) error {
	if err := u.trust(); err != nil {
		return err
	}
	var text []byte
	timeout := requestTimeout
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
		timeout = unsealTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "https://"+u.Address+"/v1/sys/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := u.client.Do(request)
	switch {
	case err != nil && body != nil && !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: %w", errLost, err)
	case err != nil:
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusBadRequest && path == "unseal":
		return errKeys
	case response.StatusCode >= http.StatusInternalServerError && body != nil:
		return fmt.Errorf("%w: it answers %s", errLost, response.Status) // what fails may be the status that it answers with
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
	u.client, u.authority = &http.Client{Transport: transport}, digest
	return nil
}
