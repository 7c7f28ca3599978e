package v1

// secretRefs are all references to Secrets in the spec.
func (c *BanhBaoRingCluster) secretRefs() []*SecretRef {
	s := &c.Spec
	a := &s.OpenBao.AutoUnseal
	keys := []*SecretKeyRef{
		a.Token, a.CACert, a.Key,
		s.Database.ConnectionString, s.Redis.ConnectionString,
		s.Monitoring.Grafana.AdminPassword,
		s.Backup.Encryption.IdentitySecret,
		s.Billing.Stripe.SecretKeyRef, s.Billing.Stripe.WebhookSecretRef,
	}
	if a.Credentials != nil {
		keys = append(keys, a.Credentials.AccessKeyID, a.Credentials.SecretAccessKey,
			a.Credentials.ServiceAccountKey, a.Credentials.ClientID, a.Credentials.ClientSecret)
	}
	if slack := s.Monitoring.Alerting.Slack; slack != nil {
		keys = append(keys, &slack.WebhookURL)
	}
	if pagerDuty := s.Monitoring.Alerting.PagerDuty; pagerDuty != nil {
		keys = append(keys, &pagerDuty.RoutingKey)
	}
	refs := s.Backup.Destination.secretRefs()
	for _, key := range keys {
		if key != nil {
			refs = append(refs, &key.SecretRef)
		}
	}
	return refs
}

func (d *Destination) secretRefs() []*SecretRef {
	var refs []*SecretRef
	if d != nil && d.S3 != nil && d.S3.Credentials != nil {
		refs = append(refs, d.S3.Credentials)
	}
	if d != nil && d.GCS != nil && d.GCS.Credentials != nil {
		refs = append(refs, d.GCS.Credentials)
	}
	return refs
}
