/*
 * worker_agent/held.c
 *
 * Keeps the attempts that the agent holds; see held.h.
 *
 * Process: agent, event loop thread, no locking.  Lost with the process, on
 * purpose: what is not in the spool is not held after a restart.
 */
#include "worker_agent/held.h"

#include <stdio.h>
#include <string.h>

#define BUCKETS 1024

static const char *const state_names[] = {
	[SO_HELD_RUNNING] = "running",
	[SO_HELD_STOPPING] = "stopping",
	[SO_HELD_FINISHED] = "finished",
};

struct SoHeld
{
	SoAttemptList list;
	SoAttemptList gone; /* oldest first */
	SoAttempt *buckets[BUCKETS];
	int count;
	int active;
};

static unsigned
bucket_of(const SoUuid *task)
{
	/* Task ids are random, so any of their bytes serve. */
	return (unsigned) (task->bytes[0] << 8 | task->bytes[1]) % BUCKETS;
}

SoHeld *
so_held_create(TALLOC_CTX *context)
{
	SoHeld *held = talloc_zero(context, SoHeld);

	TAILQ_INIT(&held->list);
	TAILQ_INIT(&held->gone);
	return held;
}

SoAttemptList *
so_held_list(SoHeld *held)
{
	return &held->list;
}

SoAttempt *
so_held_find(const SoHeld *held, const SoUuid *task, uint32_t attempt)
{
	SoAttempt *entry = held->buckets[bucket_of(task)];

	while (entry != NULL && (entry->attempt != attempt || !so_uuid_equal(&entry->task, task)))
		entry = entry->next_in_bucket;
	return entry;
}

SoAttempt *
so_held_other_attempt(SoHeld *held, const SoAttempt *attempt)
{
	SoAttempt *entry = held->buckets[bucket_of(&attempt->task)];

	for (; entry != NULL; entry = entry->next_in_bucket)
	{
		if (entry != attempt && entry->runner != NULL &&
			so_uuid_equal(&entry->task, &attempt->task))
			return entry;
	}
	return NULL;
}

static bool
occupies_slot(const SoAttempt *attempt)
{
	return !attempt->gone && attempt->state != SO_HELD_FINISHED;
}

static SoAttempt *
add(SoHeld *held, const SoUuid *task, uint32_t attempt, SoHeldState state)
{
	SoAttempt *entry = talloc_zero(held, SoAttempt);
	unsigned bucket = bucket_of(task);

	entry->task = *task;
	so_uuid_format(task, entry->task_text);
	entry->attempt = attempt;
	entry->subject.task = entry->task_text;
	entry->subject.attempt = attempt;
	entry->state = state;
	entry->next_in_bucket = held->buckets[bucket];
	held->buckets[bucket] = entry;
	TAILQ_INSERT_TAIL(&held->list, entry, link);
	held->count++;
	if (occupies_slot(entry))
		held->active++;
	return entry;
}

SoAttempt *
so_held_grant(SoHeld *held, const SoUuid *task, uint32_t attempt, int64_t lease_interval_ms,
			  int64_t now_ms)
{
	SoAttempt *entry;

	if (so_held_find(held, task, attempt) != NULL)
		return NULL;
	entry = add(held, task, attempt, SO_HELD_RUNNING);
	entry->lease_interval_ms = lease_interval_ms;
	entry->renewed_ms = now_ms;
	return entry;
}

SoAttempt *
so_held_restore(SoHeld *held, const SoUuid *task, uint32_t attempt)
{
	SoAttempt *entry = so_held_find(held, task, attempt);

	return entry != NULL ? entry : add(held, task, attempt, SO_HELD_FINISHED);
}

void
so_held_set_state(SoHeld *held, SoAttempt *attempt, SoHeldState state)
{
	if (attempt->gone)
		return;
	if (occupies_slot(attempt))
		held->active--;
	attempt->state = state;
	if (occupies_slot(attempt))
		held->active++;
}

void
so_held_drop(SoHeld *held, SoAttempt *attempt, uint64_t newest_lease_request)
{
	if (attempt->gone)
		return;
	if (occupies_slot(attempt))
		held->active--;
	held->count--;
	attempt->gone = true;
	attempt->gone_at = newest_lease_request;
	TAILQ_REMOVE(&held->list, attempt, link);
	TAILQ_INSERT_TAIL(&held->gone, attempt, link);
}

static void
unlink_from_bucket(SoHeld *held, SoAttempt *attempt)
{
	SoAttempt **at = &held->buckets[bucket_of(&attempt->task)];

	while (*at != attempt)
		at = &(*at)->next_in_bucket;
	*at = attempt->next_in_bucket;
}

void
so_held_forget(SoHeld *held, uint64_t oldest_open)
{
	SoAttempt *entry = TAILQ_FIRST(&held->gone);

	/* gone_at grows along the list; an entry with a living runner waits for its end. */
	while (entry != NULL && entry->gone_at < oldest_open)
	{
		SoAttempt *next = TAILQ_NEXT(entry, link);

		if (entry->runner == NULL)
		{
			TAILQ_REMOVE(&held->gone, entry, link);
			unlink_from_bucket(held, entry);
			talloc_free(entry);
		}
		entry = next;
	}
}

int
so_held_count(const SoHeld *held)
{
	return held->count;
}

int
so_held_active(const SoHeld *held)
{
	return held->active;
}

void
so_held_write(SoHeld *held, SoByteBuffer *out, SoHeldChannel channel, uint64_t request)
{
	SoAttempt *entry;
	bool first = true;

	so_put_bytes(out, "[", 1);
	TAILQ_FOREACH(entry, &held->list, link)
	{
		char text[128];
		int length =
			snprintf(text, sizeof(text), "%s{\"task\":\"%s\",\"attempt\":%u,\"state\":\"%s\"}",
					 first ? "" : ",", entry->task_text, entry->attempt, state_names[entry->state]);

		so_put_bytes(out, text, (size_t) length);
		entry->listed[channel] = request;
		first = false;
	}
	so_put_bytes(out, "]", 1);
}

void
so_held_renew(SoHeld *held, SoHeldChannel channel, uint64_t request, int64_t sent_ms)
{
	SoAttempt *entry;

	TAILQ_FOREACH(entry, &held->list, link)
	{
		/*
		 * Two lease requests can be open; what a newer one listed may have come
		 * after this one was sent, but then renewed_ms is later than sent_ms.
		 */
		if (entry->listed[channel] >= request && entry->renewed_ms < sent_ms)
			entry->renewed_ms = sent_ms;
	}
}

int64_t
so_held_deadline(const SoAttempt *attempt, int64_t tolerance_ms)
{
	int64_t interval = attempt->lease_interval_ms;

	return attempt->renewed_ms + (interval < tolerance_ms ? interval : tolerance_ms);
}

int64_t
so_held_renewal_due(const SoAttempt *attempt)
{
	return attempt->renewed_ms + attempt->lease_interval_ms / 3;
}

int
so_held_capacity(const SoHeld *held, int max_task_count)
{
	int free_slots = max_task_count - held->active;
	int room = SO_LIMIT_HELD - held->count;

	if (free_slots > room)
		free_slots = room;
	return free_slots > 0 ? free_slots : 0;
}
