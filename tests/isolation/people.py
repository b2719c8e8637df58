"""Rows of who may do what: people who merge into files, and members of a tenant."""

from isolation.actions import Action


def _read(*resources: str) -> list[str]:
    return [f"{verb} {resource}" for resource in resources for verb in ("get", "list", "watch")]


def _write(*resources: str) -> list[str]:
    return [f"{verb} {resource}" for resource in resources for verb in ("create", "patch", "delete")]


_PLATFORM_TEAM = (
    Action(
        "platform team",
        "raises ceilings, grants secrets, public routes, images and longer jobs",
        "may",
        "the stack's own file alone: `guardrails`, `tenantSecrets`",
        "TestTheStacksFile::test_grants_what_no_tenants_own_file_can",
    ),
    Action(
        "platform team",
        "makes pods in a tenant's namespace that break a guardrail",
        "refused",
        "the guardrails judge whoever asks",
        "TestAnAdministrator::test_is_held_to_the_guardrails_in_a_tenants_namespace",
    ),
    Action(
        "platform team",
        "reads a caller's key, in state, plan or cluster",
        "refused",
        "the stack file holds its SHA-256 (ADR 0019)",
        "isolation/test_caller.py::TestAKey::test_stands_nowhere_in_the_cluster",
    ),
    Action(
        "platform team",
        "finds values of secrets in anything but a Secret",
        "refused",
        "templates name Secrets, and hold no value",
        "TestAnAdministrator::test_finds_the_tenants_secrets_where_they_belong_and_nowhere_else",
    ),
    Action(
        "platform team",
        "meets a tenant's objects outside its namespace",
        "within limits",
        "routes alone, in the front door's namespace",
        "TestAnAdministrator::test_finds_no_tenants_objects_outside_its_namespace_but_its_routes",
    ),
    Action(
        "platform team",
        "loses a tenant's disk without having said so",
        "refused",
        "the guard of plans, which ends with code 3 (ADR 0014)",
        "unit/plans/test_disks.py::TestADiskThatGoesWithItsClaim::test_is_lost_and_refused",
    ),
)
_CONTRIBUTOR = (
    Action(
        "contributor",
        "runs workloads, sets their sizes, schedules, variables, routes and callers",
        "may",
        "the keys that are free: see below",
        "TestEachKey::test_is_taken_as_it_should_be",
    ),
    Action(
        "contributor",
        "sets any other key to more than the tenant may have",
        "refused",
        "ceilings, grants and quota, key by key: see below",
        "TestEachKey::test_goes_no_further_than_it_may",
    ),
    Action(
        "contributor",
        "takes another tenant's name, and with it its namespace, hosts and secrets",
        "refused",
        "a file is called after its tenant",
        "TestATenantsFile::test_is_of_the_tenant_that_it_is_called_after",
    ),
    Action(
        "contributor",
        "writes a key of the stack's own file into the tenant's",
        "refused",
        "unknown keys are refused",
        "TestATenantsFile::test_holds_no_key_of_the_stacks",
    ),
    Action(
        "contributor",
        "takes the namespace of other software",
        "refused",
        "reserved names, and `guardrails.reservedNamespaces`",
        "TestATenantsFile::test_takes_no_namespace_of_other_software",
    ),
    Action(
        "contributor",
        "takes a secret of the platform or of another tenant",
        "refused",
        "secrets belong to tenants by name, or by `tenantSecrets` (ADR 0021)",
        "TestAWorkloadsSecret::test_is_nobody_elses",
    ),
    Action(
        "contributor", "takes a secret of the tenant's own", "may", "its name", "TestAWorkloadsSecret::test_is_its_own"
    ),
    Action(
        "contributor",
        "takes a host of the login, of another workload or outside the domain",
        "refused",
        "hosts are one label below the domain, and each has one workload",
        "TestAWorkloadsHost::test_is_nobody_elses",
    ),
    Action(
        "contributor",
        "takes a host that browsers show as another one's (`xn--…`)",
        "refused",
        "labels are shown as they are written, unless the domain is not either",
        "TestAWorkloadsHost::test_looks_like_nobody_elses",
    ),
    Action(
        "contributor",
        "gives a workload the name of one of the front door's own objects",
        "refused",
        "reserved names at the front door",
        "TestAWorkloadsHost::test_is_none_of_the_platforms_names",
    ),
)
_MEMBER = (
    Action(
        "member",
        "reads pods, logs, events, quotas and what runs in the tenant",
        "may",
        "the role `bedplate-data-scientist`",
        "TestRights::test_are_those_of_the_table",
        (
            *_read("cronjobs.batch", "deployments.apps", "events", "events.events.k8s.io", "jobs.batch", "limitranges"),
            *_read("horizontalpodautoscalers.autoscaling", "persistentvolumeclaims", "pods", "pods/log"),
            *_read("replicasets.apps", "resourcequotas", "services", "statefulsets.apps"),
            *("get pods.metrics.k8s.io", "list pods.metrics.k8s.io"),
            *_read("configmaps", "poddisruptionbudgets.policy", "serviceaccounts"),
        ),
    ),
    Action(
        "member",
        "deploys a model API with what belongs to it, changes it and takes it away",
        "within limits",
        "the role, `bedplate-deployments`, and the guardrails as for every pod (ADR 0042)",
        "cluster/deploy/test_bounds.py::TestAMember::test_makes_what_a_deploy_is_made_of",
        (
            *_write("configmaps", "deployments.apps", "horizontalpodautoscalers.autoscaling", "serviceaccounts"),
            *_write("poddisruptionbudgets.policy", "services"),
        ),
    ),
    Action(
        "member",
        "opens a way in to an app of his, at its own host, by the platform's own checks and keys of his",
        "within limits",
        "the role, and `bedplate-deployments`, which admits one form; routes of the stack come first",
        "cluster/deploy/test_bounds.py::TestARoute::test_has_one_form",
        (
            *_read("ingressroutes.traefik.io", "middlewares.traefik.io"),
            *_write("ingressroutes.traefik.io", "middlewares.traefik.io"),
        ),
    ),
    Action(
        "member",
        "takes another tenant's host, leaves out the login, or leads a route elsewhere",
        "refused",
        "`bedplate-deployments`",
        "cluster/deploy/test_bounds.py::TestARoute::test_opens_nothing_else",
    ),
    Action(
        "member",
        "makes a secret for an app and deletes it, without ever reading or changing one",
        "within limits",
        "the role, and `bedplate-deployments`: of type Opaque, and a member's own",
        "cluster/deploy/test_bounds.py::TestAMember::test_makes_a_secret_and_reads_none",
        ("create secrets", "delete secrets"),
    ),
    Action(
        "member",
        "has new pods made of a deployment of the stack, one by one",
        "within limits",
        "`bedplate-deployments`: one annotation of its pods, and nothing else of it",
        "cluster/deploy/test_bounds.py::TestTheStacksOwn::test_is_restarted_and_nothing_else",
    ),
    Action(
        "member",
        "leads a Service, an autoscaler or a budget of his to another workload's pods, or takes its labels",
        "refused",
        "`bedplate-deployments`: selectors find the pods of the app that the object is named after",
        "cluster/deploy/test_bounds.py::TestAMember::test_reaches_no_pods_but_those_of_the_app",
    ),
    Action(
        "member",
        "starts a job of the stack by hand",
        "may",
        "what a template makes breaks no rule",
        "TestAJob::test_is_made_of_each_of_the_stacks",
        ("create jobs.batch",),
    ),
    Action(
        "member",
        "deletes a job with its pods",
        "may",
        "the role",
        "TestTheEndOfAJob::test_leaves_no_pod_behind",
        ("delete jobs.batch",),
    ),
    Action(
        "member",
        "keeps, starts and stops what is stopped while nobody uses it, and changes nothing else of it",
        "within limits",
        "the role, and `bedplate-activity`; `guardrails.idle.maxMinutes` bounds how long it is kept",
        "cluster/guardrails/test_activity.py::TestAMember::test_keeps_starts_and_stops_it_and_takes_it_back",
        (*_read("scaledobjects.keda.sh"), "patch scaledobjects.keda.sh"),
    ),
    Action(
        "member",
        "sees which external secrets are asked for and whether they came, and neither asks for one nor defines a store",
        "within limits",
        "the role; who may not write in all namespaces is refused by `bedplate-secret-stores` too",
        "cluster/services/secrets/test_secrets.py::TestWhoDefinesThem::test_is_no_member",
        (*_read("externalsecrets.external-secrets.io", "secretstores.external-secrets.io"),),
    ),
    Action(
        "member",
        "sees or does anything in another namespace",
        "refused",
        "the role is bound in the tenant's namespace alone",
        "TestRights::test_end_at_the_tenant",
    ),
    Action(
        "member",
        "runs a command in a pod, forwards a port, adds a container, has a token made, reads secrets, reaches nodes",
        "refused",
        "the role lacks it",
        "TestRights::test_reach_into_no_pod_and_around_no_bound",
    ),
    Action(
        "member",
        "changes or deletes what the stack made: quotas, policies, workloads, access",
        "refused",
        "the role lacks it, or `bedplate-deployments`",
        "TestRights::test_change_nothing_that_the_stack_made",
    ),
    Action(
        "member",
        "makes a job that breaks a guardrail",
        "refused",
        "each rule of `bedplate-guardrails`, with all reasons at once",
        "TestAJob::test_breaks_no_rule",
    ),
    Action(
        "member",
        "passes a job off as made by a controller",
        "refused",
        "makers are believed of ServiceAccounts outside the tenant only (ADR 0022)",
        "TestAJob::test_is_judged_whoever_is_said_to_have_made_it",
    ),
    Action(
        "member",
        "gives a job a field that reaches further than its pods",
        "refused",
        "the table of fields, rule `fields`; what a minor does not know is dropped",
        "TestAJob::test_carries_none_of_the_fields_that_are_refused",
    ),
    Action(
        "member",
        "keeps a job from being deleted (finalizers), or has it count pods of others",
        "refused",
        "rule `fields`",
        "TestAJob::test_carries_nothing_that_the_job_itself_may_not",
    ),
    Action(
        "member",
        "keeps a suspended job",
        "within limits",
        "it has no pods, counts in the quota `count/jobs.batch`, and stays until somebody of the tenant deletes it",
        "TestAJob::test_may_be_suspended_and_is_counted",
    ),
    Action(
        "member",
        "takes the name of a schedule's next run, which then does not start, nor do later ones",
        "within limits",
        "the tenant's own schedules; they go on when the CronJob changes or Kubernetes looks at all of them again",
        "TestAJob::test_may_have_the_name_of_a_run",
    ),
    Action(
        "member",
        "has a job's pods keep apart, so that each brings up a node",
        "within limits",
        "the pool's `max`, and the quotas, `pods` among them",
        "TestAJob::test_may_have_a_node_for_each_pod",
    ),
    Action(
        "member",
        "wears labels by which other programs act on pods (Istio, Datadog, Azure workload identity)",
        "within limits",
        "what they add to a pod is judged there, and a token is worth what the tenant's own accounts may (ADR 0022)",
        "TestAJob::test_may_wear_labels_of_other_programs",
    ),
    Action(
        "member",
        "owns a job, or gives it to an owner of the tenant",
        "may",
        "the namespace lists owners; a person's own name is one",
        "TestAJob::test_is_its_makers_or_an_owners",
    ),
    Action(
        "member",
        "books a job on another tenant, project or person",
        "refused",
        "rule `ownership-labels`",
        "TestAJob::test_is_booked_on_nobody_else",
    ),
    Action(
        "member",
        "makes what no quota counts",
        "refused",
        "whatever the role may create has a quota, but for routes of one form",
        "TestAJob::test_is_counted_and_so_is_all_that_a_member_can_make",
    ),
    Action(
        "member",
        "takes more GPUs, cores or memory than the tenant has",
        "refused",
        "quotas, of all and by accelerator",
        "TestAJob::test_takes_no_more_than_the_quota",
    ),
    Action(
        "member",
        "leaves pods behind that have no time limit",
        "refused",
        "the policy `bedplate-orphans`",
        "TestTheEndOfAJob::test_leaves_no_pod_behind",
    ),
    Action(
        "member",
        "makes what operators make pods of (JobSets, Ray, Spark, Argo)",
        "refused",
        "the role names jobs and Deployments alone",
        "TestWhatMakesPods::test_of_other_operators_is_none_of_a_members",
    ),
    Action(
        "member",
        "has a Deployment, a bare pod or another maker of pods judged less than a job",
        "refused",
        "the guardrails see every kind that holds a pod template",
        "TestWhatMakesPods::test_is_judged_whoever_makes_it",
    ),
    Action(
        "member",
        "hides a pod in a JobSet",
        "refused",
        "the guardrails see the jobs of a JobSet",
        "TestWhatMakesPods::test_is_judged_at_a_jobset",
    ),
)
_BUILDS = "cluster/builds/test_members.py::TestAMemberOfTheTeam"
_BUILDER = (
    Action(
        "member",
        "builds an image where the platform has a place for the team's builds, and attaches to the build",
        "within limits",
        "one shape of pod, the team's own credentials of the registry, a quota of builds",
        f"{_BUILDS}::test_starts_a_build_as_the_platform_has_it",
    ),
    Action(
        "member",
        "runs something else there: another image, command, account, node or network",
        "refused",
        "the policy bedplate-builds lets in copies of the platform's PodTemplate alone",
        f"{_BUILDS}::test_gets_nothing_else_there",
    ),
    Action(
        "member",
        "reads the credentials that builds push with, or changes a rule of that place",
        "refused",
        "the role names jobs, what they print and `attach`; a build itself can read them, so they are the team's own",
        f"{_BUILDS}::test_reads_no_credential_and_changes_no_rule",
    ),
    Action(
        "member",
        "starts or reads builds of another team",
        "refused",
        "a namespace for each team, and a RoleBinding in it",
        "cluster/builds/test_members.py::TestAnotherTeam::test_neither_starts_nor_reads_them",
    ),
)
ACTIONS = (*_PLATFORM_TEAM, *_CONTRIBUTOR, *_MEMBER, *_BUILDER)
