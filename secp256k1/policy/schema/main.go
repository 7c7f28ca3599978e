// Command schema prints the JSON schema of policies.
package main

import (
	"fmt"
	"os"

	"github.com/banhbaoring/banhbaoring/secp256k1/policy"
)

func main() {
	if _, err := os.Stdout.Write(policy.Schema()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
