/*
 * worker_agent/endpoint.c
 *
 * Parses the list of masters; see endpoint.h.
 *
 * Process: agent; no state.
 */
#include "worker_agent/endpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol.h"

#define SCHEME "https://"

static bool
is_host_character(char c, bool bracketed)
{
	return isalnum((unsigned char) c) || c == '.' || c == '-' || c == '_' ||
		   (bracketed && (c == ':' || c == '%'));
}

/* One endpoint, already trimmed. */
static bool
parse_endpoint(const char *text, SoEndpoint *endpoint, SoError *error)
{
	const char *at = text;
	bool bracketed;
	size_t length = 0;

	if (strncasecmp(at, SCHEME, strlen(SCHEME)) != 0)
		return so_error_set(error, SO_ERR_AGENT_ENDPOINT_INVALID, text,
							"\"%s\" does not begin with https://", text);
	at += strlen(SCHEME);
	bracketed = *at == '[';
	if (bracketed)
		at++;
	while (is_host_character(*at, bracketed) && length < sizeof(endpoint->host) - 1)
		endpoint->host[length++] = *at++;
	endpoint->host[length] = '\0';
	if (bracketed)
	{
		if (*at == ']')
			at++;
		else
			length = 0;
	}
	if (!bracketed && *at == ':' && strchr(at + 1, ':') != NULL)
		return so_error_set(error, SO_ERR_AGENT_ENDPOINT_INVALID, text,
							"\"%s\" is not https://host:port; an IPv6 address stands in brackets: "
							"https://[2001:db8::1]:8391",
							text);
	endpoint->port = SO_DEFAULT_PORT;
	if (*at == ':')
	{
		char *end;
		long port = strtol(at + 1, &end, 10);

		if (!isdigit((unsigned char) at[1]) || port < 1 || port > 65535)
			return so_error_set(error, SO_ERR_AGENT_ENDPOINT_INVALID, text,
								"\"%s\" has no valid port", text);
		endpoint->port = (int) port;
		at = end;
	}
	/* master_properties shows the address with the route, as SSIS does. */
	if (strncmp(at, SO_ROUTE_PREFIX, strlen(SO_ROUTE_PREFIX)) == 0)
		at += strlen(SO_ROUTE_PREFIX);
	if (*at == '/')
		at++;
	if (length == 0 || *at != '\0')
		return so_error_set(error, SO_ERR_AGENT_ENDPOINT_INVALID, text,
							"\"%s\" is not https://host:port", text);
	snprintf(endpoint->url, sizeof(endpoint->url), bracketed ? "https://[%s]:%d" : "https://%s:%d",
			 endpoint->host, endpoint->port);
	return true;
}

bool
so_endpoint_parse_list(const char *text, SoEndpointList *list, SoError *error)
{
	char copy[4096];
	char *rest = copy;
	char *part;

	list->count = 0;
	if (strlen(text) >= sizeof(copy))
		return so_error_set(error, SO_ERR_AGENT_ENDPOINT_INVALID, NULL, "the list is too long");
	snprintf(copy, sizeof(copy), "%s", text);
	while ((part = strsep(&rest, ",")) != NULL)
	{
		char *end;

		while (isspace((unsigned char) *part))
			part++;
		end = part + strlen(part);
		while (end > part && isspace((unsigned char) end[-1]))
			*--end = '\0';
		if (list->count == SO_ENDPOINT_MAX)
			return so_error_set(error, SO_ERR_AGENT_ENDPOINT_INVALID, NULL,
								"there are more than %d endpoints", SO_ENDPOINT_MAX);
		if (!parse_endpoint(part, &list->endpoints[list->count], error))
			return false;
		list->count++;
	}
	return true;
}

int
so_endpoint_find(const SoEndpointList *list, const char *url)
{
	for (int i = 0; i < list->count; i++)
	{
		if (strcmp(list->endpoints[i].url, url) == 0)
			return i;
	}
	return -1;
}
