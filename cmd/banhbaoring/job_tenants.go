package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	openbao "github.com/openbao/openbao/api/v2"
	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/tenants"
)

// deletionPatience bounds how long deleting a tenant may take.
const deletionPatience = 10 * time.Minute

// tenantsCommand is the Job, and what a person deletes a tenant with.
func tenantsCommand() *cobra.Command {
	cmd := worker(jobs.Tenants, "Provision every tenant, and lock those that are gone from the spec", tenants.Run)
	var name, confirmed string
	flags := cmd.Flags()
	flags.StringVar(&name, "delete", "", "delete a tenant that is locked, and all of its keys, for good; BAO_ADDR, BAO_TOKEN and BAO_CACERT say where and as whom")
	flags.StringVar(&confirmed, "yes-delete-keys", "", "the tenant's name once more")
	provision := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case name == "" && confirmed == "":
			return provision(cmd, args)
		case name != confirmed:
			return usagef("--delete wants the same name as --yes-delete-keys: every key of the tenant is lost")
		}
		return deleteTenant(cmd, name)
	}
	return cmd
}

func deleteTenant(cmd *cobra.Command, name string) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), deletionPatience)
	defer cancel()
	config := openbao.DefaultConfig()
	if config.Error != nil {
		return config.Error
	}
	client, err := openbao.NewClient(config)
	if err != nil {
		return err
	}
	if client.Token() == "" {
		return errors.New("BAO_TOKEN is not set: deleting a tenant wants a token of the root namespace that may")
	}
	client.ClearNamespace()
	if err := tenants.Delete(ctx, client, name); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "tenant %s is deleted\nhint: its Secrets are left: kubectl delete secret -l banhbaoring.io/tenant=%s\n", name, name)
	return nil
}
