"""Rows of who may do what: people who merge into files, and members of a tenant."""

from isolation.actions import Action


def _read(*resources: str) -> list[str]:
    return [f"{verb} {resource}" for resource in resources for verb in ("get", "list", "watch")]


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
        ),
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
        "the role lacks it",
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
        "holds a job for ever, or has it count pods of others",
        "refused",
        "rule `fields`",
        "TestAJob::test_carries_nothing_that_the_job_itself_may_not",
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
        "whatever the role may create has a quota",
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
        "the role names jobs alone",
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
ACTIONS = (*_PLATFORM_TEAM, *_CONTRIBUTOR, *_MEMBER)
