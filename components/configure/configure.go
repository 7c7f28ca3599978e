// Package configure renders the Job that owns OpenBao's policies, roles,
// plugin and mounts.
package configure

import (
	"embed"
	"path"

	batchv1 "k8s.io/api/batch/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/kustomize"
)

//go:embed base
var files embed.FS

var base = kustomize.NewBase(files)

// Component renders the configure Job.
func Component() render.Component {
	return render.Component{
		Name:  jobs.Configure,
		Stage: render.Configure,
		Build: build,
	}
}

func build(s *render.Stack) ([]runtime.Object, error) {
	c := s.Cluster
	plugin := c.Spec.OpenBao.Plugin
	binary := path.Join(jobs.PluginDir, jobs.PluginName)
	config := jobs.ConfigureConfig{
		Cluster:   c.Name,
		Namespace: c.Namespace,
		Address:   jobs.ActiveAddress(c.Namespace),
		Replicas:  *c.Spec.OpenBao.Replicas,
		Plugin: jobs.PluginConfig{
			Name:    jobs.PluginName,
			Version: jobs.PluginVersion(plugin.Version),
			Command: jobs.PluginCommand(plugin.Version),
			Binary:  binary,
			SHA256:  plugin.SHA256,
			Mount:   jobs.PluginName,
		},
		// The roles of backup and restore are there before their first use: a backup
		// runs before this Job where OpenBao is to be upgraded, and a restore whenever.
		Roles: []jobs.Role{
			{Name: jobs.Peers, ServiceAccount: "banhbaoring-" + jobs.Peers},
			{Name: jobs.Tenants, ServiceAccount: jobs.TenantsName},
			{Name: jobs.Backup, ServiceAccount: "banhbaoring-" + jobs.Backup},
			{Name: jobs.Restore, ServiceAccount: "banhbaoring-" + jobs.Restore},
		},
		Restores:       s.RestoreReceipts(),
		APITokenSecret: jobs.SecretAPIOpenBao,
		TokenAudience:  jobs.TokenAudience,
	}
	if *c.Spec.Signer.Enabled {
		config.Roles = append(config.Roles, jobs.Role{Name: jobs.Signer, ServiceAccount: jobs.SignerName, Period: int(jobs.SignerPeriod.Seconds())})
		config.ClientsSecret = jobs.SecretSignerClients
	}
	objects, job, err := s.Job(jobs.Configure, base, config)
	if err != nil {
		return nil, err
	}
	role := kustomize.Find[*rbacv1.Role](objects)
	if config.ClientsSecret != "" { // the first rule is the one over Secrets
		role.Rules[0].ResourceNames = append(role.Rules[0].ResourceNames, config.ClientsSecret)
	}
	s.LetReadReceipts(role)
	tools, copied := &job.Spec.Template.Spec.InitContainers[0], &job.Spec.Template.Spec.InitContainers[1]
	tools.Image, tools.Resources = c.Spec.Jobs.Image, c.Spec.Jobs.Resources
	copied.Image, copied.Resources = plugin.Image, c.Spec.Jobs.Resources
	copied.Args = jobs.InstallArgs(plugin.Path, binary, plugin.SHA256)
	// What renews is the same pod, once a day.
	kustomize.Find[*batchv1.CronJob](objects).Spec.JobTemplate.Spec.Template = *job.Spec.Template.DeepCopy()
	return objects, nil
}
