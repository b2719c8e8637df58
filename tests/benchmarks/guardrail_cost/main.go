// Command guardrail-cost says what the API server would account for a policy: by its own packages, without a server,
// because it tells nobody. Arguments: the files of the policy, of a tenant's namespace, and of Jobs. Output: one JSON
// object a Job, from expression to cost; "validation" and "message" are the whole of both.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	limits "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	defaults "k8s.io/kubernetes/pkg/apis/batch/v1"
)

var declared = cel.OptionalVariableDeclarations{HasAuthorizer: true}

func main() {
	policy, namespace := &admissionregistration.ValidatingAdmissionPolicy{}, &core.Namespace{}
	read(os.Args[1], policy)
	read(os.Args[2], namespace)
	// What expressions of a new object may use (environment.DefaultCompatibilityVersion): the minor before 1.35.
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(version.MajorMinor(1, 34)))
	check(err)
	for _, variable := range policy.Spec.Variables {
		accessor := &validating.Variable{Name: variable.Name, Expression: variable.Expression}
		if result := compiler.CompileAndStoreVariable(accessor, declared, environment.StoredExpressions); result.Error != nil {
			check(fmt.Errorf("%s: %s", variable.Name, result.Error.Detail))
		}
	}
	for _, file := range os.Args[3:] {
		job := &batch.Job{}
		read(file, job)
		costs := map[string]int64{}
		for _, variable := range policy.Spec.Variables {
			costs[variable.Name] = cost(compiler, "variables."+variable.Name, job, namespace)
		}
		costs["validation"] = cost(compiler, policy.Spec.Validations[0].Expression, job, namespace)
		costs["message"] = cost(compiler, policy.Spec.Validations[0].MessageExpression, job, namespace)
		check(json.NewEncoder(os.Stdout).Encode(costs))
	}
}

// cost is what is left of the budget of one policy, taken from it, as for a Job that a person makes. An expression that
// would end with an error, or over its own limit, ends the program.
func cost(compiler *cel.CompositedCompiler, expression string, job *batch.Job, namespace *core.Namespace) int64 {
	defaults.SetObjectDefaults_Job(job)
	job.TypeMeta = meta.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
	kind, resource := batch.SchemeGroupVersion.WithKind("Job"), batch.SchemeGroupVersion.WithResource("jobs")
	person := &user.DefaultInfo{Name: "alice@example.com"}
	attributes := admission.NewAttributesRecord(
		job, nil, kind, job.Namespace, job.Name, resource, "", admission.Create, &meta.CreateOptions{}, false, person)
	request := cel.CreateAdmissionRequest(attributes, meta.GroupVersionResource(resource), meta.GroupVersionKind(kind))
	accessor := &validating.Variable{Name: "cost", Expression: expression}
	condition := compiler.CompileCondition([]cel.ExpressionAccessor{accessor}, declared, environment.StoredExpressions)
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedObject: job, VersionedKind: schema.GroupVersionKind(kind)}
	results, left, err := condition.ForInput(
		context.Background(), versioned, request, cel.OptionalVariableBindings{}, namespace, limits.RuntimeCELCostBudget)
	check(err)
	check(results[0].Error)
	return limits.RuntimeCELCostBudget - left
}

func read(name string, into any) {
	data, err := os.ReadFile(name)
	check(err)
	check(json.Unmarshal(data, into))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "guardrail-cost:", err)
		os.Exit(1)
	}
}
