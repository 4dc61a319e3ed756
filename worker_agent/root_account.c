/*
 * worker_agent/root_account.c
 *
 * Tells the root of the machine from that of a user namespace.
 *
 * Process: agent, or a short-lived command; reads only.
 */
#include "worker_agent/root_account.h"

#include <stdio.h>
#include <unistd.h>

bool
so_root_account(uid_t uid, const char *uid_map_file)
{
	unsigned inside;
	unsigned outside;
	unsigned count;
	bool real = true;
	FILE *map;

	if (uid != 0)
		return false;
	map = fopen(uid_map_file, "re");
	if (map == NULL)
		return true;
	/* "0 0 4294967295" where there is no namespace. */
	while (fscanf(map, "%u %u %u", &inside, &outside, &count) == 3)
	{
		if (inside == 0 && count > 0)
			real = outside == 0;
	}
	fclose(map);
	return real;
}

bool
so_root_account_is_ours(void)
{
	return so_root_account(geteuid(), "/proc/self/uid_map");
}
