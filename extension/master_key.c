/*
 * extension/master_key.c
 *
 * Reads, makes and exchanges the encryption key.
 *
 * Process: backends that encrypt, and the master.  A file is read at each use; what
 * a command printed is kept in this process until the setting changes or
 * another key is wanted.  An exchange writes <file>.next, the transaction
 * wraps the data keys with it, and the commit renames it.  A crash before the commit
 * leaves a file that nobody wants, one after it a file that readers find by
 * its fingerprint and that the next enable_scaleout() renames.
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "access/xact.h"
#include "extension/error.h"
#include "extension/key_command.h"
#include "extension/master_key.h"
#include "extension/private_file.h"
#include "extension/settings.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define KEY_TEXT_SIZE (2 * SO_KEY_SIZE + 16)

/* Of the command: what it printed, and what the setting was then. */
static SoMasterKey command_key;
static char *command_of_key;

/* The exchange of this transaction: its files, and which subtransaction it belongs to. */
static SubTransactionId exchanged_by = InvalidSubTransactionId;
static char exchange_path[MAXPGPATH];

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static void
set_fingerprint(SoMasterKey *key)
{
	static const char domain[] = "scaleout encryption key";
	uint8 input[sizeof(domain) + SO_KEY_SIZE];
	uint8 digest[SHA256_DIGEST_LENGTH];

	memcpy(input, domain, sizeof(domain));
	memcpy(input + sizeof(domain), key->bytes, SO_KEY_SIZE);
	SHA256(input, sizeof(input), digest);
	OPENSSL_cleanse(input, sizeof(input));
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(key->fingerprint + 2 * i, 3, "%02x", digest[i]);
}

/* 64 lower-case hex digits and a line end. */
static bool
parse_key(const char *text, SoMasterKey *key)
{
	/* An editor may have put a byte order mark in front, or ended the line as Windows does. */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (int i = 0; i < SO_KEY_SIZE; i++)
	{
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		key->bytes[i] = (uint8) (high << 4 | low);
	}
	set_fingerprint(key);
	return text[2 * SO_KEY_SIZE] == '\0' || text[2 * SO_KEY_SIZE] == '\n' ||
		   strcmp(text + 2 * SO_KEY_SIZE, "\r\n") == 0;
}

static bool
is_wanted(const SoMasterKey *key, const char *wanted)
{
	return wanted == NULL || strcmp(key->fingerprint, wanted) == 0;
}

static char *
next_path(const char *path)
{
	return psprintf("%s.next", path);
}

/* false with *error when there is no such private file with a key in it. */
static bool
read_file(const char *path, SoMasterKey *key, SoError *error)
{
	char text[KEY_TEXT_SIZE];
	bool ok;

	if (!so_private_file_read(path, text, sizeof(text), error))
		return false;
	ok = parse_key(text, key);
	OPENSSL_cleanse(text, sizeof(text));
	if (ok)
		return true;
	so_error_set(error, SO_ERR_SECURITY_FILE, path,
				 "\"%s\" does not hold a key of 64 hexadecimal digits", path);
	return so_error_hint(error, "Restore the file from its backup.");
}

static void
raise_other_key(const char *wanted, const char *where, const SoMasterKey *key)
{
	ereport(ERROR, (so_errcode(SO_ERR_SECRET_UNREADABLE),
					errmsg("the encryption key is not the one of this catalog"),
					errdetail("The catalog needs the key with fingerprint %s; %s has %s.", wanted,
							  where, key->fingerprint),
					errhint("%s", so_error_default_hint(SO_ERR_SECRET_UNREADABLE))));
}

static void
read_by_command(const char *wanted, SoMasterKey *key)
{
	const char *command = so_setting_encryption_key_command;
	char text[KEY_TEXT_SIZE];
	bool ok;

	if (command_of_key == NULL || strcmp(command_of_key, command) != 0 ||
		!is_wanted(&command_key, wanted))
	{
		so_key_command_run(command, text, sizeof(text));
		ok = parse_key(text, key);
		OPENSSL_cleanse(text, sizeof(text));
		if (!ok)
			ereport(ERROR, (so_errcode(SO_ERR_KEY_COMMAND),
							errmsg("scaleout.encryption_key_command does not print a key of 64 "
								   "hexadecimal digits"),
							errhint("%s", so_error_default_hint(SO_ERR_KEY_COMMAND))));
		if (command_of_key != NULL)
			pfree(command_of_key);
		command_of_key = MemoryContextStrdup(TopMemoryContext, command);
		command_key = *key;
	}
	*key = command_key;
	if (!is_wanted(key, wanted))
		raise_other_key(wanted, "scaleout.encryption_key_command", key);
}

void
so_master_key_read(const char *wanted, SoMasterKey *key)
{
	char *path;
	SoError error = {0};
	SoError ignored = {0};
	bool there = false;

	if (so_setting_encryption_key_command[0] != '\0')
	{
		read_by_command(wanted, key);
		return;
	}
	path = so_setting_resolved_encryption_key_file();
	/* Twice, because an exchange may rename one to the other between our looks. */
	for (int i = 0; i < 2; i++)
	{
		if (wanted != NULL && read_file(next_path(path), key, &ignored) && is_wanted(key, wanted))
			return;
		there = read_file(path, key, &error);
		if (there && is_wanted(key, wanted))
			return;
	}
	if (!there)
		so_error_raise(&error);
	raise_other_key(wanted, psprintf("\"%s\"", path), key);
}

static void
write_key(const char *path, const uint8 *bytes)
{
	char text[2 * SO_KEY_SIZE + 2];
	SoError error = {0};
	bool ok;

	for (int i = 0; i < SO_KEY_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[2 * SO_KEY_SIZE] = '\n';
	ok = so_private_file_write(path, text, 2 * SO_KEY_SIZE + 1, &error);
	OPENSSL_cleanse(text, sizeof(text));
	if (!ok)
		so_error_raise(&error);
}

/* An exchange was committed, and a crash came before the rename. */
static void
finish_exchange(const char *path, const char *wanted)
{
	SoMasterKey key;
	SoError error = {0};
	bool is_old;
	bool is_next;

	is_old = read_file(path, &key, &error) && is_wanted(&key, wanted);
	is_next = !is_old && read_file(next_path(path), &key, &error) && is_wanted(&key, wanted);
	OPENSSL_cleanse(&key, sizeof(key));
	if (is_next && rename(next_path(path), path) != 0)
		ereport(ERROR, (so_errcode(SO_ERR_FILE_UNWRITABLE),
						errmsg("cannot rename \"%s\" to \"%s\": %m", next_path(path), path)));
}

bool
so_master_key_prepare(const char *wanted)
{
	char *path;
	SoMasterKey key;

	if (so_setting_encryption_key_command[0] == '\0')
	{
		path = so_setting_resolved_encryption_key_file();
		if (wanted != NULL)
			finish_exchange(path, wanted);
		else if (access(path, F_OK) != 0)
		{
			so_cipher_make_key(key.bytes);
			write_key(path, key.bytes);
			OPENSSL_cleanse(&key, sizeof(key));
			return true;
		}
	}
	so_master_key_read(wanted, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	return false;
}

/* ---- exchange ---- */

void
so_master_key_exchange(const char *wanted, SoMasterKey *key)
{
	char *path;

	if (so_setting_encryption_key_command[0] != '\0')
		ereport(ERROR, (so_errcode(SO_ERR_KEY_EXCHANGE),
						errmsg("a key that comes from a command cannot be exchanged"),
						errhint("%s", so_error_default_hint(SO_ERR_KEY_EXCHANGE))));
	if (exchanged_by != InvalidSubTransactionId)
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_INVALID),
						errmsg("the encryption key was exchanged in this transaction already")));
	path = so_setting_resolved_encryption_key_file();
	if (strlcpy(exchange_path, path, sizeof(exchange_path)) >= sizeof(exchange_path) - 5)
		ereport(ERROR, (so_errcode(SO_ERR_SECURITY_FILE), errmsg("\"%s\" is too long", path)));
	/* Or the next key would overwrite the only one that fits. */
	if (wanted != NULL)
		finish_exchange(path, wanted);
	so_cipher_make_key(key->bytes);
	set_fingerprint(key);
	write_key(next_path(path), key->bytes);
	exchanged_by = GetCurrentSubTransactionId();
	/* The old key is gone after the commit, which therefore must not be lost. */
	ForceSyncCommit();
}

static void
forget_exchange(void)
{
	char next[MAXPGPATH + 8];

	if (exchanged_by == InvalidSubTransactionId)
		return;
	exchanged_by = InvalidSubTransactionId;
	snprintf(next, sizeof(next), "%s.next", exchange_path);
	(void) unlink(next);
}

/* COMMIT must not fail: the file is found under its other name as well. */
static void
at_commit(void)
{
	char next[MAXPGPATH + 8];

	if (exchanged_by == InvalidSubTransactionId)
		return;
	exchanged_by = InvalidSubTransactionId;
	snprintf(next, sizeof(next), "%s.next", exchange_path);
	if (rename(next, exchange_path) != 0)
		ereport(WARNING, (so_errcode(SO_ERR_FILE_UNWRITABLE),
						  errmsg("cannot rename \"%s\" to \"%s\": %m", next, exchange_path),
						  errhint("It is used all the same. Run SELECT catalog.enable_scaleout() "
								  "when the reason is gone.")));
}

static void
at_transaction_event(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (exchanged_by != InvalidSubTransactionId)
				ereport(ERROR, (so_errcode(SO_ERR_PREPARE_REFUSED),
								errmsg("cannot prepare a transaction that has exchanged the "
									   "encryption key"),
								errhint("%s", so_error_default_hint(SO_ERR_PREPARE_REFUSED))));
			break;
		case XACT_EVENT_COMMIT:
			at_commit();
			break;
		case XACT_EVENT_ABORT:
			forget_exchange();
			break;
		default:
			break;
	}
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId ended, SubTransactionId parent,
						void *argument)
{
	if (exchanged_by != ended)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		exchanged_by = parent;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_exchange();
}

void
so_master_key_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}
