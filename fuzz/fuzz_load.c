/*
 * fuzz/fuzz_load.c
 *
 * libFuzzer target of the loader: whatever the bytes, it ends with findings or
 * with a package; and what loads must go through the canonical form unchanged.
 * Bytes that are JSON are loaded as a project too.
 *
 * Process: the fuzzer; test_model_corpus replays fuzz/corpus/load without it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/load.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Load, write, load, write: both canonical texts must be the same. */
static void
check_round_trip(TALLOC_CTX *context, const SoPackage *package)
{
	json_t *json = so_package_to_json(package);
	char *first = json_dumps(json, JSON_COMPACT);
	SoDiagnostics findings;
	SoProject *again;
	char *second;

	json_decref(json);
	if (first == NULL)
		abort();
	again = so_load_package_text(context, first, strlen(first), "canonical.json", NULL, &findings);
	if (again == NULL)
		abort();
	json = so_package_to_json(again->packages[0]);
	second = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (second == NULL || strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoDiagnostics findings;
	SoProject *project =
		so_load_package_text(context, (const char *) data, size, "fuzz.yaml", NULL, &findings);
	json_t *json;
	char *text;

	if ((project == NULL) != (findings.error_count > 0))
		abort();
	if (project != NULL)
	{
		check_round_trip(context, project->packages[0]);
		so_load_check_tasks(context, project, &findings);
	}
	text = so_diagnostics_to_text(context, &findings);
	if (text == NULL)
		abort();
	json_decref(so_diagnostics_to_json(&findings));

	json = json_loadb((const char *) data, size, JSON_DECODE_ANY, NULL);
	if (json != NULL)
	{
		project = so_load_project_json(context, json, &findings);
		if (project != NULL)
			json_decref(so_project_to_json(project));
		json_decref(json);
	}
	talloc_free(context);
	return 0;
}
