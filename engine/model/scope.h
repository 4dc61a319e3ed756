/*
 * engine/model/scope.h
 *
 * Which names an executable sees: variables of itself and of the containers
 * around it, parameters of package and project, system variables.  Gives the
 * expression compiler its declare and suggest.
 *
 * Process: runner, client, loader.  Reads the loaded model only.
 */
#ifndef ENGINE_MODEL_SCOPE_H
#define ENGINE_MODEL_SCOPE_H

#include "engine/model/package.h"

typedef struct SoScope
{
	const SoProject *project;       /* NULL: no $Project:: */
	const SoPackage *package;       /* NULL: no $Package:: */
	const SoExecutable *executable; /* NULL: no variables */
} SoScope;

/* Type of "User::x", "System::x", "$Package::x", "$Project::x" or "x"; SO_TYPE_NONE when unknown. */
extern SoDataType so_scope_declare(const SoScope *scope, const char *name);

/*
 * The whole name ("User::x") of what name means, in context; NULL when there
 * is no such thing.
 */
extern char *so_scope_qualify(TALLOC_CTX *context, const SoScope *scope, const char *name);

/* The visible name that was probably meant, in context; NULL when none is near. */
extern char *so_scope_suggest(TALLOC_CTX *context, const SoScope *scope, const char *name);

#endif /* ENGINE_MODEL_SCOPE_H */
