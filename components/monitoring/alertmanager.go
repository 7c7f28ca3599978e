package monitoring

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

func (p *parts) alertmanager() error {
	set, ok := find[*appsv1.StatefulSet](p, alertmanager)
	if !ok {
		return nil
	}
	m := p.Cluster.Spec.Monitoring
	given := map[string]*v1.SecretKeyRef{"slack": nil, "pagerduty": nil}
	if m.Alerting.Slack != nil {
		given["slack"] = &m.Alerting.Slack.WebhookURL
	}
	if m.Alerting.PagerDuty != nil {
		given["pagerduty"] = &m.Alerting.PagerDuty.RoutingKey
	}
	absent := func(receiver any) bool {
		ref, known := given[receiver.(string)]
		return known && ref == nil
	}
	config, _ := find[*corev1.ConfigMap](p, alertmanager)
	if err := edit(config, "alertmanager.yaml", func(c object) {
		route := c["route"].(object)
		route["routes"] = slices.DeleteFunc(route["routes"].([]any), func(r any) bool { return absent(r.(object)["receiver"]) })
		if proxy := p.Cluster.Spec.Networking.Proxy; proxy != nil { // its environment does not count
			client := object{"proxy_url": proxy.HTTPS}
			if len(proxy.NoProxy) > 0 {
				client["no_proxy"] = strings.Join(proxy.NoProxy, ",")
			}
			global, _ := c["global"].(object)
			if global == nil {
				global = object{}
			}
			global["http_config"], c["global"] = client, global
		}
		c["receivers"] = slices.DeleteFunc(c["receivers"].([]any), func(r any) bool { return absent(r.(object)["name"]) })
	}); err != nil {
		return err
	}
	pod := &set.Spec.Template.Spec
	p.Place(pod, m.Alerting.Workload)
	if p.MountProxyAuthority(pod) {
		pod.Containers[0].Env = append(pod.Containers[0].Env, render.CertDirs(render.PublicAuthorities, jobs.ProxyCADir))
	}
	storage(set, v1.Storage{StorageClass: m.Prometheus.Storage.StorageClass})
	checksum(&set.Spec.Template, config)
	pod.Volumes[0].Projected.Sources = slices.Concat(
		pod.Volumes[0].Projected.Sources[:1],
		secretFile(given["slack"], "slack/url"),
		secretFile(given["pagerduty"], "pagerduty/routing-key"),
	)
	return nil
}

// secretFile projects one key of a Secret as a file.
func secretFile(ref *v1.SecretKeyRef, path string) []corev1.VolumeProjection {
	if ref == nil {
		return nil
	}
	return []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: ref.SecretName},
		Items:                []corev1.KeyToPath{{Key: ref.Key, Path: path}},
	}}}
}
