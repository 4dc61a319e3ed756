/*
 * worker_agent/pins.h
 *
 * What the master has announced of itself: the thumbprints of its certificates
 * and those that it has retired, which are added to MasterHttpsCertThumbprint or
 * taken from it, and its address, which is tried after those of MasterEndpoint.
 * So nobody edits settings when a certificate is replaced or the master moves;
 * and what somebody does write into them is tried first.
 *
 * Process: agent.  The file SecurityDirectory/master_pins is replaced atomically.
 */
#ifndef WORKER_AGENT_PINS_H
#define WORKER_AGENT_PINS_H

#include <jansson.h>
#include <stdint.h>

#include "common/error.h"
#include "worker_agent/master_client.h"
#include "worker_agent/settings.h"

/* Retired thumbprints that are remembered; as many as internal.master_identity() announces. */
#define SO_PINS_RETIRED_MAX 256

typedef struct SoPins
{
	int64_t version;     /* of the announcement; 0: there was none */
	SoEndpoint endpoint; /* url empty: no address was announced */
	int trusted_count;
	SoThumbprint trusted[SO_PINS_MAX];
	int retired_count;
	SoThumbprint retired[SO_PINS_RETIRED_MAX];
} SoPins;

/* Read the file; without one everything is 0.  false with *error when it is damaged. */
extern bool so_pins_read(const SoSettings *settings, SoPins *pins, SoError *error) SO_WARN_UNUSED;

/* Write the file durably. */
extern bool
so_pins_write(const SoSettings *settings, const SoPins *pins, SoError *error) SO_WARN_UNUSED;

/*
 * The members version, address, thumbprints and retired of the command "rotate";
 * false when it is malformed.  An address that this version does not understand is
 * left out: the thumbprints matter more.
 */
extern bool so_pins_parse(const json_t *command, SoPins *pins) SO_WARN_UNUSED;

/*
 * Add what was announced to the address, which comes from the settings, and take
 * away the pins that were retired, but never all.
 */
extern void so_pins_apply(const SoPins *pins, SoMasterAddress *address);

#endif /* WORKER_AGENT_PINS_H */
