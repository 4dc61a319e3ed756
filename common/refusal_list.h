/*
 * common/refusal_list.h
 *
 * Refused connections, counted: who knocked with which certificate, why it was
 * turned away, how often and when.  The list has a fixed size, whatever comes
 * outside: what was seen least recently makes room, and one network has a share of
 * the list only, so that a flood from there does not push the others out.
 *
 * Process: gateway and master, each with a list of its own; no locking.
 */
#ifndef COMMON_REFUSAL_LIST_H
#define COMMON_REFUSAL_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/thumbprint.h"

#define SO_REFUSAL_MAX         64
#define SO_REFUSAL_PER_NETWORK 16

/* Texts are terminated and UTF-8; times in milliseconds of CLOCK_MONOTONIC unless said otherwise. */
typedef struct SoRefusal
{
	char state[6];                            /* "SO302" */
	char address[48];                         /* without a port */
	char network[48];                         /* of it: the address itself, or its IPv6 /64 */
	char thumbprint[SO_THUMBPRINT_TEXT_SIZE]; /* empty: no certificate came */
	char reason[128];
	char subject[256];
	int64_t not_before; /* of the certificate, Unix seconds; 0 without one */
	int64_t not_after;
	int64_t first_ms;
	int64_t last_ms;
	uint64_t count;
} SoRefusal;

typedef struct SoRefusalList
{
	uint32_t count;
	SoRefusal entries[SO_REFUSAL_MAX];
} SoRefusalList;

extern void so_refusal_list_clear(SoRefusalList *list);

/*
 * Add what was counted elsewhere.  An entry with the same state, address and
 * thumbprint takes it up: the counts are added, and the later one's texts stay.
 */
extern void so_refusal_list_add(SoRefusalList *list, const SoRefusal *refusal);

#endif /* COMMON_REFUSAL_LIST_H */
