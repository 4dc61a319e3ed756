/*
 * common/refusal_list.c
 *
 * A small list that is searched from end to end; see refusal_list.h.
 *
 * Process: gateway and master; no state of its own.  What is in a list when its
 * process dies is lost; whoever is refused knocks again.
 */
#include "common/refusal_list.h"

#include <stdbool.h>
#include <string.h>

void
so_refusal_list_clear(SoRefusalList *list)
{
	memset(list, 0, sizeof(*list));
}

static bool
is_same(const SoRefusal *one, const SoRefusal *other)
{
	return strcmp(one->state, other->state) == 0 && strcmp(one->address, other->address) == 0 &&
		   strcmp(one->thumbprint, other->thumbprint) == 0;
}

/* The entry that was seen least recently; of a network, or of all (NULL). */
static SoRefusal *
oldest(SoRefusalList *list, const char *network)
{
	SoRefusal *found = NULL;

	for (uint32_t i = 0; i < list->count; i++)
	{
		SoRefusal *entry = &list->entries[i];

		if ((network == NULL || strcmp(entry->network, network) == 0) &&
			(found == NULL || entry->last_ms < found->last_ms))
			found = entry;
	}
	return found;
}

static uint32_t
share_of(const SoRefusalList *list, const char *network)
{
	uint32_t share = 0;

	for (uint32_t i = 0; i < list->count; i++)
		share += strcmp(list->entries[i].network, network) == 0;
	return share;
}

/* A place for an entry of this network. */
static SoRefusal *
make_room(SoRefusalList *list, const char *network)
{
	bool over_share = share_of(list, network) >= SO_REFUSAL_PER_NETWORK;

	if (!over_share && list->count < SO_REFUSAL_MAX)
		return &list->entries[list->count++];
	return oldest(list, over_share ? network : NULL);
}

void
so_refusal_list_add(SoRefusalList *list, const SoRefusal *refusal)
{
	for (uint32_t i = 0; i < list->count; i++)
	{
		SoRefusal *entry = &list->entries[i];
		SoRefusal earlier = *entry;

		if (!is_same(entry, refusal))
			continue;
		if (refusal->last_ms >= entry->last_ms)
			*entry = *refusal;
		entry->count = earlier.count + refusal->count;
		entry->first_ms =
			earlier.first_ms < refusal->first_ms ? earlier.first_ms : refusal->first_ms;
		return;
	}
	*make_room(list, refusal->network) = *refusal;
}
