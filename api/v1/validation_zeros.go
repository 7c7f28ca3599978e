package v1

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	mustBeOne      = "must be 1 or more"
	mustBePort     = "must be 1 to 65535"
	mustBePercent  = "must be 1 to 100, in percent of the CPU request"
	mustBeSchedule = `must be five fields, minute hour day month weekday, such as "0 2 * * *"`
)

// Zeros finds the fields that are zero before the defaults are there, and must not be:
// a fault of those that are written, since a default would silently replace them.
func (c *BanhBaoRingCluster) Zeros() field.ErrorList {
	s, at := &c.Spec, field.NewPath("spec")
	backup, autoscaling, init := at.Child("backup"), at.Child("api", "autoscaling"), at.Child("openbao", "init")
	faults := slices.Concat(
		check(backup.Child("schedule"), s.Backup.Schedule, s.Backup.Schedule != "", mustBeSchedule),
		check(backup.Child("retention"), s.Backup.Retention, s.Backup.Retention != 0, mustBeOne+", in days"),
		check(autoscaling.Child("maxReplicas"), s.API.Autoscaling.MaxReplicas, s.API.Autoscaling.MaxReplicas != 0, mustBeOne),
		check(autoscaling.Child("targetCPU"), s.API.Autoscaling.TargetCPU, s.API.Autoscaling.TargetCPU != 0, mustBePercent),
		check(init.Child("shares"), s.OpenBao.Init.Shares, s.OpenBao.Init.Shares != 0, mustBeOne),
		check(init.Child("threshold"), s.OpenBao.Init.Threshold, s.OpenBao.Init.Threshold != 0, mustBeOne),
	)
	if smtp := s.Email.SMTP; smtp != nil {
		faults = append(faults, check(at.Child("email", "smtp", "port"), smtp.Port, smtp.Port != 0, mustBePort)...)
	}
	return faults
}

// Zeros finds the fields that are zero before the defaults are there, and must not be.
func (t *BanhBaoRingTenant) Zeros() field.ErrorList {
	days := t.Spec.Settings.AuditRetentionDays
	return check(field.NewPath("spec", "settings", "auditRetentionDays"), days, days != 0, mustBeOne)
}
