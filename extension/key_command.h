/*
 * extension/key_command.h
 *
 * scaleout.encryption_key_command: a program that prints the encryption key.
 *
 * Process: backends that encrypt and the master; no state.
 */
#ifndef EXTENSION_KEY_COMMAND_H
#define EXTENSION_KEY_COMMAND_H

#include "postgres.h"

/*
 * Run the command by /bin/sh and read what it prints, at most size - 1 bytes,
 * into text, terminated.  Raises SO142 when it fails, prints too much, or does
 * not end within 10 seconds.  The caller clears text.
 */
extern void so_key_command_run(const char *command, char *text, size_t size);

#endif /* EXTENSION_KEY_COMMAND_H */
