// Package components is the table of the stack's components.
package components

import (
	"github.com/banhbaoring/banhbaoring/components/api"
	"github.com/banhbaoring/banhbaoring/components/backup"
	"github.com/banhbaoring/banhbaoring/components/certificates"
	"github.com/banhbaoring/banhbaoring/components/configure"
	"github.com/banhbaoring/banhbaoring/components/dashboard"
	"github.com/banhbaoring/banhbaoring/components/database"
	"github.com/banhbaoring/banhbaoring/components/exporters"
	"github.com/banhbaoring/banhbaoring/components/exposure"
	"github.com/banhbaoring/banhbaoring/components/externalsecrets"
	"github.com/banhbaoring/banhbaoring/components/foundation"
	"github.com/banhbaoring/banhbaoring/components/guardrails"
	"github.com/banhbaoring/banhbaoring/components/initialize"
	"github.com/banhbaoring/banhbaoring/components/monitoring"
	"github.com/banhbaoring/banhbaoring/components/network"
	"github.com/banhbaoring/banhbaoring/components/openbao"
	"github.com/banhbaoring/banhbaoring/components/peers"
	"github.com/banhbaoring/banhbaoring/components/redis"
	"github.com/banhbaoring/banhbaoring/components/restore"
	"github.com/banhbaoring/banhbaoring/components/secrets"
	"github.com/banhbaoring/banhbaoring/components/signer"
	"github.com/banhbaoring/banhbaoring/components/tenants"
	"github.com/banhbaoring/banhbaoring/render"
)

// All are the components, in the order of their stages.
func All() []render.Component {
	return []render.Component{
		foundation.Component(),
		network.Component(),
		guardrails.Component(),
		externalsecrets.Component(),
		certificates.Component(),
		secrets.Component(),
		peers.Component(),
		database.Component(),
		redis.Component(),
		openbao.Component(),
		initialize.Component(),
		restore.Component(),
		configure.Component(),
		tenants.Component(),
		api.Component(),
		dashboard.Component(),
		signer.Component(),
		monitoring.Component(),
		exposure.Component(),
		exporters.Component(),
		backup.Component(),
	}
}
