package diff

import "strings"

// on are the fates of an object that a rule is about.
type on uint8

const (
	created on = 1 << iota
	deleted
	changed
)

// Rule says what a change risks, why, and what to do about it.
type Rule struct {
	ID    string
	Class Class
	// Kinds, between spaces, that the rule is about; any when empty.
	Kinds string
	On    on
	// Paths of fields that must change; without any, the object's fate is enough.
	Paths []string
	// Inside are paths within embedded documents.
	Inside []string
	// Rest is a rule for the fields that no rule before it is about.
	Rest bool
	// When refines a rule for a field, or for an object where there are no paths.
	When func(*pair, leaf) bool
	// Reason and Remedy may hold {object}, {old}, {new}, {pods} and {order}.
	Reason, Remedy string
}

const (
	workloads = "Deployment StatefulSet DaemonSet"
	podOwners = workloads + " Job CronJob Pod"
	routes    = "Ingress HTTPRoute GRPCRoute TCPRoute TLSRoute Gateway VirtualService"
	meshRules = "AuthorizationPolicy PeerAuthentication Server ServerAuthorization MeshTLSAuthentication NetworkAuthentication"
	scaling   = "HorizontalPodAutoscaler PodDisruptionBudget"
)

// Rules is the table, the worst class first.
var Rules = []Rule{
	{ID: "data-gone", Class: Irreversible, Kinds: "PersistentVolumeClaim PersistentVolume StatefulSet Namespace Secret CustomResourceDefinition", On: deleted,
		Reason: "{object} is gone from the head: where it is pruned or deleted, what it holds goes with it",
		Remedy: "keep it, or take a backup and read it back before the sync"},
	{ID: "database-gone", Class: Irreversible, Kinds: "Cluster", On: deleted, When: isCloudNativePG,
		Reason: "{object} is gone from the head: the operator deletes its volumes with it",
		Remedy: "keep it, or take a backup and read it back before the sync"},
	{ID: "volume-template", Class: Irreversible, Kinds: "StatefulSet", On: changed, Paths: []string{"spec volumeClaimTemplates **"},
		Reason: "volume claim templates cannot change: the StatefulSet must be deleted and made again, and volumes that exist keep their size and class",
		Remedy: "write the size and class that the stack has into the spec, or delete the StatefulSet with --cascade=orphan and resize each claim by hand"},
	{ID: "volume", Class: Irreversible, Kinds: "PersistentVolumeClaim PersistentVolume", On: changed, Paths: []string{"spec **"},
		Reason: "a volume grows at most, never shrinks, and keeps its class",
		Remedy: "take a backup; to shrink or move, restore it into a new claim"},
	{ID: "volume-deletion", Class: Irreversible, Kinds: "StatefulSet", On: changed, Paths: []string{"spec persistentVolumeClaimRetentionPolicy *"},
		When:   func(_ *pair, l leaf) bool { return l.now == "Delete" },
		Reason: "volumes will be deleted together with the StatefulSet, or with the pods that it scales away",
		Remedy: "keep the policy at Retain"},
	{ID: "operator-volume", Class: Irreversible, Kinds: "Cluster", On: changed, Paths: []string{"spec storage **", "spec walStorage **"}, When: isCloudNativePG,
		Reason: "the database's volumes grow at most, and keep their class",
		Remedy: "take a backup before; never write a smaller size"},
	{ID: "quorum", Class: Irreversible, Kinds: "StatefulSet", On: changed, Paths: []string{"spec replicas"}, When: losesQuorum,
		Reason: "OpenBao goes from {old} to {new} peers: that is no majority of the peers that raft knows, and without one it neither answers nor writes",
		Remedy: "lower one step at a time (7, 5, 3), and wait for the peers Job between"},
	{ID: "seal", Class: Irreversible, Kinds: "ConfigMap", On: changed, Inside: []string{"seal **"},
		Reason: "the seal changes: OpenBao cannot open its storage with another seal or key unless it is migrated",
		Remedy: "take a snapshot, and follow OpenBao's seal migration by hand; keep the old key until every pod is unsealed"},
	{ID: "seal-key", Class: Irreversible, Kinds: "StatefulSet", On: changed, Paths: []string{"spec template spec volumes seal **", "spec template spec volumes seal-key **"}, When: ofOpenBao,
		Reason: "the Secret with the seal's key is another one: OpenBao cannot open its storage with another key",
		Remedy: "see that it holds the same key, or migrate the seal by hand"},
	{ID: "openbao-version", Class: Irreversible, Kinds: "StatefulSet", On: changed, Paths: []string{"spec template spec containers openbao image"}, When: skipsOrReturns,
		Reason: "OpenBao goes from {old} to {new}: storage that a newer version wrote is not read by an older one, and no step may be skipped",
		Remedy: "take a snapshot; go up one minor version at a time, and never down but by restoring a snapshot"},
	{ID: "database-version", Class: Irreversible, Kinds: "StatefulSet Cluster", On: changed, Paths: []string{"spec template spec containers postgres image", "spec imageName"}, When: otherMajor,
		Reason: "PostgreSQL goes from {old} to {new}: a data directory of another major version is not read",
		Remedy: "dump the database and load it into a new one, as docs/database.md says"},
	{ID: "restore", Class: Irreversible, Kinds: "BanhBaoRingRestore", On: created | changed,
		Reason: "{object} replaces what OpenBao and the database hold now by what a backup holds",
		Remedy: "see that it names the right backup and that a newer one exists; take it out of the head if nothing is to be restored"},
	{ID: "restore-job", Class: Irreversible, Kinds: "Job", On: created | changed, When: func(p *pair, _ leaf) bool { return strings.HasPrefix(p.id.Name, "banhbaoring-restore-") },
		Reason: "{object} replaces what OpenBao and the database hold now by what a backup holds",
		Remedy: "see that it names the right backup and that a newer one exists"},

	{ID: "rejected", Class: Recreate, On: created | changed, When: func(p *pair, _ leaf) bool { return p.refused() != "" },
		Reason: "the API server refuses it: {refusal}",
		Remedy: "mend what it names, or delete the object and let it be made again"},
	{ID: "statefulset-field", Class: Recreate, Kinds: "StatefulSet", On: changed, Paths: []string{"spec **"}, When: frozenInStatefulSet,
		Reason: "the API server refuses this change of a StatefulSet",
		Remedy: "delete it with --cascade=orphan and sync: pods and volumes stay"},
	{ID: "selector", Class: Recreate, Kinds: "Deployment DaemonSet ReplicaSet", On: changed, Paths: []string{"spec selector **"},
		Reason: "a selector cannot change", Remedy: "delete the object and sync; its pods stop meanwhile"},
	{ID: "job-template", Class: Recreate, Kinds: "Job", On: changed, When: func(p *pair, _ leaf) bool { return !p.renamed() },
		Paths:  []string{"spec template **", "spec selector **", "spec completions", "spec completionMode", "spec podFailurePolicy **", "spec successPolicy **", "spec backoffLimitPerIndex", "spec managedBy"},
		Reason: "a Job's template cannot change", Remedy: "give the Job another name, or delete it and sync"},
	{ID: "role-reference", Class: Recreate, Kinds: "RoleBinding ClusterRoleBinding", On: changed, Paths: []string{"roleRef **"},
		Reason: "the role that a binding gives cannot change", Remedy: "delete the binding and sync; what it grants is missing meanwhile"},
	{ID: "cluster-address", Class: Recreate, Kinds: "Service", On: changed, Paths: []string{"spec clusterIP", "spec clusterIPs **", "spec ipFamilies **"},
		Reason: "a Service's address cannot change", Remedy: "delete the Service and sync; its clients lose it meanwhile"},
	{ID: "immutable-data", Class: Recreate, Kinds: "ConfigMap Secret", On: changed, Paths: []string{"data **", "binaryData **", "stringData **", "immutable"},
		When:   func(p *pair, _ leaf) bool { return at(p.base.Object, "immutable") == true },
		Reason: "{object} is immutable", Remedy: "give it another name, and what refers to it too"},
	{ID: "secret-type", Class: Recreate, Kinds: "Secret", On: changed, Paths: []string{"type"},
		Reason: "a Secret's type cannot change", Remedy: "keep a copy of what it holds, delete it and sync"},
	{ID: "class-or-definition", Class: Recreate, Kinds: "CustomResourceDefinition StorageClass PriorityClass RuntimeClass", On: changed,
		Paths:  []string{"spec scope", "spec group", "spec names kind", "spec names plural", "provisioner", "parameters **", "reclaimPolicy", "volumeBindingMode", "value", "handler"},
		Reason: "this field of {object} cannot change", Remedy: "make a new one beside it, and move to it"},
	{ID: "operator-bootstrap", Class: Recreate, Kinds: "Cluster", On: changed, Paths: []string{"spec bootstrap **"}, When: isCloudNativePG,
		Reason: "a database is set up once: the operator refuses another way", Remedy: "make a new database, and load a dump"},
	{ID: "pod", Class: Recreate, Kinds: "Pod", On: changed, Paths: []string{"spec **"},
		Reason: "a pod cannot change", Remedy: "delete it and sync"},

	{ID: "pods", Class: Restart, Kinds: workloads, On: changed, Paths: []string{"spec template **"},
		Reason: "{pods} replaced, {order}", Remedy: "sync when that may happen; see that the pods before are healthy"},
	{ID: "operator-pods", Class: Restart, Kinds: "Cluster", On: changed, Paths: []string{"spec **"}, When: isCloudNativePG, Rest: true,
		Reason: "the operator may replace the database's pods", Remedy: "sync when that may happen"},

	{ID: "job", Class: Rerun, Kinds: "Job", On: created,
		Reason: "{object} runs", Remedy: "it can be run again at any time; read its log after the sync"},
	{ID: "job-again", Class: Rerun, Kinds: "Job", On: changed, When: func(p *pair, _ leaf) bool { return p.renamed() },
		Reason: "{object} runs anew, under another name", Remedy: "it can be run again at any time; read its log after the sync"},
	{ID: "job-config", Class: Rerun, Kinds: "ConfigMap", On: changed, When: func(p *pair, _ leaf) bool { return p.renamed() },
		Reason: "the configuration of Job {name} changes, which runs anew", Remedy: "read its log after the sync"},

	{ID: "route", Class: Exposure, Kinds: routes, On: created | changed, Paths: []string{"spec **", "metadata annotations **"}, When: notOurAnnotation,
		Reason: "{object} lets traffic in from outside the cluster", Remedy: "see that each host and path is meant to be reached, and by whom"},
	{ID: "service-type", Class: Exposure, Kinds: "Service", On: created | changed, Paths: []string{"spec type", "spec externalIPs **", "spec ports * nodePort"},
		When:   func(_ *pair, l leaf) bool { return l.now != nil && l.now != "ClusterIP" },
		Reason: "{object} is reachable from outside the cluster ({new})", Remedy: "keep it a ClusterIP, or say from where it may be reached"},
	{ID: "service-source", Class: Exposure, Kinds: "Service", On: changed, Paths: []string{"spec loadBalancerSourceRanges **", "spec loadBalancerClass", "metadata annotations **"},
		When:   balancer,
		Reason: "who may reach {object} from outside changes", Remedy: "see that the source ranges and the balancer's annotations are meant"},
	{ID: "network-wider", Class: Exposure, Kinds: "NetworkPolicy", On: changed, Paths: []string{"spec **"}, When: widerPolicy,
		Reason: "{object} lets through traffic that it did not", Remedy: "see that each new peer and port is needed"},
	{ID: "network-new", Class: Exposure, Kinds: "NetworkPolicy", On: created, When: func(p *pair, _ leaf) bool { return allowsAny(p.now) },
		Reason: "{object} lets through traffic", Remedy: "see that each peer and port is needed"},
	{ID: "network-gone", Class: Exposure, Kinds: "NetworkPolicy", On: deleted, When: func(p *pair, _ leaf) bool { return !stillDenied(p) },
		Reason: "{object} is gone and nothing else denies by default what it did not allow", Remedy: "keep a policy that denies by default"},
	{ID: "mesh", Class: Exposure, Kinds: meshRules, On: created | changed | deleted,
		Reason: "who may reach what within the mesh changes", Remedy: "see that each principal and port is meant"},

	{ID: "role", Class: Privilege, Kinds: "Role ClusterRole", On: created | changed, Paths: []string{"rules **", "aggregationRule **"}, When: widerRole,
		Reason: "{object} gives rights that it did not", Remedy: "see that each verb is needed on each resource"},
	{ID: "binding", Class: Privilege, Kinds: "RoleBinding ClusterRoleBinding", On: created | changed, Paths: []string{"subjects **"}, When: added,
		Reason: "{object} gives a role's rights to another subject", Remedy: "see that the subject is meant to have them"},
	{ID: "identity", Class: Privilege, Kinds: "ServiceAccount", On: created | changed, Paths: []string{"metadata annotations **", "automountServiceAccountToken"}, When: notOurAnnotation,
		Reason: "{object} may be tied to another cloud identity, or have its token mounted", Remedy: "see what that identity may do"},
	{ID: "security-context", Class: Privilege, Kinds: podOwners, On: changed, Paths: podSecurity, When: loosens,
		Reason: "what the pods of {object} may do on their node changes", Remedy: "keep it within restricted pod security"},
	{ID: "privileged", Class: Privilege, Kinds: podOwners, On: created, Paths: podSecurity, When: beyondRestricted,
		Reason: "the pods of {object} may do more on their node than restricted pod security allows", Remedy: "keep it within restricted pod security"},
	{ID: "pod-security", Class: Privilege, Kinds: "Namespace", On: changed, Paths: []string{"metadata labels pod-security.kubernetes.io/*"},
		Reason: "what pods of the namespace may do changes", Remedy: "keep it at restricted"},

	{ID: "scaling", Class: Disruption, Kinds: scaling, On: created | changed | deleted, Paths: []string{"spec **"},
		Reason: "how many pods there are, or may be missing at once, changes", Remedy: "see that a drain of a node leaves a majority, and that the cluster has room"},
	{ID: "replicas", Class: Disruption, Kinds: workloads, On: changed, Paths: []string{"spec replicas"},
		Reason: "{object} goes from {old} to {new} pods", Remedy: "see that those that stay can carry the load, and that the cluster has room"},
	{ID: "instances", Class: Disruption, Kinds: "Cluster", On: changed, Paths: []string{"spec instances"}, When: isCloudNativePG,
		Reason: "the database goes from {old} to {new} instances", Remedy: "see that a standby is left to fail over to"},
	{ID: "rollout", Class: Disruption, Kinds: workloads, On: changed, Paths: []string{"spec strategy **", "spec updateStrategy **", "spec minReadySeconds", "spec paused", "spec progressDeadlineSeconds"},
		Reason: "how the pods of {object} are replaced changes", Remedy: "see that they are replaced one at a time, and are replaced at all"},
	{ID: "suspended", Class: Disruption, Kinds: "CronJob Job", On: changed, Paths: []string{"spec suspend"}, When: func(_ *pair, l leaf) bool { return l.now == true },
		Reason: "{object} no longer runs", Remedy: "see that what it did is done otherwise"},
	{ID: "service", Class: Disruption, Kinds: "Service", On: changed, Paths: []string{"spec selector **", "spec ports **", "spec publishNotReadyAddresses", "spec type"},
		Reason: "clients of {object} may no longer find it", Remedy: "see that they use the new ports, and that pods bear the new labels"},
	{ID: "network-narrower", Class: Disruption, Kinds: "NetworkPolicy", On: changed, Paths: []string{"spec **"}, When: func(p *pair, l leaf) bool { return !widerPolicy(p, l) },
		Reason: "{object} refuses traffic that it let through", Remedy: "see that nothing needs it any more"},
	{ID: "network-denies", Class: Disruption, Kinds: "NetworkPolicy", On: created, When: func(p *pair, _ leaf) bool { return !allowsAny(p.now) },
		Reason: "{object} denies what no other policy allows", Remedy: "see that each edge that is needed has a policy"},
	{ID: "role-less", Class: Disruption, Kinds: "Role ClusterRole", On: changed, Paths: []string{"rules **"}, When: func(p *pair, l leaf) bool { return !widerRole(p, l) },
		Reason: "{object} no longer gives some rights", Remedy: "see that nothing needs them any more"},
	{ID: "tenant-gone", Class: Disruption, Kinds: "BanhBaoRingTenant", On: deleted,
		Reason: "{object} is gone from the head: it is locked, and its keys are kept", Remedy: "keep it, if its users are still to sign"},
	{ID: "quota", Class: Disruption, Kinds: "ResourceQuota LimitRange", On: created | changed, Paths: []string{"spec **"},
		Reason: "pods may be refused for want of quota", Remedy: "see that the stack fits, while pods are replaced too"},
	{ID: "gone", Class: Disruption, Kinds: "Deployment DaemonSet ReplicaSet Pod CronJob Service NetworkPolicy ServiceAccount Role ClusterRole RoleBinding ClusterRoleBinding ConfigMap Issuer ClusterIssuer Certificate ExternalSecret SecretStore StorageClass Cluster " + routes, On: deleted,
		When: func(p *pair, _ leaf) bool {
			return !p.ofJob() && (p.id.Kind != "NetworkPolicy" || stillDenied(p)) && !isCloudNativePG(p, leaf{})
		},
		Reason: "{object} is gone from the head: what it did, or gave to others, stops", Remedy: "see that nothing needs it any more"},

	{ID: "job-settings", Class: Reload, Kinds: "Job CronJob", On: changed, Paths: []string{"spec **"}, Rest: true,
		Reason: "counts from the next run on", Remedy: ""},
	{ID: "job-gone", Class: Cosmetic, Kinds: "Job ConfigMap", On: deleted, When: func(p *pair, _ leaf) bool { return p.ofJob() },
		Reason: "an old run is cleared away", Remedy: ""},
	{ID: "metadata", Class: Cosmetic, On: changed, Paths: []string{"metadata **"}, Rest: true,
		Reason: "labels or annotations only: nothing that runs notices", Remedy: ""},
	{ID: "new", Class: Reload, On: created, Rest: true,
		Reason: "{object} is new", Remedy: ""},
	{ID: "in-place", Class: Reload, On: changed | deleted, Paths: []string{"**"}, Rest: true,
		Reason: "takes effect in place, without a restart", Remedy: "see that what reads it has noticed"},
}

// podSecurity are the fields that say what pods may do on their node.
var podSecurity = []string{
	"** securityContext **", "** hostNetwork", "** hostPID", "** hostIPC", "** hostPort", "** hostUsers", "** shareProcessNamespace",
	"** volumes * hostPath **", "** serviceAccountName", "** automountServiceAccountToken", "** runtimeClassName",
}
