/*
 * worker_agent/endpoint.h
 *
 * The list of masters in MasterEndpoint: https://host:port, several separated
 * by commas (a cluster whose members take over from each other).
 *
 * Process: agent; plain values.
 */
#ifndef WORKER_AGENT_ENDPOINT_H
#define WORKER_AGENT_ENDPOINT_H

#include <stdbool.h>

#include "common/error.h"

#define SO_ENDPOINT_MAX 16

typedef struct SoEndpoint
{
	char host[256]; /* without brackets */
	int port;
	char url[300]; /* https://host:port, brackets around IPv6 */
} SoEndpoint;

typedef struct SoEndpointList
{
	int count;
	SoEndpoint
		endpoints[SO_ENDPOINT_MAX + 1]; /* of the setting, and one that the master announced */
} SoEndpointList;

/* Parse the setting; the port may be left out (8391).  false with SO409. */
extern bool
so_endpoint_parse_list(const char *text, SoEndpointList *list, SoError *error) SO_WARN_UNUSED;

/* The index of the endpoint with this url, -1 when there is none. */
extern int so_endpoint_find(const SoEndpointList *list, const char *url);

#endif /* WORKER_AGENT_ENDPOINT_H */
