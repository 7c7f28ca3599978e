package redis

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// member is one node as a node sees it.
type member struct {
	ID       string
	Endpoint endpoint
	Hostname string
	Flags    []string
	// Linked says that the bus connection stands.
	Linked bool
	Slots  []int
	// Migrating and Importing are the slots on their way, and the other end's
	// ID. Redis tells them of the node itself only.
	Migrating, Importing map[int]string
}

// endpoint is where a node's bus finds another.
type endpoint struct {
	IP        string
	Port, Bus int
}

func (m member) has(flag string) bool { return slices.Contains(m.Flags, flag) }

// view is what one node knows of all, itself included.
type view []member

func (v view) self() member {
	for _, m := range v {
		if m.has("myself") {
			return m
		}
	}
	return member{}
}

func (v view) find(id string) (member, bool) {
	for _, m := range v {
		if m.ID == id {
			return m, true
		}
	}
	return member{}, false
}

// alone says that the node knows no other.
func (v view) alone() bool { return len(v) == 1 }

// parseView reads the answer to CLUSTER NODES. Source: redis.io,
// commands/cluster-nodes.
func parseView(text string) (view, error) {
	var v view
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		m, err := parseMember(line)
		if err != nil {
			return nil, fmt.Errorf("unexpected line of CLUSTER NODES %q: %w", line, err)
		}
		v = append(v, m)
	}
	if v.self().ID == "" {
		return nil, fmt.Errorf("CLUSTER NODES does not name the node itself")
	}
	return v, nil
}

func parseMember(line string) (member, error) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return member{}, fmt.Errorf("%d fields", len(fields))
	}
	m := member{
		ID:        fields[0],
		Flags:     strings.Split(fields[2], ","),
		Linked:    fields[7] == "connected",
		Migrating: map[int]string{},
		Importing: map[int]string{},
	}
	address, rest, _ := strings.Cut(fields[1], ",")
	m.Hostname, _, _ = strings.Cut(rest, ",")
	if strings.Contains(m.Hostname, "=") { // an auxiliary field, no name
		m.Hostname = ""
	}
	var err error
	if m.Endpoint, err = parseEndpoint(address); err != nil {
		return member{}, err
	}
	for _, text := range fields[8:] {
		if err := m.addSlots(text); err != nil {
			return member{}, err
		}
	}
	return m, nil
}

// parseEndpoint reads ip:port@bus.
func parseEndpoint(text string) (endpoint, error) {
	address, bus, _ := strings.Cut(text, "@")
	colon := strings.LastIndex(address, ":") // an IPv6 address has no brackets
	if colon < 0 {
		return endpoint{}, fmt.Errorf("no port in %q", address)
	}
	port, err := strconv.Atoi(address[colon+1:])
	if err != nil {
		return endpoint{}, err
	}
	e := endpoint{IP: strings.Trim(address[:colon], "[]"), Port: port}
	if bus != "" {
		if e.Bus, err = strconv.Atoi(bus); err != nil {
			return endpoint{}, err
		}
	}
	if e.IP != "" && net.ParseIP(e.IP) == nil {
		return endpoint{}, fmt.Errorf("%q is no IP address", e.IP)
	}
	return e, nil
}

// addSlots reads a slot, a range 0-5460, or one on its way: [7->-id], [7-<-id].
func (m *member) addSlots(text string) error {
	if open, ok := strings.CutPrefix(text, "["); ok {
		open = strings.TrimSuffix(open, "]")
		for arrow, ids := range map[string]map[int]string{"->-": m.Migrating, "-<-": m.Importing} {
			if number, id, ok := strings.Cut(open, arrow); ok {
				slot, err := strconv.Atoi(number)
				ids[slot] = id
				return err
			}
		}
		return fmt.Errorf("unknown slot state %q", text)
	}
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		last = first
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	to, err := strconv.Atoi(last)
	if err != nil || from < 0 || to >= slotCount || from > to {
		return fmt.Errorf("no range of slots: %q", text)
	}
	for slot := from; slot <= to; slot++ {
		m.Slots = append(m.Slots, slot)
	}
	return nil
}
