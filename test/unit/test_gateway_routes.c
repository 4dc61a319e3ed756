/*
 * test/unit/test_gateway_routes.c
 *
 * Paths and methods, and what each wrong one is told.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/routes.h"

static void
test_routes(void **state)
{
	static const struct
	{
		const char *path;
		bool is_post;
		SoErrorCode code;
		SoRequestKind kind;
	} rows[] = {
		{"/ClusterManagement/v1/register", true, SO_OK, SO_REQUEST_REGISTER},
		{"/ClusterManagement/v1/lease", true, SO_OK, SO_REQUEST_LEASE},
		{"/ClusterManagement/v1/report", true, SO_OK, SO_REQUEST_REPORT},
		{"/ClusterManagement/v1/join", true, SO_OK, SO_REQUEST_JOIN},
		{"/ClusterManagement/v1/task_log", true, SO_OK, SO_REQUEST_TASK_LOG},
		{"/ClusterManagement/v1/task_log", false, SO_ERR_METHOD_NOT_ALLOWED, 0},
		{"/ClusterManagement/v1/lease", false, SO_ERR_METHOD_NOT_ALLOWED, 0},
		{"/ClusterManagement/v1/lease/", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"/ClusterManagement/v1/Lease", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"/clustermanagement/v1/lease", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"/ClusterManagement/v1", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"/ClusterManagement/v0/lease", true, SO_ERR_PROTOCOL_UNKNOWN, 0},
		{"/ClusterManagement/v2/lease", true, SO_ERR_PROTOCOL_UNKNOWN, 0},
		{"/ClusterManagement/v2", false, SO_ERR_PROTOCOL_UNKNOWN, 0},
		{"/ClusterManagement/v99999999999999999999/lease", true, SO_ERR_PROTOCOL_UNKNOWN, 0},
		{"/ClusterManagement/v1x/lease", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"/ClusterManagement/v/lease", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"/", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{"", true, SO_ERR_ROUTE_UNKNOWN, 0},
		{NULL, false, SO_ERR_ROUTE_UNKNOWN, 0},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoRequestKind kind = 0;
		SoError error;

		so_error_clear(&error);
		assert_int_equal(so_routes_find(rows[i].path, rows[i].is_post, &kind, &error),
						 rows[i].code == SO_OK);
		assert_int_equal(error.code, rows[i].code);
		if (rows[i].code == SO_OK)
			assert_int_equal(kind, rows[i].kind);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
