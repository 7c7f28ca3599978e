package realtest

import (
	"fmt"
	"os"
	"testing"
)

func TestAFreePortIsNoneOfThoseForConnections(t *testing.T) {
	const file = "/proc/sys/net/ipv4/ip_local_port_range"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skip(err)
	}
	var least, most, port int
	if _, err := fmt.Sscan(string(text), &least, &most); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for range 100 {
		if _, err := fmt.Sscanf(FreeAddress(t), "127.0.0.1:%d", &port); err != nil || port >= least && port <= most {
			t.Fatalf("port %d is of %d to %d: %v", port, least, most, err)
		}
	}
}
