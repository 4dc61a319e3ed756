/*
 * engine/model/connection_types.c
 *
 * Tables of the connection managers.  Secrets never stand in a document: the
 * descriptions say where they belong.
 *
 * Process: runner, client, loader.  Constant data, nothing to protect.
 */
#include "engine/model/object_types.h"

#include <string.h>

static const char *const file_usage_names[] = {"existing_file", "create_file", "existing_folder",
											   "create_folder", NULL};
static const char *const encryption_names[] = {"none", "try", "required", NULL};

static const SoProperty connection_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name that tasks use in connection; unique in the package. One of the package hides one of "
	 "the project of the same name.",
	 "name: warehouse"},
	{"id", SO_PROPERTY_GUID, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Identity (UUID); derived when it is missing.", NULL},
	{"description", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, "What it connects to.", NULL},
	{"delay_validation", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Do not check the connection before it is used.", "delay_validation: true"},
	{0}};

const SoObjectType so_object_type_connection = {"connection", "Connection manager",
												"Properties that every connection manager has.",
												connection_properties, NULL};

#define PASSWORD_TEXT                                                                              \
	"Set it by an expression from a sensitive parameter, never here: what stands in a document "   \
	"is not "                                                                                      \
	"a secret."
#define CA_FILE_TEXT                                                                               \
	"File with the certificates (PEM) that the server's certificate must lead to; default "        \
	"is the system's."

static const SoProperty postgres_properties[] = {
	{"connection_string", SO_PROPERTY_STRING, 0, "", NULL, NULL,
	 "libpq connection string or URI. Prefer service=name and keep the rest in pg_service.conf and "
	 "the password in ~/.pgpass. The properties below are added to it.",
	 "connection_string: \"service=warehouse\""},
	{"server_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Host name, address or socket directory (libpq's host).", "server_name: db.example"},
	{"server_port", SO_PROPERTY_INT32, 0, NULL, NULL, NULL, "Port (libpq's port).",
	 "server_port: 5432"},
	{"initial_catalog", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, "Database (libpq's dbname).",
	 "initial_catalog: warehouse"},
	{"user_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, "Role (libpq's user).",
	 "user_name: etl"},
	{"password", SO_PROPERTY_STRING, SO_PROPERTY_SECRET, NULL, NULL, NULL, PASSWORD_TEXT,
	 "expressions: {password: \"@[$Project::warehouse_password]\"}"},
	{"connect_timeout", SO_PROPERTY_DURATION, 0, "15s", NULL, NULL, "How long to try to connect.",
	 "connect_timeout: 15s"},
	{"retain_same_connection", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Keep one session for the whole execution: temporary tables and settings stay, tasks that use "
	 "it wait for each other.",
	 "retain_same_connection: true"},
	{0}};

static const SoObjectType postgres_type = {"postgres", "PostgreSQL connection",
										   "A PostgreSQL database, by libpq.", postgres_properties,
										   &so_object_type_connection};

static const SoProperty odbc_properties[] = {
	{"connection_string", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "ODBC connection string: DSN=name, or Driver=... with what the driver wants.",
	 "connection_string: \"DSN=erp\""},
	{"user_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "User; added to the connection string as UID.", "user_name: etl"},
	{"password", SO_PROPERTY_STRING, SO_PROPERTY_SECRET, NULL, NULL, NULL, PASSWORD_TEXT,
	 "expressions: {password: \"@[$Project::erp_password]\"}"},
	{"connect_timeout", SO_PROPERTY_DURATION, 0, "15s", NULL, NULL, "How long to try to connect.",
	 "connect_timeout: 15s"},
	{"retain_same_connection", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Keep one session for the whole execution.", "retain_same_connection: true"},
	{0}};

static const SoObjectType odbc_type = {"odbc", "ODBC connection",
									   "Any other database, by unixODBC and its driver.",
									   odbc_properties, &so_object_type_connection};

static const SoProperty file_properties[] = {
	{"connection_string", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Path of the file or folder.", "connection_string: /srv/in/orders.csv"},
	{"file_usage_type", SO_PROPERTY_ENUM, 0, "existing_file", file_usage_names, NULL,
	 "What must be there and what is created.", "file_usage_type: existing_folder"},
	{0}};

static const SoObjectType file_type = {"file", "File connection", "A file or a folder.",
									   file_properties, &so_object_type_connection};

static const SoProperty ftp_properties[] = {
	{"connection_string", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "URL of the server and the folder to begin in: ftp://, ftps:// or sftp://.",
	 "connection_string: \"sftp://files.example/in\""},
	{"user_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "User; anonymous for FTP when it is missing.", "user_name: robot"},
	{"password", SO_PROPERTY_STRING, SO_PROPERTY_SECRET, NULL, NULL, NULL, PASSWORD_TEXT,
	 "expressions: {password: \"@[$Project::ftp_password]\"}"},
	{"timeout", SO_PROPERTY_DURATION, 0, "60s", NULL, NULL, "How long the server may be silent.",
	 "timeout: 5min"},
	{"connect_timeout", SO_PROPERTY_DURATION, 0, "30s", NULL, NULL, "How long to try to connect.",
	 "connect_timeout: 30s"},
	{"retries", SO_PROPERTY_INT32, 0, "5", NULL, NULL,
	 "How often a cut transfer is taken up again.", "retries: 2"},
	{"use_passive_mode", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "FTP: the client opens the data connection.", "use_passive_mode: false"},
	{"encryption", SO_PROPERTY_ENUM, 0, "none", encryption_names, NULL,
	 "FTP: ask for TLS on an ftp:// connection (AUTH TLS). ftps:// and sftp:// are always "
	 "encrypted.",
	 "encryption: required"},
	{"ca_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, CA_FILE_TEXT,
	 "ca_file: /etc/ssl/partner.pem"},
	{"private_key_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "SFTP: private key of the user; it stays on the worker.",
	 "private_key_file: /etc/scaleout/keys/robot"},
	{"known_hosts_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "SFTP: file with the host keys that are accepted; default is the account's "
	 "~/.ssh/known_hosts.",
	 "known_hosts_file: /etc/scaleout/known_hosts"},
	{0}};

static const SoObjectType ftp_type = {"ftp", "FTP connection", "An FTP, FTPS or SFTP server.",
									  ftp_properties, &so_object_type_connection};

static const SoProperty http_properties[] = {
	{"connection_string", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "URL of the server; paths of tasks are relative to it.",
	 "connection_string: \"https://api.example/v1/\""},
	{"user_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, "User of basic authentication.",
	 "user_name: robot"},
	{"password", SO_PROPERTY_STRING, SO_PROPERTY_SECRET, NULL, NULL, NULL, PASSWORD_TEXT,
	 "expressions: {password: \"@[$Project::api_password]\"}"},
	{"bearer_token", SO_PROPERTY_STRING, SO_PROPERTY_SECRET, NULL, NULL, NULL,
	 "Token for Authorization: Bearer. " PASSWORD_TEXT,
	 "expressions: {bearer_token: \"@[$Project::api_token]\"}"},
	{"headers", SO_PROPERTY_STRING_MAP, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Header lines that every request carries.", "headers: {Accept: application/json}"},
	{"timeout", SO_PROPERTY_DURATION, 0, "60s", NULL, NULL, "How long the server may be silent.",
	 "timeout: 5min"},
	{"connect_timeout", SO_PROPERTY_DURATION, 0, "30s", NULL, NULL, "How long to try to connect.",
	 "connect_timeout: 30s"},
	{"retries", SO_PROPERTY_INT32, 0, "3", NULL, NULL,
	 "How often a cut download is taken up again.", "retries: 5"},
	{"ca_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, CA_FILE_TEXT,
	 "ca_file: /etc/ssl/partner.pem"},
	{"client_certificate_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Certificate (PEM) that the client shows.",
	 "client_certificate_file: /etc/scaleout/keys/api.pem"},
	{"client_key_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Private key (PEM) of that certificate; it stays on the worker.",
	 "client_key_file: /etc/scaleout/keys/api.key"},
	{"proxy_url", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Proxy; default is what the worker's environment says (https_proxy).",
	 "proxy_url: \"http://proxy.example:3128\""},
	{0}};

static const SoObjectType http_type = {"http", "HTTP connection", "An HTTP or HTTPS server.",
									   http_properties, &so_object_type_connection};

static const SoProperty smtp_properties[] = {
	{"connection_string", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "URL of the mail server: smtp:// or smtps://.",
	 "connection_string: \"smtp://mail.example:587\""},
	{"user_name", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "User; without it the server must take anonymous mail.", "user_name: robot"},
	{"password", SO_PROPERTY_STRING, SO_PROPERTY_SECRET, NULL, NULL, NULL, PASSWORD_TEXT,
	 "expressions: {password: \"@[$Project::mail_password]\"}"},
	{"timeout", SO_PROPERTY_DURATION, 0, "60s", NULL, NULL,
	 "How long sending one message may take.", "timeout: 2min"},
	{"encryption", SO_PROPERTY_ENUM, 0, "try", encryption_names, NULL,
	 "STARTTLS on an smtp:// connection.", "encryption: required"},
	{"ca_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, CA_FILE_TEXT,
	 "ca_file: /etc/ssl/partner.pem"},
	{0}};

static const SoObjectType smtp_type = {"smtp", "SMTP connection", "A mail server.", smtp_properties,
									   &so_object_type_connection};

static const SoObjectType *const connection_types[] = {
	&postgres_type, &odbc_type, &file_type, &ftp_type, &http_type, &smtp_type, NULL};

const SoObjectType *const *
so_connection_types(void)
{
	return connection_types;
}

const SoObjectType *
so_connection_type_find(const char *name)
{
	for (int i = 0; connection_types[i] != NULL; i++)
	{
		if (strcmp(connection_types[i]->name, name) == 0)
			return connection_types[i];
	}
	return NULL;
}
