/*
 * worker_agent/command.c
 *
 * Carries out the commands of the master: one table row each.
 *
 * Process: agent, event loop thread.  Commands are repeated by the master until
 * their effect is reported, so each is idempotent.
 */
#include "worker_agent/command.h"

#include <string.h>

#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/log_sender.h"
#include "worker_agent/register.h"
#include "worker_agent/rotation.h"
#include "worker_agent/runners.h"

static void
superseded(SoAgent *agent, SoAttempt *attempt)
{
	if (attempt->gone)
		return;
	so_log_about(&attempt->subject, SO_LOG_WARNING, "task %s, attempt %u is superseded",
				 attempt->task_text, attempt->attempt);
	so_runners_note(attempt,
					"the master has given this task to somebody else; the runner is killed");
	so_spool_discard_result(agent->spool, &attempt->task, attempt->attempt);
	so_held_drop(agent->held, attempt, agent->lease.newest);
	so_runners_kill(agent, attempt);
	so_lease_pump(agent);
}

static void
drain(SoAgent *agent)
{
	if (!agent->draining)
		so_log(SO_LOG_INFORMATION, "the master asks to take no more tasks");
	agent->draining = true;
	so_lease_pump(agent);
}

static const struct
{
	const char *name;
	void (*on_attempt)(SoAgent *agent, SoAttempt *attempt);
	void (*on_agent)(SoAgent *agent);
	void (*on_command)(SoAgent *agent, const json_t *command);
} commands_table[] = {
	{"stop", so_runners_stop, NULL, NULL},
	{"superseded", superseded, NULL, NULL},
	{"drain", NULL, drain, NULL},
	{"register", NULL, so_register_start, NULL},
	{"rotate", NULL, NULL, so_rotation_pins},
	{"rotate_certificate", NULL, so_rotation_start, NULL},
	{"fetch_log", NULL, NULL, so_log_sender_command},
};

static void
handle_one(SoAgent *agent, const json_t *command)
{
	const char *name = json_string_value(json_object_get(command, "command"));
	const char *task = json_string_value(json_object_get(command, "task"));
	json_int_t number = json_integer_value(json_object_get(command, "attempt"));
	SoUuid uuid;

	for (size_t i = 0; name != NULL && i < sizeof(commands_table) / sizeof(commands_table[0]); i++)
	{
		SoAttempt *attempt;

		if (strcmp(commands_table[i].name, name) != 0)
			continue;
		if (commands_table[i].on_agent != NULL)
		{
			commands_table[i].on_agent(agent);
			return;
		}
		if (commands_table[i].on_command != NULL)
		{
			commands_table[i].on_command(agent, command);
			return;
		}
		if (task == NULL || !so_uuid_parse(task, &uuid))
			break;
		attempt = so_held_find(agent->held, &uuid, (uint32_t) number);
		if (attempt != NULL)
			commands_table[i].on_attempt(agent, attempt);
		return;
	}
	so_log(SO_LOG_WARNING, "the master sent a command that is not understood: %s",
		   name != NULL ? name : "without a name");
}

void
so_command_handle(SoAgent *agent, const json_t *commands)
{
	for (size_t i = 0; i < json_array_size(commands); i++)
		handle_one(agent, json_array_get(commands, i));
}
