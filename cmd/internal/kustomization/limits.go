package kustomization

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What a build may take. Ten times of what the largest known ones need.
const (
	maxFiles  = 64 << 20 // bytes
	maxMemory = 1 << 30  // bytes
	maxTime   = 30 * time.Second
)

type limits struct {
	files  int64
	memory uint64
	time   time.Duration
}

// watch runs build, and returns when it ends or goes over a limit. Kustomize
// cannot be stopped: what goes over a limit goes on until it next reads a file,
// or the program ends.
func (l limits) watch(build func() ([]byte, error)) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	before := heap()
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil { // kustomize's, on input that it does not foresee
				r = result{nil, fmt.Errorf("kustomize failed: %v", p)}
			}
			done <- r
		}()
		r.text, r.err = build()
	}()
	late := time.NewTimer(l.time)
	defer late.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case r := <-done:
			return r.text, r.err
		case <-late.C:
			return nil, fmt.Errorf("takes longer than %s to build", l.time)
		case <-look.C:
			if heap() > before+l.memory {
				debug.FreeOSMemory() // garbage is no use of memory
				if heap() > before+l.memory {
					return nil, fmt.Errorf("takes more than %d MiB of memory to build", l.memory>>20)
				}
			}
		}
	}
}

// heap is how many bytes live and dead objects take.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
