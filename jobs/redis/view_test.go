package redis

import (
	"slices"
	"strings"
	"testing"
)

func TestView(t *testing.T) {
	v, err := parseView(`aaa 10.0.0.1:6379@16379,r-0.internal,,tls-port=0,shard-id=ff myself,master - 0 0 1 connected 0-2 7 [9->-bbb] [11-<-ccc]
bbb 10.0.0.2:6379@16379,r-1.internal master,fail? - 0 0 2 disconnected 3-6
ccc fd00::1:6379@16379 master - 0 0 3 connected
ddd :0@0,tls-port=0 master,noaddr - 0 0 3 disconnected
`)
	if err != nil {
		t.Fatal(err)
	}
	self := v.self()
	if self.Hostname != "r-0.internal" || self.Endpoint != (endpoint{"10.0.0.1", 6379, 16379}) || !self.Linked {
		t.Errorf("itself: %+v", self)
	}
	if !slices.Equal(self.Slots, []int{0, 1, 2, 7}) || self.Migrating[9] != "bbb" || self.Importing[11] != "ccc" {
		t.Errorf("slots of itself: %+v", self)
	}
	if b, ok := v.find("bbb"); !ok || b.Linked || !b.has("fail?") || b.Hostname != "r-1.internal" {
		t.Errorf("a peer that is gone: %+v", b)
	}
	if c, _ := v.find("ccc"); c.Endpoint.IP != "fd00::1" || c.Hostname != "" {
		t.Errorf("a peer without a name: %+v", c)
	}
	if d, _ := v.find("ddd"); d.Endpoint != (endpoint{}) || d.Hostname != "" || !d.has("noaddr") {
		t.Errorf("a peer without an address: %+v", d)
	}
}

func TestViewRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for text, want := range map[string]string{
		"":      "does not name the node itself",
		"aaa x": "2 fields",
		"aaa 10.0.0.1:6379@16379 master - 0 0 1 connected":         "does not name the node itself",
		"aaa 10.0.0.1:6379@16379 myself - 0 0 1 connected 5-20000": "no range of slots",
		"aaa 10.0.0.1:6379@16379 myself - 0 0 1 connected [5]":     "unknown slot state",
		"aaa host:6379@16379 myself - 0 0 1 connected":             "is no IP address",
	} {
		if _, err := parseView(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

func TestOldestNamed(t *testing.T) {
	list := `id=7 addr=a name=other cmd=x
id=12 addr=b name=banhbaoring-job-redis cmd=y
id=9 addr=c name=banhbaoring-job-redis cmd=z`
	if got := oldestNamed(list); got != 9 {
		t.Errorf("got %d", got)
	}
	if got := oldestNamed("id=7 name="); got != 0 {
		t.Errorf("got %d", got)
	}
}
