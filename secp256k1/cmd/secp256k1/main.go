// Command secp256k1 is the secrets engine as the plugin that OpenBao starts.
package main

import (
	"fmt"
	"os"

	"github.com/openbao/openbao/sdk/v2/plugin"

	"github.com/banhbaoring/banhbaoring/secp256k1"
)

func main() {
	if err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: secp256k1.Factory}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
