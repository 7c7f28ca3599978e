package openbao

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"maps"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
)

// pod is what OpenBao's pods hold beyond what the chart gives every pod.
type pod struct {
	labels         map[string]string
	initContainers []corev1.Container
	containers     []corev1.Container
	volumes        []corev1.Volume
	mounts         []corev1.VolumeMount
	ports          []corev1.ContainerPort
	env            map[string]string
	secretEnv      []secretEnv
	args           string
}

func podOf(c *v1.BanhBaoRingCluster) *pod {
	p := &pod{
		labels: maps.Clone(c.Spec.OpenBao.PodLabels),
		env:    map[string]string{},
	}
	if p.labels == nil {
		p.labels = map[string]string{}
	}
	p.emptyDir("tmp", "/tmp") // the entrypoint writes the configuration there
	p.tls(c.Spec.OpenBao.TLS)
	p.plugins(c)
	p.seal(c)
	p.keeper(c)
	if *c.Spec.Monitoring.Enabled {
		p.volume(c)
	}
	p.ports = append(p.ports, corev1.ContainerPort{Name: "metrics", ContainerPort: metricsPort})
	// For `kubectl exec … bao`. A transit seal's own client would take it for
	// the other server's.
	if c.Spec.OpenBao.AutoUnseal.Provider != v1.ProviderTransit {
		p.env["BAO_CACERT"] = tlsDirectory + "/ca.crt"
	}
	return p
}

func (p *pod) emptyDir(name, path string) {
	p.volumes = append(p.volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	if path != "" {
		p.mounts = append(p.mounts, corev1.VolumeMount{Name: name, MountPath: path})
	}
}

func (p *pod) tls(t v1.TLS) {
	secret := jobs.SecretOpenBaoTLS
	if t.SecretName != "" {
		secret = t.SecretName
	}
	p.volumes = append(p.volumes, secretVolume("tls", secret))
	p.mounts = append(p.mounts, corev1.VolumeMount{Name: "tls", MountPath: tlsDirectory, ReadOnly: true})
}

// plugins copies plugins from their images to the data volume. Such an image
// may hold nothing but the binary, so that the program that copies comes along.
func (p *pod) plugins(c *v1.BanhBaoRingCluster) {
	own := c.Spec.Jobs
	p.emptyDir("tools", "")
	tools := corev1.VolumeMount{Name: "tools", MountPath: toolsDirectory}
	p.initContainers = append(p.initContainers, corev1.Container{
		Name: "tools", Image: own.Image, Resources: own.Resources, SecurityContext: securityContext(),
		Args:         jobs.InstallArgs(jobs.ProgramPath, toolsDirectory+"/banhbaoring", ""),
		VolumeMounts: []corev1.VolumeMount{tools},
	})
	plugin := c.Spec.OpenBao.Plugin
	p.install(own, jobs.PluginName, plugin,
		jobs.InstallArgs(plugin.Path, pluginDirectory+"/"+jobs.PluginCommand(plugin.Version), plugin.SHA256))
}

func (p *pod) install(own v1.Jobs, name string, plugin v1.Plugin, args []string, mounts ...corev1.VolumeMount) {
	p.initContainers = append(p.initContainers, corev1.Container{
		Name: "plugin-" + name, Image: plugin.Image, Resources: own.Resources, SecurityContext: securityContext(),
		Command: []string{toolsDirectory + "/banhbaoring"}, Args: args,
		VolumeMounts: append([]corev1.VolumeMount{
			{Name: "tools", MountPath: toolsDirectory, ReadOnly: true},
			{Name: "data", MountPath: "/openbao/data"},
		}, mounts...),
	})
}

// seal gives the pods what the seal needs: credentials, keys, and from OpenBao
// 2.7 on the provider's KMS plugin. The plugin's stanza must hold the sha256 of
// its binary, so that the init container that copies it writes the stanza.
func (p *pod) seal(c *v1.BanhBaoRingCluster) {
	s := sealFor(c)
	if s == nil {
		return
	}
	if files := authorities(c); len(files) > 0 {
		p.volumes = append(p.volumes, secretFiles("authorities", files))
		p.mounts = append(p.mounts, corev1.VolumeMount{Name: "authorities", MountPath: authoritiesDirectory, ReadOnly: true})
		dirs := render.CertDirs(render.PublicAuthorities, authoritiesDirectory)
		p.env[dirs.Name] = dirs.Value
	}
	p.secretEnv = s.env
	if s.caBundle != "" {
		p.env["AWS_CA_BUNDLE"] = s.caBundle
	}
	for key, value := range s.podLabels {
		p.labels[key] = value
	}
	if len(s.files) > 0 {
		p.volumes = append(p.volumes, secretFiles("seal", s.files))
		p.mounts = append(p.mounts, corev1.VolumeMount{Name: "seal", MountPath: sealDirectory, ReadOnly: true})
	}
	plugin := c.Spec.OpenBao.AutoUnseal.Plugin
	if plugin.Image == "" || !v1.NeedsKMSPlugin(c.Spec.OpenBao.Version) {
		return
	}
	version := jobs.PluginVersion(plugin.Version)
	stanza := kmsDirectory + "/plugin.hcl"
	p.emptyDir("kms", kmsDirectory)
	args := jobs.InstallArgs(plugin.Path, pluginDirectory+"/"+s.Type+"-"+version, plugin.SHA256)
	p.install(c.Spec.Jobs, s.Type, plugin,
		append(args, "--stanza="+stanza, "--type=kms", "--name="+s.Type, "--version="+version),
		corev1.VolumeMount{Name: "kms", MountPath: kmsDirectory})
	p.args = "-config=" + stanza
}

// secretFiles projects the keys of Secrets as files, each under its own name.
func secretFiles(name string, files []secretFile) corev1.Volume {
	sources := make([]corev1.VolumeProjection, len(files))
	for i, f := range files {
		sources[i].Secret = &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: f.ref.SecretName},
			Items:                []corev1.KeyToPath{{Key: f.ref.Key, Path: f.name}},
		}
	}
	mode := int32(0o440)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: &mode},
	}}
}

// keeper unseals its own pod whenever it is sealed and keys are there, and has
// the server reload a renewed certificate. It sees the unseal keys and nothing
// else of their Secret, which may not be there yet.
func (p *pod) keeper(c *v1.BanhBaoRingCluster) {
	optional := true
	keys := secretVolume("keys", jobs.SecretOpenBaoKeys)
	keys.Secret.Optional = &optional
	keys.Secret.Items = []corev1.KeyToPath{{Key: jobs.KeyUnseal, Path: jobs.KeyUnseal}}
	p.volumes = append(p.volumes, keys)
	p.containers = append(p.containers, corev1.Container{
		Name: "keeper", Image: c.Spec.Jobs.Image, Resources: c.Spec.Jobs.Resources, SecurityContext: securityContext(),
		Args: []string{"job", jobs.Keeper},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "keys", MountPath: jobs.KeysDir, ReadOnly: true},
			{Name: "tls", MountPath: tlsDirectory, ReadOnly: true},
		},
	})
}

// volume measures the data volume: OpenBao itself tells nothing of its disk.
//
// The pod's containers see each other's processes, and who has the server's user
// reads the server's files and memory through /proc: this one, which listens for
// Prometheus, has another user.
func (p *pod) volume(c *v1.BanhBaoRingCluster) {
	security, other := securityContext(), int64(65532)
	security.RunAsUser = &other
	p.containers = append(p.containers, corev1.Container{
		Name: "volume", Image: c.Spec.Jobs.Image, Resources: c.Spec.Jobs.Resources, SecurityContext: security,
		Args:         []string{"job", jobs.Exporter, "--volume=openbao=/openbao/data", fmt.Sprintf("--listen=:%d", jobs.VolumePort)},
		Ports:        []corev1.ContainerPort{{Name: "volume", ContainerPort: jobs.VolumePort}},
		VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/openbao/data", ReadOnly: true}},
	})
}

func secretVolume(name, secret string) corev1.Volume {
	mode := int32(0o440)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: secret, DefaultMode: &mode},
	}}
}

func securityContext() *corev1.SecurityContext {
	yes, no := true, false
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// values are the chart's values for what the pod holds.
func (p *pod) values() (object, error) {
	v := object{"extraLabels": texts(p.labels), "extraEnvironmentVars": texts(p.env), "extraArgs": p.args}
	for name, part := range map[string]any{
		"extraInitContainers": p.initContainers, "extraContainers": p.containers,
		"volumes": p.volumes, "volumeMounts": p.mounts, "extraPorts": p.ports,
	} {
		list, err := plain(part)
		if err != nil {
			return nil, err
		}
		if list != nil {
			v[name] = list
		}
	}
	if len(p.secretEnv) > 0 {
		list := []any{}
		for _, e := range p.secretEnv {
			list = append(list, object{"envName": e.name, "secretName": e.ref.SecretName, "secretKey": e.ref.Key})
		}
		v["extraSecretEnvironmentVars"] = list
	}
	return v, nil
}
