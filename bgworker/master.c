/*
 * bgworker/master.c
 *
 * The master: the only writer of scheduling state.  Its main loop waits for
 * the latch (a user function committed something, a signal, the gateway's
 * end), for the gateway's socket and for the next deadline, and then runs one
 * turn: read what the gateway has, one transaction, answers.
 *
 * Process: master, a background worker connected to the catalog's database as
 * the bootstrap superuser.  Shared data: the seat in SoShared (there is one
 * master in a cluster) and the catalog.  When it dies the launcher starts
 * another one, which takes a new epoch, loads the live leases and gives each a
 * full interval; agents register with it again.
 */
#include "postgres.h"

#include "bgworker/master.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "bgworker/agents.h"
#include "bgworker/gateway_frames.h"
#include "bgworker/intake.h"
#include "bgworker/leases.h"
#include "bgworker/log_copy.h"
#include "bgworker/maintenance.h"
#include "bgworker/registration.h"
#include "bgworker/seat.h"
#include "bgworker/server_log.h"
#include "bgworker/spi.h"
#include "bgworker/state.h"
#include "bgworker/task_logs.h"
#include "bgworker/tick.h"
#include "commands/dbcommands.h"
#include "common/clock.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/next_certificate.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

/* A turn that took longer than this kept agents from renewing their leases. */
#define STALL_MS 2000
/* A dead gateway's socket holds less than that many reads. */
#define LAST_READS 64
/* No wait is longer, so that a lost wake-up never matters for long. */
#define LONGEST_WAIT_MS 60000

static SoMaster master;

/* SIGCHLD is at its default in a worker; the gateway's end must wake us. */
static void
note_child(SIGNAL_ARGS)
{
	int save_errno = errno;

	SetLatch(MyLatch);
	errno = save_errno;
}

/*
 * Lock and statement timeouts reach a process as a SIGINT that it sends to
 * itself.  A SIGINT from outside is ignored: a cancelled wait for a synchronous
 * standby would acknowledge what no standby has.
 */
static void
cancel_by_timeout(SIGNAL_ARGS)
{
	if (get_timeout_indicator(LOCK_TIMEOUT, false) ||
		get_timeout_indicator(STATEMENT_TIMEOUT, false))
		StatementCancelHandler(postgres_signal_arg);
}

/*
 * A worker takes the settings of the bootstrap superuser and of the database
 * (ALTER ROLE, ALTER DATABASE ... SET); these must not depend on them.
 */
static void
overrule_settings(void)
{
	static const char *const settings[][2] = {{"application_name", "scaleout master"},
											  {"lock_timeout", SO_MASTER_LOCK_TIMEOUT},
											  {"synchronous_commit", "on"},
											  {"search_path", "pg_catalog, pg_temp"},
											  {"plan_cache_mode", "auto"},
											  {"default_transaction_isolation", "read committed"},
											  {"default_transaction_read_only", "off"},
											  {"session_replication_role", "origin"},
											  {"row_security", "on"},
											  {"TimeZone", "UTC"},
											  {"DateStyle", "ISO, YMD"},
											  {"IntervalStyle", "iso_8601"},
											  {"extra_float_digits", "1"},
											  {"bytea_output", "hex"},
											  /*
		 * Every statement of the master looks a list up by keys.  Statistics of
		 * a table that was empty a moment ago must not make a scan of that.
		 */
											  {"enable_seqscan", "off"},
											  {"enable_hashjoin", "off"},
											  {"enable_mergejoin", "off"},
											  {"jit", "off"}};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	/* Every statement has a limit of its own, which costs no restart. */
	so_lift_transaction_timeout();
}

/* Is this the active catalog?  Takes the next epoch; does not return when not. */
static void
take_seat(void)
{
	const char *missing = NULL;
	char *reason = NULL;
	bool taken = false;

	so_spi_begin("scaleout: start", SO_MASTER_STATEMENT_TIMEOUT_MS);
	master.database = MemoryContextStrdup(TopMemoryContext, get_database_name(MyDatabaseId));
	if (so_seat_extension(&missing))
		taken = so_seat_take(&master, TopMemoryContext, &reason);
	if (taken)
		so_state_load_leases(&master);
	so_spi_end();
	if (!taken)
		so_seat_refuse(master.database, missing != NULL ? missing : reason);
	so_seat_taken();
	ereport(LOG, (errmsg("scaleout master started in database \"%s\", epoch " UINT64_FORMAT,
						 master.database, master.epoch),
				  errdetail("%d leases are live.", so_leases_count())));
}

/* Leave although nothing failed: the launcher starts the next master when its time comes. */
static void
leave(const char *why)
{
	ereport(LOG, (errmsg("scaleout master leaves: %s", why)));
	/* 0: this is not a failure, and a dynamic worker is never restarted by the postmaster. */
	proc_exit(0);
}

static void
reload_settings(void)
{
	char *addresses = pstrdup(so_setting_listen_addresses);
	int port = so_setting_port_number;

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	overrule_settings();
	/* Who has corrected what kept it from listening waits for the result. */
	so_gateway_process_try_at_once(&master.gateway);
	/* A gateway keeps its sockets; for others a new one is needed, and agents repeat. */
	if (port != so_setting_port_number || strcmp(addresses, so_setting_listen_addresses) != 0)
		so_gateway_process_kill(&master.gateway);
	else if (master.gateway.pid != 0)
		so_gateway_frames_configure(&master.gateway.out, master.kept_port);
	pfree(addresses);
	if (so_setting_database[0] != '\0' && strcmp(so_setting_database, master.database) != 0)
		leave("\"scaleout.database\" names another database");
}

/* A crash may have left the change of the certificate half-done. */
static void
complete_certificate(void)
{
	SoError error = {0};

	if (!so_next_certificate_complete(&error))
		ereport(WARNING,
				(so_errcode(SO_ERR_CERTIFICATE_ROTATION),
				 errmsg("scaleout cannot put the next certificate in place: %s", error.message),
				 error.detail[0] != '\0' ? errdetail("%s", error.detail) : 0));
}

/* Start the gateway when there is none, and tell it what it must know. */
static void
attend_gateway(SoBatch *batch)
{
	SoGateway *gateway = &master.gateway;

	if (so_gateway_process_ended(gateway, master.now_ms))
	{
		/* What is left in the socket is still good: results, for example. */
		for (int i = 0; i < LAST_READS && !gateway->eof; i++)
		{
			so_gateway_process_read(gateway);
			while (so_intake_frames(&master, batch))
				;
		}
		so_gateway_process_forget(gateway, master.now_ms);
		so_agents_abandon_all();
	}
	if (gateway->pid == 0)
		complete_certificate();
	if (so_gateway_process_start(gateway, master.now_ms))
	{
		so_gateway_frames_configure(&gateway->out, master.kept_port);
		master.trust_due = true;
	}
}

/* Milliseconds until the next deadline. */
static long
wait_time(bool more_frames)
{
	int64 deadline = so_tick_next_deadline(&master);
	int64 now = so_clock_monotonic_ms();

	if (more_frames)
		return 0;
	if (master.gateway.pid == 0)
		deadline = Min(deadline, master.gateway.next_start_ms);
	else if (master.gateway.eof)
		deadline = Min(deadline, now + 100);
	deadline = Min(deadline, so_maintenance_deadline(&master));
	return (long) Max(0, Min(deadline - now, LONGEST_WAIT_MS));
}

/*
 * The wait set holds the gateway's socket, whose descriptor number says
 * nothing: a new gateway usually gets the number of the old one, while the
 * kernel has forgotten the old socket.  So it is built anew at every spawn.
 */
static WaitEventSet *
build_wait_set(WaitEventSet *old, int *socket_position)
{
	WaitEventSet *set;

	if (old != NULL)
		FreeWaitEventSet(old);
	set = so_create_wait_event_set(3);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	*socket_position = -1;
	if (master.gateway.fd != PGINVALID_SOCKET && !master.gateway.eof)
		*socket_position =
			AddWaitEventToSet(set, WL_SOCKET_READABLE, master.gateway.fd, NULL, NULL);
	return set;
}

/*
 * The time is now; it should be no later than expected_ms.  When it is, there
 * was a stall (a stopped process, a suspended machine, a long transaction) in
 * which agents could not renew: each lease gets a full interval.
 */
static void
note_time(int64 expected_ms)
{
	master.now_ms = so_clock_monotonic_ms();
	if (master.now_ms > expected_ms + STALL_MS)
	{
		so_leases_amnesty(master.now_ms);
		so_agents_amnesty(master.now_ms);
	}
}

/* Wait for something to happen or the time to pass. */
static void
wait_for_event(bool more_frames)
{
	static WaitEventSet *set = NULL;
	static int socket_position = -1;
	static uint64 built_for = 0;
	static bool built_open = false;
	bool open = master.gateway.fd != PGINVALID_SOCKET && !master.gateway.eof;
	WaitEvent events[3];
	long timeout = wait_time(more_frames);
	int64 asleep_ms = so_clock_monotonic_ms();
	int n;

	Assert(!IsTransactionState());
	if (set == NULL || built_for != master.gateway.spawns || built_open != open)
	{
		set = build_wait_set(set, &socket_position);
		built_for = master.gateway.spawns;
		built_open = open;
	}
	if (socket_position >= 0)
		ModifyWaitEvent(
			set, socket_position,
			WL_SOCKET_READABLE |
				(so_byte_buffer_length(&master.gateway.out) > 0 ? WL_SOCKET_WRITEABLE : 0),
			NULL);
	n = WaitEventSetWait(set, timeout, events, lengthof(events), so_wait_event("ScaleoutMaster"));
	note_time(asleep_ms + timeout);
	for (int i = 0; i < n; i++)
		if (events[i].events & WL_LATCH_SET)
		{
			/* Reset before looking, so that what comes meanwhile wakes us again. */
			ResetLatch(MyLatch);
			master.requests_due = true;
		}
}

/* One turn of the loop; returns true when more frames are waiting. */
static bool
turn(void)
{
	SoBatch batch = {0};
	bool more_frames;

	MemoryContextReset(master.turn);
	MemoryContextSwitchTo(master.turn);
	if (so_shared_held())
		leave("a command on its database waits for it to go");
	attend_gateway(&batch);
	so_gateway_process_read(&master.gateway);
	more_frames = so_intake_frames(&master, &batch);
	so_tick_run(&master, &batch);
	so_gateway_process_write(&master.gateway);
	if (master.leave)
		leave(master.leave_reason);
	so_maintenance_attend(&master);
	so_log_copy_attend(&master);
	return more_frames;
}

static void
run(void)
{
	for (;;)
	{
		bool more_frames;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
			reload_settings();
		more_frames = turn();
		note_time(master.now_ms);
		wait_for_event(more_frames);
	}
}

void
so_master_main(Datum argument)
{
	Oid database = DatumGetObjectId(argument);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGCHLD, note_child);
	pqsignal(SIGINT, cancel_by_timeout);
	pqsignal(SIGPIPE, SIG_IGN);
	so_server_log_init("scaleout-master");
	BackgroundWorkerUnblockSignals();

	/* The seat first: the loser must not count as a session of the database. */
	if (!so_shared_claim_master(database))
		/* 0: there is a master already, nothing is to be repeated. */
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	overrule_settings();

	master.now_ms = so_clock_monotonic_ms();
	master.turn = AllocSetContextCreate(TopMemoryContext, "scaleout turn", ALLOCSET_DEFAULT_SIZES);
	master.requests_due = true;
	master.ready_generation = 1;
	so_gateway_process_init(&master.gateway);
	so_leases_init();
	so_task_logs_init(&master);
	so_agents_init();
	so_maintenance_init(&master);
	so_log_copy_init(&master);
	take_seat();
	run();
}
