package cmptest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/cmpserver"
	"github.com/argoproj/argo-cd/v2/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v2/cmpserver/plugin"
	log "github.com/sirupsen/logrus"
)

const root = "../.."

var (
	program string // the built command
	config  *plugin.PluginConfig
	entries logged
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run builds the command, puts it first in the PATH, and starts the plugin
// server with our plugin.yaml, as the sidecar does.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cmptest")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "bin", "banhbaoring")
	if out, err := exec.Command("go", "build", "-C", root, "-o", program, "./cmd/banhbaoring").CombinedOutput(); err != nil {
		return fail(fmt.Errorf("building: %w\n%s", err, out))
	}
	for name, value := range map[string]string{
		"PATH":                       filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"ARGOCD_CMP_WORKDIR":         dir,
		"ARGOCD_PLUGINSOCKFILEPATH":  dir,
		"ARGOCD_ENABLE_GRPC_TRACING": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			return fail(err)
		}
	}
	log.SetOutput(&entries)
	if config, err = plugin.ReadPluginConfig(filepath.Join(root, "plugin")); err != nil {
		return fail(err)
	}
	server, err := cmpserver.NewServer(plugin.CMPServerInitConstants{PluginConfig: *config})
	if err != nil {
		return fail(err)
	}
	go server.Run()
	for range 100 {
		if conn, err := net.Dial("unix", config.Address()); err == nil {
			conn.Close()
			return m.Run()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fail(fmt.Errorf("nobody listens at %s: %s", config.Address(), entries.String()))
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "cmptest:", err)
	return 1
}

// client is a connection to the plugin server.
func client(t testing.TB) apiclient.ConfigManagementPluginServiceClient {
	t.Helper()
	conn, c, err := apiclient.NewConfigManagementPluginClientSet(config.Address()).NewConfigManagementPluginClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return c
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
