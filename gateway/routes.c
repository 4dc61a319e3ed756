/*
 * gateway/routes.c
 *
 * The routes of the endpoint, and the answers to all others.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/routes.h"

#include <stdlib.h>
#include <string.h>

static const struct
{
	const char *path;
	SoRequestKind kind;
} routes[] = {
	{SO_ROUTE_REGISTER, SO_REQUEST_REGISTER}, {SO_ROUTE_LEASE, SO_REQUEST_LEASE},
	{SO_ROUTE_REPORT, SO_REQUEST_REPORT},     {SO_ROUTE_JOIN, SO_REQUEST_JOIN},
	{SO_ROUTE_TASK_LOG, SO_REQUEST_TASK_LOG},
};

/* Is this a route of ours of a version that is not spoken, "/ClusterManagement/v7/..."? */
static bool
is_other_version(const char *path)
{
	static const char prefix[] = SO_ROUTE_PREFIX "/v";
	const char *digits = path + sizeof(prefix) - 1;
	size_t count;
	long version;

	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	count = strspn(digits, "0123456789");
	if (count == 0 || (digits[count] != '/' && digits[count] != '\0'))
		return false;
	version = count > 6 ? 1000000 : strtol(digits, NULL, 10);
	return version < SO_PROTOCOL_OLDEST || version > SO_PROTOCOL_VERSION;
}

bool
so_routes_find(const char *path, bool is_post, SoRequestKind *kind, SoError *error)
{
	if (path == NULL)
		path = "";
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
	{
		if (strcmp(path, routes[i].path) != 0)
			continue;
		*kind = routes[i].kind;
		if (is_post)
			return true;
		return so_error_set(error, SO_ERR_METHOD_NOT_ALLOWED, path, "this route takes POST only");
	}
	if (is_other_version(path))
	{
		so_error_set(error, SO_ERR_PROTOCOL_UNKNOWN, NULL,
					 "this version of the protocol is not spoken");
		return so_error_detail(error, "Versions %d to %d are spoken.", SO_PROTOCOL_OLDEST,
							   SO_PROTOCOL_VERSION);
	}
	return so_error_set(error, SO_ERR_ROUTE_UNKNOWN, NULL, "there is no route \"%.100s\"", path);
}
