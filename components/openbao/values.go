package openbao

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

// Where things are in OpenBao's pods.
const (
	tlsDirectory    = jobs.OpenBaoTLSDir
	sealDirectory   = "/openbao/seal"
	pluginDirectory = "/openbao/data/plugins"
	kmsDirectory    = "/openbao/kms"
	toolsDirectory  = "/tools"
	metricsPort     = 8210

	authoritiesDirectory = "/openbao/authorities"
)

type object = map[string]any

// values are the chart's values for a cluster: the same for the built-in chart
// and the official one.
func values(c *v1.BanhBaoRingCluster, config string, proxy []corev1.EnvVar) (object, error) {
	spec := c.Spec.OpenBao
	p := podOf(c)
	if goesOut(spec.AutoUnseal) { // nothing else of it does
		for _, e := range proxy {
			p.env[e.Name] = e.Value
		}
	}
	registry, repository, tag := splitImage(spec.Image)
	resources, err := plain(spec.Resources)
	if err != nil {
		return nil, err
	}
	placement, err := placement(c)
	if err != nil {
		return nil, err
	}
	extra, err := p.values()
	if err != nil {
		return nil, err
	}
	server := object{
		"image":                         object{"registry": registry, "repository": repository, "tag": tag},
		"updateStrategyType":            "RollingUpdate",
		"podManagementPolicy":           "Parallel",
		"terminationGracePeriodSeconds": 60,
		"logFormat":                     "json",
		"resources":                     resources,
		"shareProcessNamespace":         true,                     // the keeper signals the server
		"authDelegator":                 object{"enabled": false}, // the foundation grants less
		"dataStorage":                   storage(spec.Storage),
		"readinessProbe":                object{"path": "/v1/sys/health?standbyok=true"},
		"livenessProbe": object{
			"enabled": true, "failureThreshold": 6, "timeoutSeconds": 5, "periodSeconds": 10,
			"path": "/v1/sys/health?standbyok=true&sealedcode=204&uninitcode=204",
		},
		"serviceAccount": object{"annotations": texts(spec.ServiceAccountAnnotations)},
		// Traefik reads off the Service that vault.<domain> leads to HTTPS.
		"service": object{"active": object{"annotations": object{"traefik.ingress.kubernetes.io/service.serversscheme": "https"}}},
		"statefulSet": object{"securityContext": object{
			"pod": object{
				"runAsNonRoot": true, "runAsUser": 100, "runAsGroup": 1000, "fsGroup": 1000,
				"fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": object{"type": "RuntimeDefault"},
			},
			"container": restricted(),
		}},
		"ha": object{
			"enabled": true, "replicas": int(*spec.Replicas),
			"apiAddr":          "https://$(BAO_K8S_POD_NAME)." + jobs.OpenBaoInternal + ":8200",
			"disruptionBudget": object{"enabled": *spec.Replicas > 1, "maxUnavailable": 1}, // of one pod, it would stop every drain
			"raft":             object{"enabled": true, "setNodeId": true, "config": config},
		},
	}
	maps.Copy(server, placement)
	maps.Copy(server, extra)

	global := object{"tlsDisable": false}
	if len(c.Spec.ImagePullSecrets) > 0 {
		secrets := []any{}
		for _, s := range c.Spec.ImagePullSecrets {
			secrets = append(secrets, object{"name": s.Name})
		}
		global["imagePullSecrets"] = secrets
	}
	return object{
		"global": global, "injector": object{"enabled": false}, "csi": object{"enabled": false},
		"ui": object{"enabled": false}, "server": server,
	}, nil
}

// placement spreads the pods over zones and nodes. Two peers on one node would
// die together, which the larger plans do not accept; the smaller ones may have
// one node only.
func placement(c *v1.BanhBaoRingCluster) (object, error) {
	spec := c.Spec.OpenBao
	hosts := corev1.ScheduleAnyway
	if c.Spec.Plan == v1.PlanPro || c.Spec.Plan == v1.PlanEnterprise {
		hosts = corev1.DoNotSchedule
	}
	spread := func(key string, or corev1.UnsatisfiableConstraintAction) object {
		return object{
			"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": string(or),
			"labelSelector": object{"matchLabels": object{
				"app.kubernetes.io/name": "openbao", "app.kubernetes.io/instance": release, "component": "server",
			}},
		}
	}
	v := object{
		"affinity":     "", // turns the chart's own off
		"nodeSelector": texts(spec.NodeSelector),
		"topologySpreadConstraints": []any{
			spread(corev1.LabelTopologyZone, corev1.ScheduleAnyway), spread(corev1.LabelHostname, hosts),
		},
	}
	tolerations, err := plain(spec.Tolerations)
	if err != nil {
		return nil, err
	}
	if tolerations != nil {
		v["tolerations"] = tolerations
	}
	if spec.Affinity != nil {
		text, err := yaml.Marshal(spec.Affinity)
		if err != nil {
			return nil, err
		}
		v["affinity"], v["topologySpreadConstraints"] = string(text), []any{}
	}
	return v, nil
}

func storage(s v1.Storage) object {
	v := object{"size": s.Size.String()}
	if s.StorageClass != "" {
		v["storageClass"] = s.StorageClass
	}
	return v
}

func restricted() object {
	return object{
		"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
		"capabilities": object{"drop": []any{"ALL"}},
	}
}

// splitImage splits an image's name as the chart joins it: registry/repository:tag.
// A digest's algorithm counts to the repository.
func splitImage(image string) (registry, repository, tag string) {
	i := strings.LastIndex(image, ":")
	name, tag := image[:i], image[i+1:]
	registry, repository, ok := strings.Cut(name, "/")
	if !ok {
		return "docker.io", "library/" + name, tag
	}
	return registry, repository, tag
}

// plain is a typed value as the maps and lists that a chart's values are.
func plain(v any) (any, error) {
	text, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	return out, yaml.Unmarshal(text, &out)
}

func texts(m map[string]string) object {
	v := object{}
	for key, value := range m {
		v[key] = value
	}
	return v
}
