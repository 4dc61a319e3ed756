/*
 * gateway/pending.c
 *
 * A table of slots.  The number of a request is its slot in the lower and a
 * running number in the upper half, so that a late answer never finds another
 * request.
 *
 * Process: gateway; one thread.  What is pending when the gateway dies is asked
 * again by the agents.
 */
#include "gateway/pending.h"

#include <stdlib.h>
#include <string.h>

#define NO_SLOT        UINT32_MAX
#define FIRST_CAPACITY 64
#define SLOT_BITS      24
#define SLOT_MASK      ((UINT64_C(1) << SLOT_BITS) - 1)

void
so_pending_init(SoPending *pending)
{
	memset(pending, 0, sizeof(*pending));
	pending->first_free = NO_SLOT;
}

void
so_pending_free(SoPending *pending)
{
	free(pending->slots);
	so_pending_init(pending);
}

static bool
grow(SoPending *pending)
{
	uint32_t capacity = pending->capacity ? pending->capacity * 2 : FIRST_CAPACITY;
	SoPendingSlot *slots;

	if (capacity > SLOT_MASK)
		return false;
	slots = realloc(pending->slots, capacity * sizeof(*slots));
	if (slots == NULL)
		return false;
	for (uint32_t i = pending->capacity; i < capacity; i++)
	{
		memset(&slots[i], 0, sizeof(slots[i]));
		slots[i].next_free = i + 1 < capacity ? i + 1 : NO_SLOT;
	}
	pending->first_free = pending->capacity;
	pending->slots = slots;
	pending->capacity = capacity;
	return true;
}

uint64_t
so_pending_add(SoPending *pending, SoDoorConnection *connection, SoRequestKind kind, size_t bytes)
{
	uint32_t index;
	SoPendingSlot *slot;

	if (pending->first_free == NO_SLOT && !grow(pending))
		return 0;
	index = pending->first_free;
	slot = &pending->slots[index];
	pending->first_free = slot->next_free;
	slot->request = ++pending->sequence << SLOT_BITS | index;
	slot->connection = connection;
	slot->kind = kind;
	slot->bytes = bytes;
	pending->count++;
	pending->bytes += bytes;
	return slot->request;
}

bool
so_pending_take(SoPending *pending, uint64_t request, SoPendingSlot *slot)
{
	uint64_t index = request & SLOT_MASK;

	if (request == 0 || index >= pending->capacity || pending->slots[index].request != request)
		return false;
	*slot = pending->slots[index];
	pending->slots[index].request = 0;
	pending->slots[index].connection = NULL;
	pending->slots[index].next_free = pending->first_free;
	pending->first_free = (uint32_t) index;
	pending->count--;
	pending->bytes -= slot->bytes;
	return true;
}
