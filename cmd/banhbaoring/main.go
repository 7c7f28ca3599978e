// Command banhbaoring renders a key-management stack from its spec.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] != "job" {
		collectSeldom()
	}
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// collectSeldom spares a process that renders once and ends a third of its
// time, which went into collecting garbage. The limit holds for large inputs.
func collectSeldom() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(512 << 20)
}
