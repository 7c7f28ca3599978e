package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banhbaoring/banhbaoring/jobs/backup/store"
)

// Memory is a bucket of a test's own, with its own clock.
type Memory struct {
	// Now is the bucket's clock.
	Now func() time.Time

	mutex   sync.Mutex
	objects map[string]object
}

type object struct {
	body     []byte
	modified time.Time
}

// Put reads the body to its end before the object is there.
func (m *Memory) Put(_ context.Context, key string, body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.objects == nil {
		m.objects = map[string]object{}
	}
	m.objects[key] = object{data, m.Now()}
	return nil
}

// Get reads an object.
func (m *Memory) Get(_ context.Context, key string) (io.ReadCloser, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("read %s%s: %w", m, key, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(o.body)), nil
}

// List lists the objects as they are when it begins.
func (m *Memory) List(_ context.Context, prefix string) iter.Seq2[store.Info, error] {
	m.mutex.Lock()
	objects := maps.Clone(m.objects)
	m.mutex.Unlock()
	return func(yield func(store.Info, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			o := objects[key]
			if strings.HasPrefix(key, prefix) && !yield(store.Info{Key: key, Size: int64(len(o.body)), Modified: o.modified}, nil) {
				return
			}
		}
	}
}

// Delete removes an object.
func (m *Memory) Delete(_ context.Context, key string) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.objects, key)
	return nil
}

// Abort has nothing to do.
func (m *Memory) Abort(context.Context, time.Time) error { return nil }

func (m *Memory) String() string { return "memory:" }
