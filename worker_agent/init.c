/*
 * worker_agent/init.c
 *
 * Makes a new worker; see init.h.
 *
 * Process: scaleout-worker init or join.  The settings file is written last, and
 * whole or not at all, and is what makes the folder a worker's.  A crash before that
 * leaves a key, or a key and a certificate: join goes on with them, init refuses to
 * overwrite them and names them.
 */
#include "worker_agent/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/pem_file.h"
#include "common/thumbprint.h"
#include "common/uuid.h"
#include "worker_agent/endpoint.h"
#include "worker_agent/master_client.h"
#include "worker_agent/settings.h"
#include "worker_agent/settings_line.h"

#define MAX_NAMES 16

typedef struct Names
{
	char texts[MAX_NAMES][256];
	const char *list[MAX_NAMES];
	size_t count;
} Names;

static void
add_name(Names *names, const char *text)
{
	if (text[0] == '\0' || names->count == MAX_NAMES)
		return;
	for (size_t i = 0; i < names->count; i++)
	{
		if (strcasecmp(names->texts[i], text) == 0)
			return;
	}
	snprintf(names->texts[names->count], sizeof(names->texts[0]), "%s", text);
	names->list[names->count] = names->texts[names->count];
	names->count++;
}

static void
add_address(Names *names, const struct ifaddrs *interface)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr *address = interface->ifa_addr;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address == NULL || (interface->ifa_flags & IFF_LOOPBACK))
		return;
	if (address->sa_family == AF_INET)
	{
		memcpy(&v4, address, sizeof(v4));
		if (inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text)) != NULL)
			add_name(names, text);
	}
	else if (address->sa_family == AF_INET6)
	{
		memcpy(&v6, address, sizeof(v6));
		if (!IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) &&
			inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text)) != NULL)
			add_name(names, text);
	}
}

/* Host name, its full form, and the addresses of this machine. */
static void
collect_names(Names *names)
{
	char host[256] = "";
	struct addrinfo hints = {.ai_flags = AI_CANONNAME};
	struct addrinfo *found = NULL;
	struct ifaddrs *interfaces = NULL;

	names->count = 0;
	gethostname(host, sizeof(host) - 1);
	add_name(names, host);
	if (host[0] != '\0' && getaddrinfo(host, NULL, &hints, &found) == 0)
	{
		if (found->ai_canonname != NULL && strchr(found->ai_canonname, '.') != NULL)
			add_name(names, found->ai_canonname);
		freeaddrinfo(found);
	}
	if (getifaddrs(&interfaces) == 0)
	{
		for (struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next)
			add_address(names, at);
		freeifaddrs(interfaces);
	}
	if (names->count == 0)
		add_name(names, "localhost");
}

static bool
system_error(SoError *error, const char *place, const char *message)
{
	int reason = errno;

	so_error_set(error, SO_ERR_FILE_UNWRITABLE, place, "%s", message);
	return so_error_detail(error, "%s.", strerror(reason));
}

static bool
refuse_existing(const char *path, SoError *error)
{
	if (access(path, F_OK) != 0)
		return true;
	so_error_set(error, SO_ERR_AGENT_ALREADY_INITIALIZED, path,
				 "the folder already belongs to a worker");
	return so_error_detail(error, "%s exists and is not overwritten.", path);
}

static void
write_setting(FILE *file, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	fprintf(file, "%s = ", name);
	so_setting_line_quote(file, value);
	fputc('\n', file);
}

/* The text of the settings file, malloc'ed; NULL without memory. */
static char *
settings_text(const SoInitOptions *options, const SoInitIdentity *identity)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL)
		return NULL;
	fputs("# Settings of this scaleout worker, made when it was set up.\n"
		  "# scaleout-worker show --settings-sample lists everything that can be set.\n\n",
		  file);
	write_setting(file, "AgentId", identity->agent_id);
	write_setting(file, "DisplayName", options->display_name);
	write_setting(file, "Description", options->description);
	if (identity->existing)
	{
		write_setting(file, "CertificateFile", identity->certificate_file);
		write_setting(file, "KeyFile", identity->key_file);
	}
	write_setting(file, "WorkerHttpsCertThumbprint", identity->facts.thumbprint_text);
	write_setting(file, "MasterEndpoint", options->master);
	write_setting(file, "MasterHttpsCertThumbprint", options->thumbprint);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

/* Whole or not at all: what is there makes the folder a worker's. */
static bool
write_settings(const SoInitOptions *options, const SoInitIdentity *identity, const char *path,
			   SoError *error)
{
	char *text = settings_text(options, identity);
	BIO *bio = text != NULL ? BIO_new_mem_buf(text, -1) : NULL;
	bool good;

	if (bio != NULL)
		good = so_pem_file_write(path, 0600, false, bio, error);
	else
		good = so_error_set(error, SO_ERR_OUT_OF_MEMORY, path, "out of memory");
	BIO_free(bio);
	free(text);
	return good;
}

static bool
print_file(const char *path, FILE *to)
{
	char line[256];
	FILE *from = fopen(path, "re");

	if (from == NULL)
		return false;
	while (fgets(line, sizeof(line), from) != NULL)
		fputs(line, to);
	fclose(from);
	return true;
}

static void
say_what_to_do(const char *directory, const char *certificate_file, const char *agent_id,
			   const char *thumbprint)
{
	printf("Worker %s\n"
		   "  settings     %s/worker.conf\n"
		   "  certificate  %s\n"
		   "  thumbprint   %s\n\n"
		   "Let it work: on the master's server, as a member of ssis_admin, run\n\n"
		   "SELECT catalog.trust_worker_certificate(pem => $pem$\n",
		   agent_id, directory, certificate_file, thumbprint);
	print_file(certificate_file, stdout);
	printf("$pem$, enable => true);\n\n"
		   "or, where the file can be read:  scaleout workers trust --enable %s\n"
		   "(without enable, a second step lets it take tasks: "
		   "SELECT catalog.enable_worker_agent('%s');)\n\n"
		   "Then start it:  scaleout-worker run --directory %s\n",
		   certificate_file, agent_id, directory);
}

static bool
check_options(const SoInitOptions *options, SoError *error)
{
	SoEndpointList endpoints;
	int count;

	return so_endpoint_parse_list(options->master, &endpoints, error) &&
		   so_thumbprint_parse_list(options->thumbprint, NULL, SO_PINS_MAX, &count, error);
}

/* The certificate is made by somebody else: only look at it. */
static bool
use_existing(const SoInitOptions *options, SoInitIdentity *identity, SoError *error)
{
	if (options->certificate == NULL || options->key == NULL)
		return so_error_set(error, SO_ERR_AGENT_USAGE, NULL,
							"--certificate and --key belong together");
	identity->existing = true;
	if (realpath(options->certificate, identity->certificate_file) == NULL)
		return system_error(error, options->certificate, "the certificate cannot be read");
	if (realpath(options->key, identity->key_file) == NULL)
		return system_error(error, options->key, "the private key cannot be read");
	return so_certificate_check_files(identity->certificate_file, identity->key_file,
									  &identity->facts, error);
}

/*
 * The id of a worker that joins with a certificate that names none: the same when it
 * asks again because an answer was lost, so that the master recognises it.
 */
static void
id_of_thumbprint(const SoThumbprint *thumbprint, char text[SO_UUID_TEXT_SIZE])
{
	SoUuid uuid;

	memcpy(uuid.bytes, thumbprint->bytes, sizeof(uuid.bytes));
	/* Version 8 of RFC 9562: made by rules of our own. */
	uuid.bytes[6] = (uint8_t) ((uuid.bytes[6] & 0x0f) | 0x80);
	uuid.bytes[8] = (uint8_t) ((uuid.bytes[8] & 0x3f) | 0x80);
	so_uuid_format(&uuid, text);
}

static bool
make_pair(SoInitIdentity *identity, SoError *error)
{
	SoCertificateRequest request = {.days = SO_CERTIFICATE_DEFAULT_DAYS};
	Names names;

	identity->found_key = access(identity->key_file, F_OK) == 0;
	collect_names(&names);
	request.common_name = names.list[0];
	request.names = names.list;
	request.name_count = names.count;
	request.agent_id = identity->agent_id;
	if (so_certificate_create(&request, identity->certificate_file, identity->key_file, error) &&
		so_certificate_read_file(identity->certificate_file, &identity->facts, error))
		return true;
	so_init_remove(identity);
	return false;
}

bool
so_init_directory(const SoInitOptions *options, char *directory, SoError *error)
{
	char settings_file[PATH_MAX + 16];

	if (!check_options(options, error))
		return false;
	if (mkdir(options->directory, 0700) != 0 && errno != EEXIST)
		return system_error(error, options->directory, "the folder cannot be made");
	if (realpath(options->directory, directory) == NULL)
		return system_error(error, options->directory, "the folder cannot be used");
	snprintf(settings_file, sizeof(settings_file), "%s/worker.conf", directory);
	return refuse_existing(settings_file, error);
}

bool
so_init_identity(const SoInitOptions *options, const char *directory, bool reuse,
				 SoInitIdentity *identity, SoError *error)
{
	SoUuid uuid;

	memset(identity, 0, sizeof(*identity));
	if (!so_uuid_generate(&uuid, error))
		return false;
	so_uuid_format(&uuid, identity->agent_id);
	if (options->certificate != NULL || options->key != NULL)
	{
		if (!use_existing(options, identity, error))
			return false;
		if (reuse)
			id_of_thumbprint(&identity->facts.thumbprint, identity->agent_id);
	}
	else
	{
		if ((size_t) snprintf(identity->certificate_file, sizeof(identity->certificate_file),
							  "%s/worker.crt", directory) >= sizeof(identity->certificate_file) ||
			(size_t) snprintf(identity->key_file, sizeof(identity->key_file), "%s/worker.key",
							  directory) >= sizeof(identity->key_file))
			return so_error_set(error, SO_ERR_FILE_UNWRITABLE, directory, "the name is too long");
		/*
		 * An earlier join that got no answer has left its pair; one that was killed
		 * perhaps a key alone, which gets its certificate now.
		 */
		if (!(reuse && access(identity->certificate_file, F_OK) == 0 &&
			  so_certificate_check_files(identity->certificate_file, identity->key_file,
										 &identity->facts, error)) &&
			(!refuse_existing(identity->certificate_file, error) ||
			 (!reuse && !refuse_existing(identity->key_file, error)) ||
			 !make_pair(identity, error)))
			return false;
	}
	if (identity->facts.agent_id[0] != '\0' && so_uuid_parse(identity->facts.agent_id, &uuid))
		so_uuid_format(&uuid, identity->agent_id);
	return true;
}

bool
so_init_settings(const SoInitOptions *options, const char *directory,
				 const SoInitIdentity *identity, SoError *error)
{
	char settings_file[PATH_MAX + 16];

	snprintf(settings_file, sizeof(settings_file), "%s/worker.conf", directory);
	return write_settings(options, identity, settings_file, error);
}

void
so_init_remove(const SoInitIdentity *identity)
{
	if (identity->existing)
		return;
	unlink(identity->certificate_file);
	if (!identity->found_key)
		unlink(identity->key_file);
}

bool
so_init(const SoInitOptions *options, SoError *error)
{
	char directory[PATH_MAX];
	SoInitIdentity identity;

	if (!so_init_directory(options, directory, error) ||
		!so_init_identity(options, directory, false, &identity, error))
		return false;
	if (!so_init_settings(options, directory, &identity, error))
	{
		so_init_remove(&identity);
		return false;
	}
	say_what_to_do(directory, identity.certificate_file, identity.agent_id,
				   identity.facts.thumbprint_text);
	return true;
}
