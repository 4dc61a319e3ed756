/*
 * engine/model/loader.h
 *
 * What the parts of the loader share.  Loading has two passes: the first turns
 * nodes into objects by the tables and gives everything its id and path; the
 * second, when all names are known, checks references and compiles expressions.
 *
 * Process: runner, client, loader.  One loader per load, one owner.
 */
#ifndef ENGINE_MODEL_LOADER_H
#define ENGINE_MODEL_LOADER_H

#include "engine/model/diagnostics.h"
#include "engine/model/load.h"
#include "engine/model/node.h"
#include "engine/model/object_types.h"

#define SO_MAX_EXECUTABLES 50000
#define SO_MAX_PACKAGES    5000 /* of a project */
#define SO_MAX_MEMBERS     1000 /* variables of an executable, parameters, connections */
#define SO_MAX_PATH_BYTES  4000 /* of an executable */

typedef struct SoLoader
{
	TALLOC_CTX *context; /* what is loaded */
	TALLOC_CTX *findings_context;
	SoDiagnostics *findings;
	const char *file;        /* of the document at hand; NULL when unknown */
	const char *base_folder; /* for *_file properties; NULL forbids them */
	SoProject *project;
	SoPackage *package;   /* NULL while project.yaml is read */
	const char *identity; /* uuid that missing ids are derived from */
	json_t *ids;          /* id -> path, to find ids used twice */
	json_t *paths;        /* path -> true, to find names used twice */
	bool hide_values;     /* a secret is being read: its value must not be in a finding */
} SoLoader;

/* ---- findings at a node or at a place (loader.c) ---- */

extern void so_loader_error(SoLoader *loader, const SoNode *node, SoErrorCode code,
							const char *hint, const char *format, ...) SO_PRINTF(5, 6);
extern void so_loader_warning(SoLoader *loader, const SoNode *node, SoErrorCode code,
							  const char *hint, const char *format, ...) SO_PRINTF(5, 6);
/* The same without a node: field (may be NULL) of object. */
extern void
so_loader_error_at(SoLoader *loader, const SoObject *object, const SoField *field, SoErrorCode code,
				   const char *hint, const char *format, ...) SO_PRINTF(6, 7);
extern void
so_loader_warning_at(SoLoader *loader, const SoObject *object, const SoField *field,
					 SoErrorCode code, const char *hint, const char *format, ...) SO_PRINTF(6, 7);

/* "expected X; did you mean Y?" in context; either may be NULL. */
extern char *so_loader_hint(SoLoader *loader, const char *expected, const char *nearest);

/* Is suggesting still worth its cost? */
extern bool so_loader_may_suggest(const SoLoader *loader);

/* true when node is a mapping (a sequence); otherwise reports what, e.g. "variables". */
extern bool
so_loader_expect(SoLoader *loader, const SoNode *node, SoNodeKind kind, const char *what);

/* Is list longer than limit?  Then it is reported and shall not be read. */
extern bool so_loader_too_long(SoLoader *loader, const SoNode *list, int limit, const char *what);

/* Append item to an array of count pointers that belongs to owner. */
extern void *so_loader_append(TALLOC_CTX *owner, void *array, int *count, const void *item);

/* ---- ids (identity.c) ---- */

/* UUID of version 5 for name in the namespace, as text in context. */
extern char *so_identity_derive(TALLOC_CTX *context, const char *namespace_id, const char *name);
/* The namespace that package and project ids are derived in. */
extern const char *so_identity_root(void);
/* The id in object, or a derived one put there; checks that it is unique.  path names it. */
extern char *so_loader_identify(SoLoader *loader, SoObject *object, const char *path);

/* ---- objects by their tables (read_object.c) ---- */

/*
 * Read a mapping as an object of type.  structure lists the keys that the
 * caller reads himself (NULL = none); what is in neither is reported.  A missing
 * required property is reported unless it is a key of given (may be NULL): the
 * expressions of the object, or what the caller fills in.
 */
extern SoObject *
so_loader_read_object(SoLoader *loader, const SoNode *node, const SoObjectType *type,
					  const char *const *structure, const SoNode *given);
/* A mapping with the one or two keys (second may be NULL), for given. */
extern SoNode *so_loader_given(SoLoader *loader, const char *first, const char *second);

/* expressions: {property: text}; checks that each may be set by an expression. */
extern void
so_loader_read_expressions(SoLoader *loader, const SoNode *node, const SoObjectType *type,
						   TALLOC_CTX *owner, SoPropertyExpression **list, int *count);

/* One scalar or structured value into field (read_value.c). */
extern void
so_loader_read_field(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field);
/* A scalar node as a value of its own type. */
extern SoValue so_loader_scalar(TALLOC_CTX *context, const SoNode *node);
/* A node as a value of a declared type; false after reporting. */
extern bool so_loader_typed_value(SoLoader *loader, TALLOC_CTX *context, const SoNode *node,
								  SoDataType type, SoValue *value);
/* The text of a file that a document names in node; NULL after reporting (read_file.c). */
extern char *
so_loader_read_file(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner, size_t *length);

/* ---- parts of a package ---- */

extern void so_loader_read_variables(SoLoader *loader, const SoNode *node, SoExecutable *owner);
extern void so_loader_read_parameters(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner,
									  const char *path_prefix, SoParameter ***list, int *count);
extern void so_loader_read_connections(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner,
									   bool from_project, SoConnectionManager ***list, int *count);
/* Warns about literal secrets among the properties of object. */
extern void so_loader_check_secrets(SoLoader *loader, const SoObject *object);
/* Children, constraints, variables, event handlers, expressions of executable. */
extern void so_loader_read_content(SoLoader *loader, const SoNode *node, SoExecutable *executable);
/* after of the children and precedence_constraints of the container. */
extern void
so_loader_read_constraints(SoLoader *loader, const SoNode *container_node, SoExecutable *container);

/* A whole package document; NULL after a structural error. */
extern SoPackage *so_loader_read_package(SoLoader *loader, const SoNode *node);

/* ---- whole loads (load.c) ---- */

/* Text to nodes; a file called .json must be JSON.  NULL after reporting. */
extern SoNode *so_loader_parse(TALLOC_CTX *context, const char *text, size_t length,
							   const char *file, SoDiagnostics *findings);
/* Findings go to findings, in findings_context. */
extern void so_loader_begin(SoLoader *loader, SoProject *project, TALLOC_CTX *findings_context,
							SoDiagnostics *findings, const char *file, const char *base_folder);
extern void so_loader_end(SoLoader *loader);
/* project.yaml, or the member project of a project in JSON, whose name is default_name. */
extern void so_loader_read_project(SoLoader *loader, const SoNode *node, const char *default_name);
/* First and second pass of one package, which is added to the project. */
extern SoPackage *so_loader_load_package(SoLoader *loader, const SoNode *node);

/* ---- second pass (check_references.c) ---- */

extern void so_loader_check_package(SoLoader *loader, SoPackage *package);
extern void so_loader_check_project(SoLoader *loader);
/* Execute Package tasks, when all packages of the project are there (check_children.c). */
extern void
so_loader_check_children(SoProject *project, TALLOC_CTX *context, SoDiagnostics *findings);

/* ---- structural keys (structure.c) ---- */

/* Who may have a structural key. */
#define SO_HOLDER_PACKAGE       0x01
#define SO_HOLDER_CONTAINER     0x02
#define SO_HOLDER_FOREACH       0x04
#define SO_HOLDER_TASK          0x08
#define SO_HOLDER_EVENT_HANDLER 0x10
#define SO_HOLDER_CONNECTION    0x20
#define SO_HOLDER_ENUMERATOR    0x40
#define SO_HOLDER_PROJECT       0x80

typedef struct SoStructureKey
{
	const char *name;
	unsigned holders;
	const char *kind; /* for the documents: "list of executables" */
	const char *description;
	const char *example;
} SoStructureKey;

/* All of them, terminated by a NULL name. */
extern const SoStructureKey *so_structure_keys(void);
/* Names of those that the holder may have, NULL-terminated; constant. */
extern const char *const *so_structure_names(unsigned holder);

#endif /* ENGINE_MODEL_LOADER_H */
