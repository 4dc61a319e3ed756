/*
 * bgworker/intake.c
 *
 * Takes the frames of the gateway out of the input buffer: requests for the
 * batch, log lines for the server log, where it listens, why it fails.
 *
 * Process: master.  Shared data: none.  Frames that were not handled when the
 * master died belong to requests without an answer, which agents repeat.
 */
#include "postgres.h"

#include "bgworker/intake.h"

#include "bgworker/admission.h"
#include "bgworker/agents.h"
#include "bgworker/leases.h"
#include "bgworker/refused.h"
#include "bgworker/server_log.h"
#include "common/log.h"
#include "extension/error.h"
#include "extension/master_news.h"
#include "utils/memutils.h"

/* One turn: enough to fill a transaction, little enough to keep it short. */
#define MESSAGES_PER_TURN 1000
#define BYTES_PER_TURN    (16 * 1024 * 1024)

/* The code with this text, for what comes from another process. */
static int
sqlstate_of(const char *state)
{
	SoErrorCode code = so_error_from_state(state);

	return so_error_sqlstate(code != SO_OK ? code : SO_ERR_INTERNAL);
}

static bool
take_hello(SoMaster *master, const SoFrame *frame)
{
	char *version;

	if (!so_gateway_frames_strings(frame, 0, &version, 1))
		return false;
	if (strcmp(version, SO_VERSION) == 0)
		return true;
	ereport(WARNING,
			(so_errcode(SO_ERR_VERSION_MISMATCH),
			 errmsg("the scaleout gateway is of version %s, the library of version %s", version,
					SO_VERSION),
			 errhint("Install the programs of version %s, or set \"scaleout.program_directory\".",
					 SO_VERSION)));
	so_master_news_failed(so_error_state(SO_ERR_VERSION_MISMATCH),
						  "the programs are not of the version of the library, " SO_VERSION,
						  psprintf("The gateway is of version %s.", version),
						  "Install the programs of the library's version, or set "
						  "\"scaleout.program_directory\".");
	so_gateway_process_kill(&master->gateway);
	return true;
}

/* LISTENING: string addresses, u16 port, string thumbprint. */
static bool
take_listening(SoMaster *master, const SoFrame *frame)
{
	SoFieldReader reader;
	size_t address_size;
	size_t thumbprint_size;
	const char *address;
	const char *thumbprint;
	uint16 port;

	so_field_reader_init(&reader, frame->payload, frame->length);
	address = so_get_block(&reader, &address_size);
	port = so_get_u16(&reader);
	thumbprint = so_get_block(&reader, &thumbprint_size);
	if (!so_field_reader_done(&reader))
		return false;
	if (master->listening_address != NULL)
	{
		pfree(master->listening_address);
		pfree(master->listening_thumbprint);
	}
	MemoryContextSwitchTo(TopMemoryContext);
	master->listening_address = pnstrdup(address, address_size);
	master->listening_thumbprint = pnstrdup(thumbprint, thumbprint_size);
	MemoryContextSwitchTo(master->turn);
	master->listening_port = port;
	/* Agents know this port: a gateway that is started anew asks for it again. */
	master->kept_port = port;
	master->listening_due = true;
	so_master_news_listening(master->listening_address, port, master->listening_thumbprint);
	if (!master->gateway.listening)
	{
		master->gateway.listening = true;
		/* Nobody could renew while there was no gateway. */
		so_leases_amnesty(master->now_ms);
		so_agents_amnesty(master->now_ms);
		ereport(LOG, (errmsg("scaleout listens on %s", master->listening_address),
					  errdetail("The certificate's thumbprint is %s, the epoch " UINT64_FORMAT ".",
								master->listening_thumbprint, master->epoch)));
	}
	return true;
}

/* The code at the beginning of a line, when it is one of ours. */
static int
code_of(const char *line)
{
	char state[6] = "";
	SoErrorCode code;

	strlcpy(state, line, sizeof(state));
	code = line[0] != '\0' && strchr(line, ':') == line + 5 ? so_error_from_state(state) : SO_OK;
	return code != SO_OK ? so_error_sqlstate(code) : 0;
}

static bool
take_log(const SoMaster *master, const SoFrame *frame)
{
	char *line;
	int code;

	if (frame->length < 1 || !so_gateway_frames_strings(frame, 1, &line, 1))
		return false;
	code = code_of(line);
	so_server_log_foreign((SoLogLevel) frame->payload[0], "scaleout-gateway",
						  (int) master->gateway.pid, line);
	/* Lines from a process that faces the network: never more than LOG or WARNING. */
	if (frame->payload[0] & (SO_LOG_ERROR | SO_LOG_CRITICAL | SO_LOG_WARNING))
		ereport(WARNING, (errcode(code != 0 ? code : ERRCODE_WARNING),
						  errmsg("scaleout gateway: %s", line)));
	else
		ereport(LOG, (errcode(code), errmsg("scaleout gateway: %s", line)));
	so_server_log_own();
	return true;
}

/* FAILED: string code, message, detail, hint; the gateway exits afterwards. */
static bool
take_failed(SoMaster *master, const SoFrame *frame)
{
	char *fields[4];

	/* Somebody else may have the port now. */
	master->kept_port = 0;
	if (!so_gateway_frames_strings(frame, 0, fields, 4))
		return false;
	so_master_news_failed(fields[0], fields[1], fields[2], fields[3]);
	ereport(WARNING, (errcode(sqlstate_of(fields[0])),
					  errmsg("the scaleout gateway cannot serve: %s", fields[1]),
					  fields[2][0] != '\0' ? errdetail("%s", fields[2]) : 0,
					  fields[3][0] != '\0' ? errhint("%s", fields[3]) : 0));
	return true;
}

/* RELOADED: u8 ok, string thumbprint, code, message. */
static bool
take_reloaded(SoMaster *master, const SoFrame *frame)
{
	char *fields[3];

	if (frame->length < 1 || !so_gateway_frames_strings(frame, 1, fields, 3))
		return false;
	if (frame->payload[0] == 0)
	{
		so_master_news_failed(fields[1], psprintf("The new settings are not in use: %s", fields[2]),
							  NULL, NULL);
		ereport(WARNING, (errcode(sqlstate_of(fields[1])),
						  errmsg("the scaleout gateway keeps its old settings: %s", fields[2]),
						  errhint("Correct the settings or files and reload again.")));
	}
	else
	{
		if (master->listening_thumbprint != NULL)
			pfree(master->listening_thumbprint);
		master->listening_thumbprint = MemoryContextStrdup(TopMemoryContext, fields[0]);
		master->listening_due = true;
		so_master_news_listening(master->listening_address, master->listening_port, fields[0]);
	}
	return true;
}

static bool
take_request(SoMaster *master, SoBatch *batch, const SoFrame *frame)
{
	SoError error;
	SoRequest *request = so_gateway_frames_request(frame, &error);

	if (request == NULL)
		return false;
	so_admission_request(master, batch, request);
	return true;
}

/* One frame; false when it is malformed. */
static bool
take_frame(SoMaster *master, SoBatch *batch, const SoFrame *frame)
{
	uint64 request;

	switch (frame->type)
	{
		case SO_GATEWAY_HELLO:
			return take_hello(master, frame);
		case SO_GATEWAY_LISTENING:
			return take_listening(master, frame);
		case SO_GATEWAY_REQUEST:
			return take_request(master, batch, frame);
		case SO_GATEWAY_ABANDONED:
			if (!so_gateway_frames_abandoned(frame, &request))
				return false;
			so_agents_abandon(request);
			return true;
		case SO_GATEWAY_LOG:
			return take_log(master, frame);
		case SO_GATEWAY_FAILED:
			return take_failed(master, frame);
		case SO_GATEWAY_RELOADED:
			return take_reloaded(master, frame);
		case SO_GATEWAY_REFUSED:
			return so_refused_take(frame);
		default:
			return false;
	}
}

bool
so_intake_frames(SoMaster *master, SoBatch *batch)
{
	SoGateway *gateway = &master->gateway;
	size_t bytes = 0;

	for (int n = 0; gateway->fd != PGINVALID_SOCKET; n++)
	{
		SoFrame frame;
		SoError error;
		int got;

		if (n == MESSAGES_PER_TURN || bytes > BYTES_PER_TURN)
			return true;
		so_error_clear(&error);
		got = so_frame_next(&gateway->in, SO_FRAME_MAX_PAYLOAD, &frame, &error);
		if (got == 0)
			return false;
		if (got > 0 && take_frame(master, batch, &frame))
		{
			bytes += frame.length;
			continue;
		}
		ereport(WARNING, (so_errcode(SO_ERR_FRAME_MALFORMED),
						  errmsg("the scaleout gateway sent a malformed frame and is started anew"),
						  errdetail("Frame type %d, %zu bytes. %s", got > 0 ? frame.type : 0,
									got > 0 ? frame.length : 0, error.message)));
		so_gateway_process_kill(gateway);
		so_byte_buffer_clear(&gateway->in);
		return false;
	}
	return false;
}
