/*
 * gateway/trust.c
 *
 * Keeps the set of trusted thumbprints as a sorted array: sets change rarely
 * and arrive whole, look-ups happen with every request.
 *
 * Process: gateway; one thread.  A gateway that dies gets the set again from
 * the master when it is started anew.
 */
#include "gateway/trust.h"

#include <stdlib.h>
#include <string.h>

void
so_trust_init(SoTrust *trust)
{
	memset(trust, 0, sizeof(*trust));
}

void
so_trust_free(SoTrust *trust)
{
	free(trust->entries);
	memset(trust, 0, sizeof(*trust));
}

/* Sort entries and drop duplicates; returns how many are left. */
static size_t
sort_unique(SoTrustEntry *entries, size_t count)
{
	size_t kept = 0;

	if (count == 0)
		return 0;
	/* The thumbprint is the first member, so the comparison fits entries. */
	qsort(entries, count, sizeof(*entries), so_thumbprint_compare);
	for (size_t i = 1; i < count; i++)
	{
		if (!so_thumbprint_equal(&entries[kept].thumbprint, &entries[i].thumbprint))
			entries[++kept] = entries[i];
	}
	return kept + 1;
}

bool
so_trust_replace(SoTrust *trust, const uint8_t *thumbprints, size_t count)
{
	SoTrustEntry *entries = calloc(count > 0 ? count : 1, sizeof(*entries));

	if (entries == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		memcpy(entries[i].thumbprint.bytes, thumbprints + i * SO_THUMBPRINT_SIZE,
			   SO_THUMBPRINT_SIZE);
	count = sort_unique(entries, count);
	for (size_t i = 0; i < count; i++)
	{
		const SoTrustEntry *old = so_trust_find(trust, &entries[i].thumbprint);

		if (old != NULL)
			entries[i] = *old;
	}
	free(trust->entries);
	trust->entries = entries;
	trust->count = count;
	trust->received = true;
	return true;
}

SoTrustEntry *
so_trust_find(const SoTrust *trust, const SoThumbprint *thumbprint)
{
	if (trust->count == 0)
		return NULL;
	return bsearch(thumbprint, trust->entries, trust->count, sizeof(*trust->entries),
				   so_thumbprint_compare);
}
