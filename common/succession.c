/*
 * common/succession.c
 *
 * Makes and judges statements of succession; see succession.h.
 *
 * Process: master, agent, scaleout-worker doctor; no state.  The file of the next
 * certificate is replaced by rename; after a crash the master does it again.
 */
#include "common/succession.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/openssl_error.h"
#include "common/pem_file.h"

#define URI_PREFIX "urn:scaleout:succession:"
#define HEX        (SO_THUMBPRINT_TEXT_SIZE - 1)
/* Certificates of a handshake that are looked at. */
#define MAX_SENT 32
/* Signatures of less strength are no proof; 112 bits is what TLS asks for. */
#define MIN_STRENGTH 112

typedef struct Statement
{
	SoThumbprint from;
	SoThumbprint to;
} Statement;

/* ---- reading ----------------------------------------------------------------- */

static bool
parse_uri(const ASN1_IA5STRING *uri, Statement *statement)
{
	const size_t prefix = sizeof(URI_PREFIX) - 1;
	const size_t length = prefix + HEX + 1 + HEX;
	char text[sizeof(URI_PREFIX) + 2 * HEX + 1];
	SoError ignored;

	if ((size_t) ASN1_STRING_length(uri) != length)
		return false;
	memcpy(text, ASN1_STRING_get0_data(uri), length);
	text[length] = '\0';
	if (strlen(text) != length || strncmp(text, URI_PREFIX, prefix) != 0 ||
		text[prefix + HEX] != ':')
		return false;
	text[prefix + HEX] = '\0';
	return so_thumbprint_parse(text + prefix, &statement->from, &ignored) &&
		   so_thumbprint_parse(text + prefix + HEX + 1, &statement->to, &ignored);
}

/* A statement has this one name and no other. */
static bool
read_statement(const X509 *certificate, Statement *statement)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool ok = false;

	if (sk_GENERAL_NAME_num(names) == 1)
	{
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);

		ok = name->type == GEN_URI && parse_uri(name->d.uniformResourceIdentifier, statement);
	}
	GENERAL_NAMES_free(names);
	return ok;
}

static X509 *
find(const STACK_OF(X509) * certificates, const SoThumbprint *wanted)
{
	SoThumbprint thumbprint;
	SoError ignored;

	for (int i = 0; i < sk_X509_num(certificates) && i < MAX_SENT; i++)
	{
		X509 *certificate = sk_X509_value(certificates, i);

		if (so_thumbprint_of_x509(certificate, &thumbprint, &ignored) &&
			so_thumbprint_equal(&thumbprint, wanted))
			return certificate;
	}
	return NULL;
}

/*
 * An authority signs for others, perhaps with names that they choose: whoever pins
 * one must not thereby trust everybody with a certificate of it.  OpenSSL says "no
 * authority" of extensions that it cannot read, too.
 */
static bool
may_name_successor(X509 *certificate)
{
	return X509_check_purpose(certificate, -1, 0) == 1 && X509_check_ca(certificate) == 0;
}

/* Signed with the key of the certificate that it speaks for? */
static bool
is_signed(X509 *statement, X509 *predecessor)
{
	int strength = 0;

	return may_name_successor(predecessor) &&
		   X509_get_signature_info(statement, NULL, NULL, &strength, NULL) == 1 &&
		   strength >= MIN_STRENGTH && X509_verify(statement, X509_get0_pubkey(predecessor)) == 1;
}

static bool
read_time(const ASN1_TIME *from, time_t *to)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(from, &parts) != 1)
		return false;
	*to = timegm(&parts);
	return true;
}

/* Otherwise *time is told why, when that is what the time has to do with. */
static bool
is_valid_at(const X509 *statement, time_t now, SoSuccessionTime *time)
{
	time_t begin;
	time_t end;

	if (!read_time(X509_get0_notBefore(statement), &begin) ||
		!read_time(X509_get0_notAfter(statement), &end) || begin >= end)
		return false;
	if (now < begin && (time->begins == 0 || begin < time->begins))
		time->begins = begin;
	/* Not a second longer than the catalog says. */
	if (now >= end && end > time->ended)
		time->ended = end;
	return now >= begin && now < end;
}

/* ---- judging ------------------------------------------------------------------- */

/* What is trusted: the pins, and what statements have led to. */
typedef struct Trusted
{
	const SoThumbprint *pins;
	int pin_count;
	SoThumbprint reached[SO_SUCCESSION_MAX];
	int reached_count;
} Trusted;

static bool
is_trusted(const Trusted *trusted, const SoThumbprint *wanted)
{
	for (int i = 0; i < trusted->pin_count; i++)
	{
		if (so_thumbprint_equal(&trusted->pins[i], wanted))
			return true;
	}
	for (int i = 0; i < trusted->reached_count; i++)
	{
		if (so_thumbprint_equal(&trusted->reached[i], wanted))
			return true;
	}
	return false;
}

/* Does this certificate say something new that counts? */
static bool
take_step(const STACK_OF(X509) * sent, X509 *certificate, Trusted *trusted, time_t now,
		  SoSuccessionTime *time)
{
	Statement statement;
	X509 *predecessor;

	if (!read_statement(certificate, &statement) || !is_trusted(trusted, &statement.from) ||
		is_trusted(trusted, &statement.to))
		return false;
	predecessor = find(sent, &statement.from);
	if (predecessor == NULL || !is_signed(certificate, predecessor))
		return false;
	if (!is_valid_at(certificate, now, time))
		return false;
	trusted->reached[trusted->reached_count++] = statement.to;
	return true;
}

bool
so_succession_leads(const struct stack_st_X509 *sent, const SoThumbprint *pins, int pin_count,
					const SoThumbprint *leaf, time_t now, SoSuccessionTime *time)
{
	Trusted trusted = {.pins = pins, .pin_count = pin_count};
	bool progress = true;

	memset(time, 0, sizeof(*time));
	while (progress && !is_trusted(&trusted, leaf))
	{
		progress = false;
		for (int i = 0; i < sk_X509_num(sent) && i < MAX_SENT; i++)
		{
			if (trusted.reached_count < SO_SUCCESSION_MAX)
				progress |= take_step(sent, sk_X509_value(sent, i), &trusted, now, time);
		}
	}
	ERR_clear_error();
	return is_trusted(&trusted, leaf);
}

/* "2026-01-31T12:00:00Z" */
static const char *
time_text(time_t when, char *text, size_t size)
{
	struct tm parts;

	text[0] = '\0';
	if (gmtime_r(&when, &parts) != NULL)
		strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

bool
so_succession_explain(const SoSuccessionTime *time, time_t now, const SoThumbprint *leaf,
					  SoError *error)
{
	char leaf_text[SO_THUMBPRINT_TEXT_SIZE];
	char now_text[32];
	char limit_text[32];

	if (time->begins == 0 && time->ended == 0)
		return false;
	so_thumbprint_format(leaf, leaf_text);
	time_text(now, now_text, sizeof(now_text));
	time_text(time->begins != 0 ? time->begins : time->ended, limit_text, sizeof(limit_text));
	if (time->begins != 0)
	{
		so_error_detail(error,
						"The clock of this machine is behind: it says %s. The master sent the "
						"certificate with thumbprint %s; a pinned one has named it as its "
						"successor, which counts from %s on.",
						now_text, leaf_text, limit_text);
		so_error_hint(error,
					  "As root run timedatectl set-ntp true, or chronyc makestep; the worker "
					  "then accepts the master by itself.");
		return true;
	}
	so_error_detail(error,
					"The master sent the certificate with thumbprint %s; a pinned one has named "
					"it as its successor, but that counted until %s only, and the clock of this "
					"machine says %s.",
					leaf_text, limit_text, now_text);
	so_error_hint(
		error,
		"If the clock is right, compare the thumbprint with catalog.master_properties; "
		"when it is the same, set MasterHttpsCertThumbprint = %s in the worker's settings "
		"and restart it. Otherwise set the clock.",
		leaf_text);
	return true;
}

/* ---- making ---------------------------------------------------------------------- */

static bool
set_names(X509 *statement, const SoCertificatePair *present, const SoThumbprint *from,
		  const SoThumbprint *to)
{
	X509_NAME *subject = X509_get_subject_name(statement);
	char from_text[SO_THUMBPRINT_TEXT_SIZE];
	char to_text[SO_THUMBPRINT_TEXT_SIZE];
	char uri[sizeof("URI:" URI_PREFIX) + 2 * HEX + 2];

	snprintf(uri, sizeof(uri), "URI:" URI_PREFIX "%s:%s", so_thumbprint_format(from, from_text),
			 so_thumbprint_format(to, to_text));
	return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
									  (const unsigned char *) "scaleout succession", -1, -1,
									  0) == 1 &&
		   X509_set_issuer_name(statement, X509_get_subject_name(present->certificate)) == 1 &&
		   so_certificate_add_extension(statement, NID_basic_constraints, "critical,CA:FALSE") &&
		   so_certificate_add_extension(statement, NID_subject_alt_name, uri);
}

/* Ed25519 and Ed448 bring their own digest. */
static const EVP_MD *
digest_of(const EVP_PKEY *key)
{
	int kind = EVP_PKEY_get_base_id(key);

	return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

/* The present certificate says that the next one succeeds it; NULL on failure. */
static X509 *
make_statement(const SoCertificatePair *present, const SoCertificatePair *next, time_t end)
{
	X509 *statement = X509_new();
	SoThumbprint from;
	SoThumbprint to;
	SoError ignored;
	bool ok;

	ok = statement != NULL && so_thumbprint_of_x509(present->certificate, &from, &ignored) &&
		 so_thumbprint_of_x509(next->certificate, &to, &ignored) &&
		 X509_set_version(statement, X509_VERSION_3) == 1 && so_certificate_set_serial(statement) &&
		 X509_gmtime_adj(X509_getm_notBefore(statement), -SO_CERTIFICATE_START_BEFORE_S) != NULL &&
		 ASN1_TIME_set(X509_getm_notAfter(statement), end) != NULL &&
		 set_names(statement, present, &from, &to) &&
		 X509_set_pubkey(statement, X509_get0_pubkey(next->certificate)) == 1 &&
		 X509_sign(statement, present->key, digest_of(present->key)) > 0;
	if (ok)
		return statement;
	X509_free(statement);
	return NULL;
}

/* ---- the file --------------------------------------------------------------------- */

/* A statement, or a certificate for which a statement of these speaks? */
static bool
is_of_succession(const STACK_OF(X509) * certificates, const X509 *certificate)
{
	SoThumbprint thumbprint;
	Statement statement;
	SoError ignored;

	if (read_statement(certificate, &statement))
		return true;
	if (!so_thumbprint_of_x509(certificate, &thumbprint, &ignored))
		return false;
	for (int i = 0; i < sk_X509_num(certificates); i++)
	{
		if (read_statement(sk_X509_value(certificates, i), &statement) &&
			so_thumbprint_equal(&statement.from, &thumbprint))
			return true;
	}
	return false;
}

/* The statements of a file that are still valid, each with its certificate. */
static bool
copy_valid(BIO *bio, const STACK_OF(X509) * chain, time_t now)
{
	bool ok = true;
	int copied = 1;

	for (int i = 0; ok && i < sk_X509_num(chain) && copied < SO_SUCCESSION_MAX; i++)
	{
		X509 *certificate = sk_X509_value(chain, i);
		Statement statement;
		X509 *predecessor;
		SoSuccessionTime ignored = {0};

		if (!read_statement(certificate, &statement) || !is_valid_at(certificate, now, &ignored) ||
			(predecessor = find(chain, &statement.from)) == NULL)
			continue;
		ok = PEM_write_bio_X509(bio, certificate) == 1 && PEM_write_bio_X509(bio, predecessor) == 1;
		copied++;
	}
	return ok;
}

/* The next certificate with its chain, without what an earlier call has put there. */
static bool
copy_next(BIO *bio, const SoCertificatePair *next)
{
	bool ok = PEM_write_bio_X509(bio, next->certificate) == 1;

	for (int i = 0; ok && i < sk_X509_num(next->chain); i++)
	{
		X509 *certificate = sk_X509_value(next->chain, i);

		if (!is_of_succession(next->chain, certificate))
			ok = PEM_write_bio_X509(bio, certificate) == 1;
	}
	return ok;
}

static bool
write_contents(BIO *bio, const SoCertificatePair *present, const SoCertificatePair *next,
			   time_t end)
{
	time_t now = time(NULL);
	X509 *statement;
	bool ok;

	if (!copy_next(bio, next))
		return false;
	if (present->certificate == NULL || end <= now || !may_name_successor(present->certificate))
		return true;
	statement = make_statement(present, next, end);
	ok = statement != NULL && PEM_write_bio_X509(bio, statement) == 1 &&
		 PEM_write_bio_X509(bio, present->certificate) == 1 && copy_valid(bio, present->chain, now);
	X509_free(statement);
	return ok;
}

bool
so_succession_possible(const char *certificate_file, bool *possible, SoError *error)
{
	SoCertificatePair pair;

	if (!so_certificate_load_public(certificate_file, &pair, error))
		return false;
	*possible = may_name_successor(pair.certificate);
	so_certificate_pair_free(&pair);
	return true;
}

bool
so_succession_write(const char *certificate_file, const char *key_file,
					const char *next_certificate_file, const char *next_key_file, time_t end,
					SoError *error)
{
	SoCertificatePair present = {0};
	SoCertificatePair next;
	BIO *bio;
	bool ok;

	/* Without a statement nobody needs the key: a stolen one may have been deleted. */
	if (end > time(NULL) && !so_certificate_load(certificate_file, key_file, &present, NULL, error))
		return false;
	if (!so_certificate_load(next_certificate_file, next_key_file, &next, NULL, error))
	{
		so_certificate_pair_free(&present);
		return false;
	}
	ERR_clear_error();
	bio = BIO_new(BIO_s_mem());
	if (bio != NULL && write_contents(bio, &present, &next, end))
		ok = so_pem_file_write(next_certificate_file, 0644, true, bio, error);
	else
		ok = so_openssl_error(error, SO_ERR_CERTIFICATE_FAILED, next_certificate_file,
							  "cannot make the statement of succession");
	BIO_free(bio);
	so_certificate_pair_free(&next);
	so_certificate_pair_free(&present);
	return ok;
}
