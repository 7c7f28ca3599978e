// Command secp256k1 is the secrets engine as the plugin that OpenBao starts.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/openbao/openbao/sdk/v2/plugin"

	"github.com/banhbaoring/banhbaoring/secp256k1"
)

// A signature leaves little behind, but by default Go collects it as often as the
// heap doubles from next to nothing. So it may grow eightfold, within memoryLimit.
const (
	gcPercent   = 800
	memoryLimit = 256 << 20
)

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	if err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: secp256k1.Factory}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
