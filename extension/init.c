/*
 * extension/init.c
 *
 * Loads the library: settings, shared memory, transaction callbacks, hooks and
 * the launcher.
 *
 * Process: the postmaster under shared_preload_libraries; children inherit
 * everything.  A backend that loads the library without preload gets nothing:
 * its functions then say what to do (SO105).
 */
#include "postgres.h"

#include "bgworker/registration.h"
#include "extension/binding.h"
#include "extension/compat.h"
#include "extension/data_key.h"
#include "extension/master_key.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "extension/utility_hook.h"
#include "extension/wake.h"
#include "fmgr.h"
#include "miscadmin.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	so_settings_init();
	so_shared_memory_init();
	so_wake_init();
	so_utility_hook_init();
	so_binding_init();
	so_master_key_init();
	so_data_key_init();
	so_registration_launcher();
}
