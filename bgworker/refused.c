/*
 * bgworker/refused.c
 *
 * Keeps what the gateway says of refused connections in a list of fixed size and
 * writes it with the master's next sign of life.  So strangers cost no transaction
 * of their own, however many they are, and an idle master stays idle.
 *
 * Process: master.  Shared data: internal.refused_connection, through
 * internal.master_refused.  A crash loses what was not written; whoever is refused
 * knocks again.
 */
#include "postgres.h"

#include "bgworker/refused.h"

#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "common/refusal_list.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* What is to be written; only the master's main loop uses it. */
static SoRefusalList pending;

static SoSpiStatement refused_statement = {
	.sql = "SELECT internal.master_refused($1)", .n_arguments = 1, .types = {TEXTARRAYOID}};

/* A text of the gateway, cut at the end of a character. */
static bool
read_text(SoFieldReader *reader, char *to, size_t size)
{
	size_t length;
	const char *text = so_get_block(reader, &length);

	if (text == NULL || !pg_verify_mbstr(PG_UTF8, text, (int) length, true))
		return false;
	length = pg_encoding_mbcliplen(PG_UTF8, text, (int) length, (int) size - 1);
	memcpy(to, text, length);
	to[length] = '\0';
	return true;
}

static bool
read_refusal(SoFieldReader *reader, SoRefusal *refusal)
{
	memset(refusal, 0, sizeof(*refusal));
	if (!read_text(reader, refusal->state, sizeof(refusal->state)) ||
		!read_text(reader, refusal->address, sizeof(refusal->address)) ||
		!read_text(reader, refusal->network, sizeof(refusal->network)) ||
		!read_text(reader, refusal->thumbprint, sizeof(refusal->thumbprint)) ||
		!read_text(reader, refusal->reason, sizeof(refusal->reason)) ||
		!read_text(reader, refusal->subject, sizeof(refusal->subject)))
		return false;
	refusal->not_before = (int64) so_get_u64(reader);
	refusal->not_after = (int64) so_get_u64(reader);
	refusal->first_ms = (int64) so_get_u64(reader);
	refusal->last_ms = (int64) so_get_u64(reader);
	/* Sums of it must fit into a bigint of the catalog. */
	refusal->count = so_get_u64(reader);
	refusal->count = Min(refusal->count, PG_UINT32_MAX);
	return !reader->failed;
}

bool
so_refused_take(const SoFrame *frame)
{
	SoFieldReader reader;
	uint32 n;

	so_field_reader_init(&reader, frame->payload, frame->length);
	n = so_get_u32(&reader);
	if (reader.failed || n > SO_REFUSAL_MAX)
		return false;
	for (uint32 i = 0; i < n; i++)
	{
		SoRefusal refusal;

		if (!read_refusal(&reader, &refusal))
			return false;
		so_refusal_list_add(&pending, &refusal);
	}
	return so_field_reader_done(&reader);
}

static void
add_text(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, "\"%s\":", name);
	escape_json(json, value);
	appendStringInfoChar(json, ',');
}

static Datum
json_of(const SoMaster *master, const SoRefusal *refusal)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "code", refusal->state);
	add_text(&json, "address", refusal->address);
	add_text(&json, "network", refusal->network);
	add_text(&json, "thumbprint", refusal->thumbprint);
	add_text(&json, "reason", refusal->reason);
	add_text(&json, "subject", refusal->subject);
	if (refusal->thumbprint[0] != '\0')
		appendStringInfo(&json, "\"not_before\":" INT64_FORMAT ",\"not_after\":" INT64_FORMAT ",",
						 refusal->not_before, refusal->not_after);
	appendStringInfo(&json,
					 "\"first_ago_ms\":" INT64_FORMAT ",\"last_ago_ms\":" INT64_FORMAT
					 ",\"count\":" UINT64_FORMAT "}",
					 Max(master->now_ms - refusal->first_ms, 0),
					 Max(master->now_ms - refusal->last_ms, 0), refusal->count);
	return CStringGetTextDatum(json.data);
}

void
so_refused_apply(SoMaster *master, SoBatch *batch)
{
	Datum texts[SO_REFUSAL_MAX];
	Datum arguments[1];

	if (pending.count == 0)
		return;
	for (uint32 i = 0; i < pending.count; i++)
		texts[i] = json_of(master, &pending.entries[i]);
	arguments[0] = so_spi_text_array(texts, (int) pending.count);
	(void) so_spi_run(&refused_statement, arguments, NULL);
}

void
so_refused_done(SoMaster *master, SoBatch *batch)
{
	if (batch->online)
		so_refusal_list_clear(&pending);
}
