package monitoring

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func (p *parts) grafana() error {
	deployment, ok := find[*appsv1.Deployment](p, grafana)
	if !ok {
		return nil
	}
	spec := p.Cluster.Spec
	pod := &deployment.Spec.Template.Spec
	p.Place(pod, spec.Monitoring.Grafana.Workload)

	env := pod.Containers[0].Env
	root := slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == "GF_SERVER_ROOT_URL" })
	env[root].Value = "https://grafana." + spec.Domain

	password := spec.Monitoring.Grafana.AdminPassword
	admin := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == "admin" })].Secret
	admin.SecretName, admin.Items[0].Key = password.SecretName, password.Key

	shown := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == "dashboards" })].Projected
	shown.Sources = slices.DeleteFunc(shown.Sources, func(s corev1.VolumeProjection) bool {
		_, there := find[*corev1.ConfigMap](p, s.ConfigMap.Name)
		return !there
	})

	configs := []*corev1.ConfigMap{}
	for _, o := range p.objects {
		cm, ok := o.(*corev1.ConfigMap)
		if ok && cm.Labels["app.kubernetes.io/component"] == "grafana" {
			configs = append(configs, cm)
		}
	}
	checksum(&deployment.Spec.Template, configs...)
	return nil
}
