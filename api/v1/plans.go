package v1

// preset is what a plan gives a cluster where the spec says nothing.
type preset struct {
	openbaoReplicas           int32
	openbaoSize               string
	openbaoCPU, openbaoMemory string // requests

	apiReplicas, apiMax int32
	apiAutoscaling      bool
	dashboardReplicas   int32
	signerReplicas      int32

	databaseReplicas int32
	databaseSize     string
	redisMode        RedisMode
	redisReplicas    int32
	redisSize        string
	metricsSize      string
}

var presets = map[Plan]preset{
	PlanFree: {
		openbaoReplicas: 1, openbaoSize: "5Gi", openbaoCPU: "100m", openbaoMemory: "256Mi",
		apiReplicas: 1, apiMax: 2, dashboardReplicas: 1, signerReplicas: 1,
		databaseReplicas: 1, databaseSize: "5Gi",
		redisMode: RedisStandalone, redisReplicas: 1, redisSize: "1Gi", metricsSize: "5Gi",
	},
	PlanStarter: {
		openbaoReplicas: 3, openbaoSize: "10Gi", openbaoCPU: "250m", openbaoMemory: "256Mi",
		apiReplicas: 2, apiMax: 4, dashboardReplicas: 1, signerReplicas: 2,
		databaseReplicas: 1, databaseSize: "10Gi",
		redisMode: RedisStandalone, redisReplicas: 1, redisSize: "2Gi", metricsSize: "20Gi",
	},
	PlanPro: {
		openbaoReplicas: 3, openbaoSize: "50Gi", openbaoCPU: "500m", openbaoMemory: "512Mi",
		apiReplicas: 2, apiMax: 10, apiAutoscaling: true, dashboardReplicas: 2, signerReplicas: 2,
		databaseReplicas: 2, databaseSize: "20Gi",
		redisMode: RedisCluster, redisReplicas: 3, redisSize: "5Gi", metricsSize: "50Gi",
	},
	PlanEnterprise: {
		openbaoReplicas: 5, openbaoSize: "100Gi", openbaoCPU: "1", openbaoMemory: "1Gi",
		apiReplicas: 3, apiMax: 100, apiAutoscaling: true, dashboardReplicas: 3, signerReplicas: 3,
		databaseReplicas: 3, databaseSize: "100Gi",
		redisMode: RedisCluster, redisReplicas: 6, redisSize: "10Gi", metricsSize: "100Gi",
	},
}

// presetOf is a plan's preset. A plan that does not exist is a fault that is
// told later; until then it counts as the default one.
func presetOf(p Plan) preset {
	if preset, ok := presets[p]; ok {
		return preset
	}
	return presets[PlanStarter]
}

// PlanQuotas are the quotas of a plan. A nil quota is unlimited.
func PlanQuotas(p Plan) Quotas {
	limits := func(keys, signatures, namespaces, members, apiKeys int64) Quotas {
		return Quotas{Keys: &keys, SignaturesPerMonth: &signatures, Namespaces: &namespaces, TeamMembers: &members, APIKeys: &apiKeys}
	}
	switch p {
	case PlanFree:
		return limits(5, 10_000, 1, 1, 2)
	case PlanStarter:
		return limits(10, 100_000, 2, 3, 5)
	case PlanPro:
		return limits(25, 500_000, 5, 10, 20)
	default:
		return Quotas{}
	}
}
