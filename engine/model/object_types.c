/*
 * engine/model/object_types.c
 *
 * Tables of package, containers, event handlers, constraints, variables,
 * parameters and project.  The texts are the ones that editors and
 * docs/packages.md show, therefore they speak to people who write packages.
 *
 * Process: runner, client, loader.  Constant data, nothing to protect.
 */
#include "engine/model/object_types.h"

#include <string.h>

static const char *const forced_result_names[] = {"none", "success", "failure", "completion", NULL};
static const char *const isolation_names[] = {
	"unspecified",     "chaos",        "read_uncommitted", "read_committed",
	"repeatable_read", "serializable", "snapshot",         NULL};
static const char *const logging_mode_names[] = {"use_parent_setting", "enabled", "disabled", NULL};
static const char *const transaction_names[] = {"not_supported", "supported", "required", NULL};
static const char *const checkpoint_names[] = {"default", "always_rerun", "as_one", NULL};
static const char *const checkpoint_usage_names[] = {"never", "if_exists", "always", NULL};
static const char *const durability_names[] = {"sync", "async", NULL};
static const char *const granularity_names[] = {"loop", "iteration", NULL};
static const char *const priority_names[] = {"default",      "above_normal", "normal",
											 "below_normal", "idle",         NULL};
static const char *const constraint_value_names[] = {"success", "failure", "completion", NULL};
static const char *const eval_op_names[] = {"expression", "constraint", "expression_and_constraint",
											"expression_or_constraint", NULL};

/* ---- what every executable has ---- */

static const SoProperty executable_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name, unique among its siblings. Constraints, paths and logs use it.", "name: load sales"},
	{"id", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity (UUID). Checkpoints recognise the executable by it, so write it down if the name "
	 "may change later; without it the id is derived from the package's id and the path.",
	 "id: 6f1c2a11-5a0b-4c55-9d5e-0f1e7d2c0d6f"},
	{"description", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "What it is for; shown in the catalog and in logs.",
	 "description: Copies the night's files into staging"},
	{"disable", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Do not run it. Its successors run as if it had succeeded.", "disable: true"},
	{"delay_validation", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Validate it only when its turn comes, not at the start of the package: for work on things "
	 "that an earlier task creates.",
	 "delay_validation: true"},
	{"disable_event_handlers", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Do not run the event handlers of this executable; events still go up to its parents.",
	 "disable_event_handlers: true"},
	{"fail_package_on_failure", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "When it fails the whole package fails at once. Set it on every executable that shall be a "
	 "restart point when save_checkpoints is on.",
	 "fail_package_on_failure: true"},
	{"fail_parent_on_failure", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "When it fails the container around it fails too.", "fail_parent_on_failure: true"},
	{"force_execution_result", SO_PROPERTY_ENUM, 0, "none", forced_result_names, NULL,
	 "The result to report whatever really happens; failure is handy to try a restart.",
	 "force_execution_result: failure"},
	{"force_execution_value", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Report forced_execution_value as the execution value in place of the real one.",
	 "force_execution_value: true"},
	{"forced_execution_value", SO_PROPERTY_VALUE, 0, "0", NULL, NULL,
	 "The execution value to report when force_execution_value is true.",
	 "forced_execution_value: 42"},
	{"forced_execution_value_type", SO_PROPERTY_DATA_TYPE, 0, "int32", NULL, NULL,
	 "Type of forced_execution_value.", "forced_execution_value_type: int64"},
	{"isolation_level", SO_PROPERTY_ENUM, 0, "serializable", isolation_names, NULL,
	 "Isolation of the transaction that this executable starts (transaction_option: required); "
	 "without effect when it joins one. PostgreSQL may refuse a serializable transaction with "
	 "SQLSTATE 40001, which asks for a retry.",
	 "isolation_level: read_committed"},
	{"locale_id", SO_PROPERTY_INT32, 0, NULL, NULL, NULL,
	 "Windows locale number, kept for packages that come from SSIS; default is the parent's.",
	 "locale_id: 1033"},
	{"logging_mode", SO_PROPERTY_ENUM, 0, "use_parent_setting", logging_mode_names, NULL,
	 "disabled keeps the events of this executable, and of what is below it, out of the log, "
	 "except "
	 "errors, warnings and failures; event handlers run all the same. enabled switches the log on "
	 "again inside.",
	 "logging_mode: disabled"},
	{"maximum_error_count", SO_PROPERTY_INT32, 0, "1", NULL, NULL,
	 "Number of errors at which it counts as failed. Errors of children count for their containers "
	 "too. 0 means without limit.",
	 "maximum_error_count: 5"},
	{"transaction_option", SO_PROPERTY_ENUM, 0, "supported", transaction_names, NULL,
	 "required: join the parent's transaction or start one; supported: join if there is one; "
	 "not_supported: stay outside.",
	 "transaction_option: required"},
	{"checkpoint", SO_PROPERTY_ENUM, SO_PROPERTY_NO_EXPRESSION, "default", checkpoint_names, NULL,
	 "What a restart does with it: default skips it when it had finished, always_rerun runs it "
	 "again every time, as_one (containers) records the container as a whole and reruns all of it.",
	 "checkpoint: always_rerun"},
	{0}};

const SoObjectType so_object_type_executable = {
	"executable", "Executable", "Properties that every package, container and task has.",
	executable_properties, NULL};

/* ---- package ---- */

static const SoProperty package_properties[] = {
	{"save_checkpoints", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Record what has finished, so that a failed execution can start again where it failed.",
	 "save_checkpoints: true"},
	{"checkpoint_usage", SO_PROPERTY_ENUM, 0, "never", checkpoint_usage_names, NULL,
	 "never: always from the beginning; if_exists: from the checkpoint when there is one; always: "
	 "fail when there is none.",
	 "checkpoint_usage: if_exists"},
	{"checkpoint_file_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Name of the checkpoint. In the catalog it is a name, one per project and package when empty; "
	 "by hand (scaleout exec) it is the path of a file.",
	 "checkpoint_file_name: load_sales.checkpoint"},
	{"checkpoint_durability", SO_PROPERTY_ENUM, 0, "sync", durability_names, NULL,
	 "sync: a successor starts when the catalog has committed its predecessor's completion; async: "
	 "it does not wait, and a crash may repeat the last executables.",
	 "checkpoint_durability: async"},
	{"max_concurrent_executables", SO_PROPERTY_INT32, 0, "-1", NULL, NULL,
	 "How many executables may run at the same time; -1 means the number of processors plus two.",
	 "max_concurrent_executables: 4"},
	{"version_major", SO_PROPERTY_INT32, SO_PROPERTY_NO_EXPRESSION, "1", NULL, NULL,
	 "Major version, for people and for dtexec's /VerifyBuild.", "version_major: 2"},
	{"version_minor", SO_PROPERTY_INT32, SO_PROPERTY_NO_EXPRESSION, "0", NULL, NULL,
	 "Minor version.", "version_minor: 3"},
	{"version_build", SO_PROPERTY_INT32, SO_PROPERTY_NO_EXPRESSION, "0", NULL, NULL,
	 "Build number.", "version_build: 117"},
	{"version_comments", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "What changed in this version.", "version_comments: new column discount"},
	{"version_guid", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity of this version (UUID).", "version_guid: 6f1c2a11-5a0b-4c55-9d5e-0f1e7d2c0d6f"},
	{"creator_name", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Who made the package (System::CreatorName).", "creator_name: ana"},
	{"creator_computer_name", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Where it was made (System::CreatorComputerName).", "creator_computer_name: desk7"},
	{"creation_date", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "When it was made (System::CreationDate), as yyyy-mm-dd hh:mm:ss.",
	 "creation_date: \"2026-01-31 08:00:00\""},
	{"package_priority_class", SO_PROPERTY_ENUM, SO_PROPERTY_NO_EXPRESSION, "default",
	 priority_names, NULL,
	 "Priority of the process that runs it, kept for packages that come from SSIS.",
	 "package_priority_class: below_normal"},
	{0}};

const SoObjectType so_object_type_package = {"package", "Package",
											 "A package: a control flow of tasks and containers, "
											 "with parameters, variables and connections.",
											 package_properties, &so_object_type_executable};

/* ---- containers ---- */

static const SoProperty no_properties[] = {{0}};

const SoObjectType so_object_type_sequence = {
	"sequence", "Sequence container",
	"Groups executables: one scope for variables, event handlers and a transaction, one thing to "
	"disable or to put in an order.",
	no_properties, &so_object_type_executable};

static const SoProperty for_loop_properties[] = {
	{"init_expression", SO_PROPERTY_EXPRESSION, SO_PROPERTY_ASSIGNMENT, NULL, NULL, NULL,
	 "Evaluated once before the first round; usually an assignment.",
	 "init_expression: \"@[User::i] = 0\""},
	{"eval_expression", SO_PROPERTY_EXPRESSION, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Boolean, evaluated before every round; the loop ends when it is false.",
	 "eval_expression: \"@[User::i] < 10\""},
	{"assign_expression", SO_PROPERTY_EXPRESSION, SO_PROPERTY_ASSIGNMENT, NULL, NULL, NULL,
	 "Evaluated after every round; usually an assignment.",
	 "assign_expression: \"@[User::i] = @[User::i] + 1\""},
	{0}};

const SoObjectType so_object_type_for_loop = {
	"for_loop", "For Loop container", "Repeats its executables while an expression is true.",
	for_loop_properties, &so_object_type_executable};

static const SoProperty variable_mapping_properties[] = {
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "The variable that receives the value in every round.", "variable: \"User::path\""},
	{"index", SO_PROPERTY_INT32, SO_PROPERTY_NO_EXPRESSION, "0", NULL, NULL,
	 "Which part of the enumerated item, counted from 0: the column of a row (item, result_set), "
	 "the position in an array. 0 is the item itself where it has no parts.",
	 "index: 1"},
	{"column", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name of the column (result_set) or of the member (json_array) in place of index.",
	 "column: customer_id"},
	{0}};

const SoObjectType so_object_type_variable_mapping = {
	"variable_mapping", "Variable mapping",
	"Puts a part of the enumerated item into a variable before every round.",
	variable_mapping_properties, NULL};

static const SoProperty foreach_loop_properties[] = {
	{"variable_mappings", SO_PROPERTY_OBJECT_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 &so_object_type_variable_mapping,
	 "Which part of the enumerated item goes into which variable.",
	 "variable_mappings: [{variable: \"User::path\", index: 0}]"},
	{"checkpoint_granularity", SO_PROPERTY_ENUM, SO_PROPERTY_NO_EXPRESSION, "loop",
	 granularity_names, NULL,
	 "loop: a restart runs the whole loop again, as in SSIS; iteration: finished rounds are "
	 "recorded by their item and skipped.",
	 "checkpoint_granularity: iteration"},
	{0}};

const SoObjectType so_object_type_foreach_loop = {
	"foreach_loop", "Foreach Loop container",
	"Repeats its executables for every item of an enumerator: files, rows, list items, XML nodes.",
	foreach_loop_properties, &so_object_type_executable};

const SoObjectType so_object_type_event_handler = {
	"event_handler", "Event handler",
	"A control flow that runs when an event is raised by the executable that it belongs to, or "
	"below it.",
	no_properties, &so_object_type_executable};

static const SoProperty opaque_properties[] = {
	{"original_type", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL,
	 NULL, NULL, "The type in the package that it was imported from.",
	 "original_type: Microsoft.MessageQueueTask"},
	{"reason", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Why it cannot run here.", "reason: there is no message queue"},
	{"xml", SO_PROPERTY_TEXT, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "The original definition, word for word.", NULL},
	{0}};

const SoObjectType so_object_type_opaque = {
	"opaque", "Opaque executable",
	"An imported executable of a kind that this version cannot run. It fails when it is reached, "
	"unless it is disabled.",
	opaque_properties, &so_object_type_executable};

/* ---- constraints, variables, parameters ---- */

static const SoProperty constraint_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL, "Name, for people.",
	 "name: loaded"},
	{"id", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity (UUID); derived when it is missing.", NULL},
	{"description", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "What it is for.", NULL},
	{"from", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name or id of the executable that comes first; a sibling of the other.", "from: download"},
	{"to", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name or id of the executable that waits.", "to: load"},
	{"value", SO_PROPERTY_ENUM, SO_PROPERTY_NO_EXPRESSION, "success", constraint_value_names, NULL,
	 "The result that is waited for; completion is either. In after it is called on.",
	 "value: completion"},
	{"eval_op", SO_PROPERTY_ENUM, SO_PROPERTY_NO_EXPRESSION, NULL, eval_op_names, NULL,
	 "What counts: the constraint (the result), the expression, both, or either. Default is "
	 "expression_and_constraint when there is an expression, else constraint.",
	 "eval_op: expression_or_constraint"},
	{"expression", SO_PROPERTY_EXPRESSION, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Boolean, evaluated when the first executable has ended.",
	 "expression: \"@[User::rows] > 0\""},
	{"logical_and", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, "true", NULL, NULL,
	 "true: this and every other constraint on the same executable must hold; false: one of the "
	 "constraints with false is enough.",
	 "logical_and: false"},
	{0}};

const SoObjectType so_object_type_precedence_constraint = {
	"precedence_constraint", "Precedence constraint",
	"Lets one executable start only when another has ended in a given way. after is its short "
	"form.",
	constraint_properties, NULL};

static const SoProperty variable_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name, case sensitive; may carry its namespace (User::rows).", "name: rows"},
	{"namespace", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, "User", NULL, NULL,
	 "Namespace; System is taken.", "namespace: Sales"},
	{"id", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity (UUID); derived when it is missing.", NULL},
	{"description", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "What it holds.", NULL},
	{"type", SO_PROPERTY_DATA_TYPE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Type of the value; object holds lists and result sets.", "type: int32"},
	{"value", SO_PROPERTY_JSON, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Value at the start; without it False, 0, an empty text or an empty object. Never null.",
	 "value: 0"},
	{"expression", SO_PROPERTY_EXPRESSION, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "The value is the result of this expression every time it is read.",
	 "expression: \"@[User::folder] + \\\"/done\\\"\""},
	{"evaluate_as_expression", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Whether expression is used. Default is true when there is an expression.",
	 "evaluate_as_expression: false"},
	{"read_only", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, "false", NULL, NULL,
	 "The value cannot be changed while the package runs.", "read_only: true"},
	{"raise_changed_event", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, "false", NULL, NULL,
	 "Raise on_variable_value_changed when the value changes.", "raise_changed_event: true"},
	{"include_in_debug_dump", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Whether the value stands in debug dumps. Default is true, but false for texts and for "
	 "variables with an expression.",
	 "include_in_debug_dump: false"},
	{0}};

const SoObjectType so_object_type_variable = {
	"variable", "Variable",
	"A variable of a package, container, task or event handler; visible there and below, the inner "
	"one hides the outer one of the same name.",
	variable_properties, NULL};

static const SoProperty parameter_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name; $Package::name in the package, $Project::name for those of the project.",
	 "name: since"},
	{"id", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity (UUID); derived when it is missing.", NULL},
	{"description", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "What it is for; shown in the catalog.", NULL},
	{"type", SO_PROPERTY_DATA_TYPE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Type of the value; object is not possible.", "type: datetime"},
	{"required", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, "false", NULL, NULL,
	 "A value must be given for every execution; the value here counts only at the desk.",
	 "required: true"},
	{"sensitive", SO_PROPERTY_BOOLEAN, SO_PROPERTY_NO_EXPRESSION, "false", NULL, NULL,
	 "A secret: encrypted in the catalog, never shown. Expressions may use it anywhere; in "
	 "messages "
	 "of the execution *** stands in its place, unless it has fewer than four bytes.",
	 "sensitive: true"},
	{"value", SO_PROPERTY_VALUE, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Design value, used when none is given.", "value: \"2026-01-01\""},
	{0}};

const SoObjectType so_object_type_parameter = {
	"parameter", "Parameter",
	"An input of a package or project that is given from outside for every execution and cannot "
	"change while it runs.",
	parameter_properties, NULL};

/* ---- project.yaml ---- */

static const SoProperty project_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name of the project in the catalog.", "name: sales"},
	{"id", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity (UUID); derived from the name when it is missing.", NULL},
	{"description", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "What the project is for; shown in the catalog.", "description: The sales warehouse"},
	{"version", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Your own version of the project, any text.", "version: \"1.4\""},
	{0}};

const SoObjectType so_object_type_project = {"project", "Project",
											 "project.yaml: what the packages of one folder share.",
											 project_properties, NULL};

/* ---- lists ---- */

static const SoObjectType *const container_types[] = {
	&so_object_type_sequence, &so_object_type_for_loop, &so_object_type_foreach_loop, NULL};

const SoObjectType *const *
so_container_types(void)
{
	return container_types;
}

const SoObjectType *
so_container_type_find(const char *name)
{
	for (int i = 0; container_types[i] != NULL; i++)
	{
		if (strcmp(container_types[i]->name, name) == 0)
			return container_types[i];
	}
	return NULL;
}

static const char *const event_names[] = {"on_error",
										  "on_exec_status_changed",
										  "on_information",
										  "on_post_execute",
										  "on_post_validate",
										  "on_pre_execute",
										  "on_pre_validate",
										  "on_progress",
										  "on_query_cancel",
										  "on_task_failed",
										  "on_variable_value_changed",
										  "on_warning",
										  NULL};

static const char *const event_ssis_names[] = {
	"OnError",        "OnExecStatusChanged", "OnInformation",          "OnPostExecute",
	"OnPostValidate", "OnPreExecute",        "OnPreValidate",          "OnProgress",
	"OnQueryCancel",  "OnTaskFailed",        "OnVariableValueChanged", "OnWarning"};

const char *const *
so_event_names(void)
{
	return event_names;
}

const char *
so_event_ssis_name(const char *name)
{
	for (int i = 0; event_names[i] != NULL; i++)
	{
		if (strcmp(event_names[i], name) == 0)
			return event_ssis_names[i];
	}
	return NULL;
}
