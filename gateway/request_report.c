/*
 * gateway/request_report.c
 *
 * Checks reports and writes their payloads.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request_report.h"

#include <stdio.h>

#include "gateway/member.h"
#include "gateway/request_part.h"

/* "/items/1234" */
#define POINTER_SIZE 48

/* What the master needs to file an item; the rest is looked at where it is stored. */
static bool
check_item(const json_t *item, const char *pointer, SoError *error)
{
	SoUuid task;
	int64_t number;
	const char *type;

	return so_member_object(item, pointer, error) &&
		   so_member_uuid(item, pointer, "task", &task, error) &&
		   so_member_integer(item, pointer, "attempt", 1, INT32_MAX, &number, error) &&
		   so_member_integer(item, pointer, "sequence", 1, INT64_MAX, &number, error) &&
		   so_member_text(item, pointer, "type", SO_REQUEST_MAX_TEXT, &type, error);
}

static bool
put_items(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *items;
	size_t index;
	const json_t *item;
	size_t begin;

	if (!so_member_array(root, "", "items", SO_LIMIT_ITEMS, &items, error))
		return false;
	begin = so_request_begin_block(out);
	so_put_u8(out, '[');
	json_array_foreach(items, index, item)
	{
		char pointer[POINTER_SIZE];

		snprintf(pointer, sizeof(pointer), "/items/%zu", index);
		if (index > 0)
			so_put_u8(out, ',');
		if (!check_item(item, pointer, error) ||
			!so_request_put_json(out, item, SO_LIMIT_ITEM, pointer, error))
			return false;
	}
	so_put_u8(out, ']');
	so_request_end_block(out, begin);
	return true;
}

bool
so_request_put_report(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
					  SoError *error)
{
	SoRequestFields fields = {.capacity = 0, .wait_ms = 0};

	return so_request_read_identity(root, &fields, error) &&
		   so_member_integer(root, "", "epoch", 0, INT64_MAX, &fields.epoch, error) &&
		   so_request_put_head(out, SO_REQUEST_REPORT, origin, &fields, root, error) &&
		   put_items(out, root, error);
}
