package tenants

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// token is what is known of a token that somebody holds.
type token struct {
	Path     string            `json:"path"`
	Policies []string          `json:"policies"`
	Ranges   []string          `json:"bound_cidrs"`
	Meta     map[string]string `json:"meta"`
}

// stays tells whether a token is one that would be issued today: of a login
// that there is, in its present generation, with its present policy and from
// where the tenant may come.
func (k token) stays(p plan, generations map[string]string, passwordChanged bool) bool {
	if !sameRanges(k.Ranges, p.tenant.AllowedIPRanges) {
		return false
	}
	switch k.Path {
	case "auth/approle/login":
		name := k.Meta["role_name"]
		key, there := p.key(name)
		return there && k.Meta[metaGeneration] == generations[name] && slices.Equal(k.Policies, []string{string(key.Role)})
	case "auth/userpass/login/" + adminUser:
		return !passwordChanged
	}
	return false
}

// sameRanges compares ranges of addresses, of which a single address may be
// written alone.
func sameRanges(a, b []string) bool {
	return slices.Equal(canonical(a), canonical(b))
}

func canonical(ranges []string) []string {
	var all []string
	for _, text := range ranges {
		if address, err := netip.ParseAddr(text); err == nil {
			text = netip.PrefixFrom(address, address.BitLen()).String()
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// sweep revokes the tokens of a namespace that may not stay.
func sweep(ctx context.Context, client *run.Client, stays func(token) bool) error {
	accessors, err := list(ctx, client, "auth/token/accessors")
	if err != nil {
		return err
	}
	for _, accessor := range accessors {
		data, err := write(ctx, client, "auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		if gone(err) {
			continue // it has come to its end since
		}
		if err != nil {
			return err
		}
		text, err := json.Marshal(data)
		if err != nil {
			return err
		}
		var k token
		if err := json.Unmarshal(text, &k); err != nil {
			return err
		}
		if stays(k) {
			continue
		}
		_, err = write(ctx, client, "auth/token/revoke-accessor", map[string]any{"accessor": accessor})
		if err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// gone tells whether OpenBao knows no such accessor any more.
func gone(err error) bool {
	return err != nil && (run.NotFound(err) || run.Status(err) == 403 && strings.Contains(err.Error(), "invalid accessor"))
}
