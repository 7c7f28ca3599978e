package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
)

// overdue is how long after its time a backup may come; the alert BackupOverdue has
// the same.
const overdue = 2 * time.Hour

func (s *Seen) backups() Part {
	part := Part{Name: "backups", rank: ofBackups}
	i := slices.IndexFunc(s.CronJobs, func(c batchv1.CronJob) bool { return c.Name == jobs.BackupCronJob })
	if i < 0 {
		part.Health, part.Text = Off, "none: what is lost here is lost"
		return part
	}
	c := &s.CronJobs[i]
	due, err := jobs.BackupDue(c)
	if err != nil {
		part.Health, part.Text = Degraded, err.Error()
		return part
	}
	part.Health, part.Text = Well, "none yet, the first is due at "+due.UTC().Format(time.RFC3339)
	if last := c.Status.LastSuccessfulTime; last != nil {
		part.Text = fmt.Sprintf("the last one %s, the next at %s", s.ago(last.Time), due.UTC().Format(time.RFC3339))
	}
	switch {
	case c.Spec.Suspend != nil && *c.Spec.Suspend:
		part.Health, part.Text = Degraded, "suspended; "+part.Text
		part.Do = s.command("patch cronjob %s -p '{\"spec\":{\"suspend\":false}}'", c.Name)
	case s.At.Sub(due) > overdue:
		part.Health, part.Text = Degraded, fmt.Sprintf("overdue for %s; %s", span(s.At.Sub(due)), part.Text)
		part.Do = "take one by hand: " + s.command("create job --from=cronjob/%s %s-by-hand", c.Name, c.Name)
	case !s.recoverable():
		part.Health, part.Text = Degraded, "cannot be read without this cluster: their keys were never taken out; "+part.Text
		part.Do = "banhbaoring recovery export -n " + s.Namespace
	}
	return part
}

// recoverable tells whether the newest backup can be read without the cluster.
func (s *Seen) recoverable() bool {
	newest := s.receipt(jobs.BackupChain)
	return newest[jobs.RecoveryRecipient] == "" || jobs.Recoverable(s.receipt(jobs.RecoveryReceipt), newest)
}

func (s *Seen) receipt(name string) map[string]string {
	for i := range s.ConfigMaps {
		if s.ConfigMaps[i].Name == name {
			return s.ConfigMaps[i].Data
		}
	}
	return nil
}

// restores are those that have begun and not ended.
func (s *Seen) restores() []Part {
	var parts []Part
	for _, c := range s.ConfigMaps {
		name, ok := strings.CutPrefix(c.Name, jobs.RestoreReceipt(""))
		if !ok || c.Data[jobs.ReceiptCompleted] != "" {
			continue
		}
		parts = append(parts, Part{
			Name: "restore " + name, rank: ofRestore, Health: Starting,
			Text: OneLine(fmt.Sprintf("under way since %s, from %s", c.Data[jobs.ReceiptStarted], c.Data[jobs.ReceiptBackup])),
			Do:   s.command("logs -f -l %s=%s --tail=20", labelComponent, jobs.Restore),
		})
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return parts
}

func (s *Seen) restoring() bool { return len(s.restores()) > 0 }

// volumes are the claims that have none.
func (s *Seen) volumes() Part {
	part := Part{Name: "volumes", rank: ofVolumes, Health: Well, Text: fmt.Sprintf("%d bound", len(s.Claims))}
	for _, c := range s.Claims {
		if c.Status.Phase == corev1.ClaimBound {
			continue
		}
		health, text, do := Starting, "has no volume yet", s.command("describe pvc %s", c.Name)
		if c.Status.Phase == corev1.ClaimLost {
			health, text = Degraded, "has lost its volume: what was on it is gone"
		}
		if warning := s.Warning(c.Name); warning != "" {
			health, part.Reasons = Degraded, append(part.Reasons, warning)
		}
		if severity[health] > severity[part.Health] {
			part.Health, part.Text, part.Do = health, c.Name+" "+text, do
		}
	}
	return part
}

// ending is how long before its end a certificate should be renewed by now.
const ending = 7 * 24 * time.Hour

// certificates are cert-manager's, and what the secrets Job warned of.
func (s *Seen) certificates() Part {
	part := Part{Name: "certificates", rank: ofCertificates, Health: Well, Text: fmt.Sprintf("%d of cert-manager ready", len(s.Certificates))}
	for _, e := range s.Events {
		if e.Reason == "CertificateEnding" {
			part.Health, part.Text = Degraded, OneLine(e.Message)
		}
	}
	for _, c := range s.Certificates {
		switch {
		case !c.Ends.IsZero() && c.Ends.Before(s.At):
			part.Health, part.Text = Degraded, fmt.Sprintf("%s has ended %s", c.Name, s.ago(c.Ends))
		case !c.Ready:
			part.Health, part.Text = Degraded, c.Name+" is not issued: "+OneLine(c.Message)
		case c.Ends.Sub(s.At) < ending && part.Health == Well:
			part.Health, part.Text = Degraded, fmt.Sprintf("%s ends in %s", c.Name, span(c.Ends.Sub(s.At)))
		default:
			continue
		}
		part.Do = s.command("describe certificate %s", c.Name)
	}
	if len(s.Certificates) == 0 && part.Health == Well {
		return Part{}
	}
	return part
}

// endpoints are what is published.
func (s *Seen) endpoints() Part {
	part := Part{Name: "endpoints", rank: ofEndpoints, Health: Well}
	var hosts, without []string
	for _, i := range s.Ingresses {
		for _, rule := range i.Spec.Rules {
			hosts = append(hosts, rule.Host)
		}
		if len(i.Status.LoadBalancer.Ingress) == 0 {
			without = append(without, i.Name)
		}
	}
	if len(hosts) == 0 {
		return Part{}
	}
	slices.Sort(hosts)
	part.Text = strings.Join(slices.Compact(hosts), ", ")
	if len(without) > 0 {
		part.Health, part.Text = Degraded, fmt.Sprintf("Ingress %s has no address: no controller has taken it", without[0])
		part.Do = s.command("describe ingress %s", without[0])
	}
	return part
}

// spec is what the spec has that the cluster has not.
func (s *Seen) spec() Part {
	part := Part{Name: "spec", rank: ofSpec, Health: Well, Text: "all of its objects are there"}
	if len(s.Missing) > 0 {
		part.Health, part.Text = Degraded, fmt.Sprintf("%d of its objects are not in the cluster, %s first", len(s.Missing), s.Missing[0])
		part.Do = "banhbaoring diff --live FILE shows what a sync would do"
		part.Reasons = s.Missing[:min(5, len(s.Missing))]
	}
	return part
}
