package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestExitCodesAndWhereWordsGo(t *testing.T) {
	for _, x := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"version", 0, "controlplane ", ""},
		{"signer --help", 0, "--openbao", ""},
		{"signer", 1, "", "--openbao: must name OpenBao's nodes"},
		{"signer --surprise", 2, "", "unknown flag"},
		{"surprise", 2, "", "unknown command"},
	} {
		var stdout, stderr bytes.Buffer
		code := execute(context.Background(), strings.Fields(x.args), &stdout, &stderr)
		if code != x.code || !strings.Contains(stdout.String(), x.stdout) || !strings.Contains(stderr.String(), x.stderr) {
			t.Errorf("%s: got %d, %q, %q", x.args, code, stdout.String(), stderr.String())
		}
		if x.code != 0 && stdout.Len() > 0 || x.code == 0 && stderr.Len() > 0 {
			t.Errorf("%s: says too much: %q, %q", x.args, stdout.String(), stderr.String())
		}
	}
}
