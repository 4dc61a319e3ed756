/*
 * engine/tasks/send_mail.h
 *
 * The Send Mail task: its row of the task table, and header encoding.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_SEND_MAIL_H
#define ENGINE_TASKS_SEND_MAIL_H

#include "engine/tasks/task.h"

extern const SoTaskType so_task_send_mail;

/*
 * text as the value of a header: as it is when it is printable ASCII, else in
 * encoded words (RFC 2047) of UTF-8, folded.  Line breaks become blanks, so
 * that no text can add a header.  Owned by context.
 */
extern char *so_send_mail_header(TALLOC_CTX *context, const char *text);

/* The bare address of "Name <user@host>" or "user@host"; NULL when there is none. */
extern char *so_send_mail_address(TALLOC_CTX *context, const char *text);

#endif /* ENGINE_TASKS_SEND_MAIL_H */
