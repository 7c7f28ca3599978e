package network

import (
	"slices"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render"
)

// goingOut are the ends that a proxy serves, by who connects to them. Mail is not
// among them: it is not HTTP.
var goingOut = map[string][]string{
	"openbao":      {"kms", "transit"},
	"api":          {"oauth", "stripe", "webhooks"},
	"backup":       {"bucket"},
	"restore":      {"bucket"},
	"alertmanager": {"receivers"},
}

// proxied are the pods that connect to anything that a proxy serves.
func proxied(ends map[string]End) []string {
	var from []string
	for name, targets := range goingOut {
		if slices.ContainsFunc(targets, func(to string) bool { return ends[to].enabled }) {
			from = append(from, name)
		}
	}
	slices.Sort(from)
	return from
}

// proxyPorts are the ports of the proxies.
func proxyPorts(p *v1.Proxy) []int32 {
	if p == nil {
		return nil
	}
	ports := []int32{portOf(p.HTTPS)}
	if p.HTTP != "" {
		ports = append(ports, portOf(p.HTTP))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// webhooks are the URLs of the tenants' webhooks.
func webhooks(s *render.Stack) []string {
	var urls []string
	for _, tenant := range s.Tenants {
		for _, webhook := range tenant.Spec.Settings.Webhooks {
			urls = append(urls, webhook.URL)
		}
	}
	return urls
}
