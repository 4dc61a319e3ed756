/*
 * gateway/request_lease.c
 *
 * Checks polls for work and writes their payloads.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request_lease.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "common/clock.h"
#include "gateway/member.h"
#include "gateway/request_part.h"

#define MAX_WAIT_MS INT_MAX
#define MAX_REASON  256
/* Numbers of the load beyond do not fit into the columns of the catalog, nor do those nearer to 0. */
#define MAX_LOAD 1e15
#define MIN_LOAD 1e-6
/* The year 9999. */
#define MAX_TIME_MS INT64_C(253402300799999)
/* The object that put_asked writes, in bytes. */
#define MAX_ASKED 2000

/*
 * One that the catalog could not store would keep the master from writing its sign of
 * life, and with it those of all other agents.
 */
static bool
is_load(const json_t *value)
{
	double size = fabs(json_number_value(value));

	return json_is_number(value) && (size == 0 || (size >= MIN_LOAD && size <= MAX_LOAD));
}

/* An optional member that must be of the type when it is there. */
static bool
copy_optional(json_t *known, const json_t *root, const char *name, bool is_text, SoError *error)
{
	const json_t *value = json_object_get(root, name);

	if (value == NULL || json_is_null(value))
		return true;
	if (is_text ? !json_is_string(value) || json_string_length(value) > MAX_REASON
				: !is_load(value))
	{
		so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL, "/%s must be %s", name,
					 is_text ? "a short string" : "a number of a usual size");
		snprintf(error->place, sizeof(error->place), "/%s", name);
		return false;
	}
	return so_request_copy_member(known, root, name, error);
}

/*
 * How far the agent's clock is ahead of this machine's, in milliseconds: it says
 * when it sent this, and how long a request took there and back the last time.  Half
 * of that is taken for the way here, so that the error is at most the other half.
 */
static bool
put_clock(json_t *known, const json_t *root, SoError *error)
{
	int64_t sent;
	int64_t round_trip = 0;

	if (json_object_get(root, "time_ms") == NULL)
		return true;
	if (!so_member_integer(root, "", "time_ms", 0, MAX_TIME_MS, &sent, error) ||
		(json_object_get(root, "round_trip_ms") != NULL &&
		 !so_member_integer(root, "", "round_trip_ms", 0, INT_MAX, &round_trip, error)))
		return false;
	if (known == NULL ||
		json_object_set_new(known, "clock_ms",
							json_integer(sent + round_trip / 2 - so_clock_unix_ms())) != 0)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

/* Why the agent asks for no more, and its load; nothing when it does not say. */
static bool
put_asked(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *known = json_object();
	bool ok = copy_optional(known, root, "reason", true, error) &&
			  copy_optional(known, root, "cpu", false, error) &&
			  copy_optional(known, root, "memory_free_mb", false, error) &&
			  copy_optional(known, root, "cpu_pressure", false, error) &&
			  copy_optional(known, root, "memory_pressure", false, error) &&
			  copy_optional(known, root, "io_pressure", false, error) &&
			  put_clock(known, root, error);

	if (ok && known != NULL && json_object_size(known) == 0)
		so_put_u32(out, 0);
	else
		ok = ok && so_request_put_body(out, known, MAX_ASKED, "the poll", error);
	json_decref(known);
	return ok;
}

bool
so_request_put_lease(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
					 SoError *error)
{
	SoRequestFields fields;

	if (!so_request_read_identity(root, &fields, error) ||
		!so_member_integer(root, "", "epoch", 0, INT64_MAX, &fields.epoch, error) ||
		!so_member_integer(root, "", "capacity", 0, SO_REQUEST_MAX_CAPACITY, &fields.capacity,
						   error) ||
		!so_member_integer(root, "", "wait_ms", 0, MAX_WAIT_MS, &fields.wait_ms, error))
		return false;
	if (fields.wait_ms > SO_LIMIT_LONG_POLL_MS)
		fields.wait_ms = SO_LIMIT_LONG_POLL_MS;
	return so_request_put_head(out, SO_REQUEST_LEASE, origin, &fields, root, error) &&
		   put_asked(out, root, error);
}
