/*
 * engine/model/load.h
 *
 * From text (YAML or JSON, by libyaml with positions) or from a project folder
 * to the model; strict, all findings at once.  And back to canonical JSON.
 *
 * Process: runner, client, loader.  Everything belongs to the given context.
 */
#ifndef ENGINE_MODEL_LOAD_H
#define ENGINE_MODEL_LOAD_H

#include "engine/model/package.h"

/*
 * Load one package document into a project of its own.  file names it in
 * findings (may be NULL); base_folder resolves sql_file (NULL forbids it).
 * Returns the project with one package, or NULL when there are errors;
 * *findings is filled in both cases and belongs to context.
 */
extern SoProject *
so_load_package_text(TALLOC_CTX *context, const char *text, size_t length, const char *file,
					 const char *base_folder, SoDiagnostics *findings);

/*
 * Load a path: a package file (its folder's project.yaml is honoured when it
 * exists, so that shared connections and siblings are known; the package asked for
 * comes first in packages, siblings that are not valid are left out), or a project
 * folder with all its packages.
 */
extern SoProject *so_load_path(TALLOC_CTX *context, const char *path, SoDiagnostics *findings);

/*
 * Load a project as the catalog stores it:
 * {"format_version":1,"name":"...","project":{...},"packages":{"name":{...}}}
 */
extern SoProject *so_load_project_json(TALLOC_CTX *context, json_t *json, SoDiagnostics *findings);

/*
 * Let the tasks of a loaded project check themselves as far as that needs no
 * connection; findings are added to *findings, in context.  Left out is what
 * cannot be judged before it runs: tasks with property expressions, and what
 * is disabled or has delay_validation, or lies in such a container.
 */
extern void
so_load_check_tasks(TALLOC_CTX *context, const SoProject *project, SoDiagnostics *findings);

/* Canonical JSON, keys in table order, defaults left out; a new reference. */
extern json_t *so_package_to_json(const SoPackage *package);
extern json_t *so_project_to_json(const SoProject *project);

/* SHA-256 of the canonical JSON, 64 hexadecimal digits, owned by context. */
extern char *so_package_content_hash(TALLOC_CTX *context, const SoPackage *package);

/* Findings for people, one block each; owned by context. */
extern char *so_diagnostics_to_text(TALLOC_CTX *context, const SoDiagnostics *findings);
extern json_t *so_diagnostics_to_json(const SoDiagnostics *findings);

#endif /* ENGINE_MODEL_LOAD_H */
