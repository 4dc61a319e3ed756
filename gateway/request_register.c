/*
 * gateway/request_register.c
 *
 * Checks registrations and joins and writes their payloads.  Of a certificate the
 * master gets the facts: it parses none that comes from outside.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request_register.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/member.h"
#include "gateway/request_part.h"

#define MAX_CAPABILITIES (64 * 1024)
#define MAX_CERTIFICATE  (16 * 1024)

/* What the master learns of a certificate; NULL when memory is short. */
static json_t *
facts_object(const SoCertificateFacts *facts)
{
	json_t *names = json_array();

	for (size_t i = 0; names != NULL && i < facts->name_count; i++)
		json_array_append_new(names, json_string(facts->names[i]));
	return json_pack("{s:s, s:s, s:o, s:I, s:I}", "thumbprint", facts->thumbprint_text, "subject",
					 facts->subject, "names", names, "not_before", (json_int_t) facts->not_before,
					 "not_after", (json_int_t) facts->not_after);
}

/* ---- register ---------------------------------------------------------------- */

static bool
check_registration(const json_t *root, SoError *error)
{
	static const char *const texts[] = {
		"version", "display_name", "description", "machine_name", "user_account",
	};
	const char *text;
	int64_t protocol;
	int64_t tasks;

	if (!so_member_integer(root, "", "protocol", 0, INT32_MAX, &protocol, error))
		return false;
	if (protocol < SO_PROTOCOL_OLDEST || protocol > SO_PROTOCOL_VERSION)
	{
		so_error_set(error, SO_ERR_PROTOCOL_UNKNOWN, "/protocol",
					 "version %" PRId64 " of the protocol is not spoken", protocol);
		return so_error_detail(error, "Versions %d to %d are spoken.", SO_PROTOCOL_OLDEST,
							   SO_PROTOCOL_VERSION);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (!so_member_text(root, "", texts[i], SO_REQUEST_MAX_TEXT, &text, error))
			return false;
	}
	return so_member_integer(root, "", "max_task_count", 0, SO_REQUEST_MAX_CAPACITY, &tasks,
							 error) &&
		   so_member_object(json_object_get(root, "capabilities"), "/capabilities", error);
}

/* What the master gets of a registration: the known members only. */
static bool
copy_known_members(json_t *known, const json_t *root, SoError *error)
{
	static const char *const names[] = {
		"protocol",       "agent_id",     "instance_id",  "version",
		"display_name",   "description",  "machine_name", "user_account",
		"max_task_count", "capabilities", "held",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (!so_request_copy_member(known, root, names[i], error))
			return false;
	}
	return true;
}

/*
 * The members that need not be there: pins_version, tasks_root_folder,
 * settings_file, and next_certificate, a PEM text of which the master gets the facts.
 */
static bool
copy_optional_members(json_t *known, const json_t *root, SoError *error)
{
	SoCertificateFacts facts;
	static const char *const paths[] = {"tasks_root_folder", "settings_file"};
	const char *pem;
	const char *path;
	int64_t version;

	if (json_object_get(root, "pins_version") != NULL &&
		(!so_member_integer(root, "", "pins_version", 0, INT64_MAX, &version, error) ||
		 !so_request_copy_member(known, root, "pins_version", error)))
		return false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
	{
		if (json_object_get(root, paths[i]) != NULL &&
			(!so_member_text(root, "", paths[i], SO_REQUEST_MAX_PATH, &path, error) ||
			 !so_request_copy_member(known, root, paths[i], error)))
			return false;
	}
	if (json_object_get(root, "next_certificate") == NULL)
		return true;
	if (!so_member_text(root, "", "next_certificate", MAX_CERTIFICATE, &pem, error) ||
		!so_certificate_read(pem, strlen(pem), &facts, error))
		return false;
	if (json_object_set_new(known, "next_certificate", facts_object(&facts)) != 0)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

static bool
put_registration(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *known = json_object();
	bool ok = copy_known_members(known, root, error) && copy_optional_members(known, root, error) &&
			  so_request_put_body(out, known, SO_LIMIT_BODY, "the registration", error);

	json_decref(known);
	return ok;
}

static bool
check_capabilities(const json_t *root, SoError *error)
{
	SoByteBuffer scratch;
	bool ok;

	so_byte_buffer_init(&scratch);
	ok = so_request_put_json(&scratch, json_object_get(root, "capabilities"), MAX_CAPABILITIES,
							 "/capabilities", error);
	so_byte_buffer_free(&scratch);
	return ok;
}

bool
so_request_put_register(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
						SoError *error)
{
	SoRequestFields fields = {.epoch = 0};

	return check_registration(root, error) && check_capabilities(root, error) &&
		   so_request_read_identity(root, &fields, error) &&
		   so_request_put_head(out, SO_REQUEST_REGISTER, origin, &fields, root, error) &&
		   put_registration(out, root, error);
}

/* ---- join ----------------------------------------------------------------------- */

bool
so_request_put_join(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
					SoError *error)
{
	SoRequestFields fields = {.epoch = 0};
	SoUuid token;
	const char *secret;
	const char *machine;
	const char *token_text;
	json_t *known;
	bool ok;

	if (origin->certificate == NULL)
		return so_error_set(error, SO_ERR_CERTIFICATE_REQUIRED, NULL,
							"the client sent no certificate");
	if (!so_member_uuid(root, "", "agent_id", &fields.agent_id, error) ||
		!so_member_uuid(root, "", "token", &token, error) ||
		!so_member_text(root, "", "token", SO_REQUEST_MAX_TEXT, &token_text, error) ||
		!so_member_text(root, "", "secret", SO_REQUEST_MAX_TEXT, &secret, error) ||
		!so_member_text(root, "", "machine_name", SO_REQUEST_MAX_TEXT, &machine, error))
		return false;
	known = json_pack("{s:s, s:s, s:s, s:o}", "token", token_text, "secret", secret, "machine_name",
					  machine, "certificate", facts_object(origin->certificate));
	ok = so_request_put_head(out, SO_REQUEST_JOIN, origin, &fields, NULL, error) &&
		 so_request_put_body(out, known, SO_LIMIT_BODY, "the request", error);
	json_decref(known);
	return ok;
}
