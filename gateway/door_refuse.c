/*
 * gateway/door_refuse.c
 *
 * Answers that the door gives by itself and that end the connection: to clients
 * without a trusted certificate, whose bytes are thrown away unread, to requests
 * that do not arrive in time, and to requests that evhttp finds malformed, whose
 * HTML answers are replaced by the errors of the protocol.
 *
 * Process: gateway; one thread.
 */
#include "gateway/door_connection.h"

#include <event2/buffer.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/error_body.h"

static const char *
reason_phrase(int status)
{
	switch (status)
	{
		case 400:
			return "Bad Request";
		case 403:
			return "Forbidden";
		case 404:
			return "Not Found";
		case 405:
			return "Method Not Allowed";
		case 408:
			return "Request Timeout";
		case 413:
			return "Content Too Large";
		case 429:
			return "Too Many Requests";
		case 431:
			return "Request Header Fields Too Large";
		case 503:
			return "Service Unavailable";
		default:
			return "Error";
	}
}

/* The whole answer as malloc'ed bytes; NULL without memory. */
static char *
make_answer(SoDoor *door, const SoError *error, size_t *size)
{
	int status = so_error_http_status(error->code);
	size_t body_size;
	char *body = so_error_body(error, &body_size);
	char *answer = NULL;
	int length;

	if (body != NULL)
	{
		length = asprintf(&answer,
						  "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
						  "Content-Length: %zu\r\nDate: %s\r\n%sConnection: close\r\n\r\n%s",
						  status, reason_phrase(status), body_size, so_door_date(door),
						  status == 429 || status == 503 ? "Retry-After: 1\r\n" : "", body);
		free(body);
		if (length < 0)
			return NULL;
		*size = (size_t) length;
	}
	return answer;
}

/* Write the answer that is ready; from now on input is only drained. */
static void
write_refusal(SoDoorConnection *connection)
{
	connection->state = DOOR_REFUSED;
	so_door_set_timer(connection, SO_LIMIT_DRAIN_MS);
	bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
	bufferevent_write(connection->bev, connection->refusal, connection->refusal_size);
	free(connection->refusal);
	connection->refusal = NULL;
}

static void
read_cb(struct bufferevent *bev, void *argument)
{
	SoDoorConnection *connection = argument;
	struct evbuffer *input = bufferevent_get_input(bev);

	connection->drained += evbuffer_get_length(input);
	evbuffer_drain(input, evbuffer_get_length(input));
	if (connection->state == DOOR_REFUSING)
		write_refusal(connection);
	else if (connection->drained > SO_LIMIT_DRAIN_BYTES)
		so_door_close(connection);
}

/*
 * The answer is out.  Say so at both layers, then read on until the client has
 * closed too: closing with unread bytes would reset the connection and could
 * take the answer from the client.
 */
static void
write_cb(struct bufferevent *bev, void *argument)
{
	SoDoorConnection *connection = argument;

	if (connection->state != DOOR_REFUSED || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	ERR_clear_error();
	SSL_shutdown(connection->ssl);
	ERR_clear_error();
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
event_cb(struct bufferevent *bev, short what, void *argument)
{
	(void) bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		so_door_close(argument);
}

void
so_door_refuse(SoDoorConnection *connection, const SoError *error, bool wait)
{
	struct evbuffer *input = bufferevent_get_input(connection->bev);
	struct evbuffer *output = bufferevent_get_output(connection->bev);

	so_door_stop_receiving(connection);
	connection->state = DOOR_REFUSING;
	connection->request = NULL;
	bufferevent_setwatermark(connection->bev, EV_READ, 0, 0);
	bufferevent_setcb(connection->bev, read_cb, write_cb, event_cb, connection);
	evbuffer_drain(input, evbuffer_get_length(input));
	evbuffer_drain(output, evbuffer_get_length(output));
	connection->refusal = make_answer(connection->door, error, &connection->refusal_size);
	if (connection->refusal == NULL)
	{
		so_door_close(connection);
		return;
	}
	if (!wait)
	{
		write_refusal(connection);
		return;
	}
	so_door_set_timer(connection, SO_LIMIT_HANDSHAKE_MS);
	bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
}

/*
 * The status of the answer that evhttp has put into the output, or -1 when there
 * is only a "100 Continue", after which it goes on with the request.  A method
 * that evhttp does not know has the status 0.
 */
static int
foreign_status(struct evbuffer *output)
{
	char text[128];
	ev_ssize_t length = evbuffer_copyout(output, text, sizeof(text) - 1);
	const char *line = text;
	int status;

	text[length > 0 ? length : 0] = '\0';
	while (sscanf(line, "HTTP/%*d.%*d %d", &status) == 1)
	{
		const char *end = strstr(line, "\r\n\r\n");

		if (status != 100)
			return status;
		if (end == NULL)
			break;
		line = end + 4;
	}
	return -1;
}

void
so_door_refuse_instead(SoDoorConnection *connection)
{
	int status = foreign_status(bufferevent_get_output(connection->bev));
	SoError error;

	if (status == -1)
		return;
	if (status == 413)
	{
		so_error_set(&error, SO_ERR_REQUEST_TOO_LARGE, NULL, "the request body is too large");
		so_error_detail(&error,
						"The limit is %d bytes; chunks that cannot be read are too large, too.",
						SO_LIMIT_BODY);
	}
	else if (connection->received > SO_LIMIT_HEADERS)
	{
		so_error_set(&error, SO_ERR_HEADERS_TOO_LARGE, NULL, "the request headers are too large");
		so_error_detail(&error, "The limit is %d bytes.", SO_LIMIT_HEADERS);
	}
	else if (status == 0 || status == 501)
		so_error_set(&error, SO_ERR_METHOD_NOT_ALLOWED, NULL, "the method is not known");
	else
		so_error_set(&error, SO_ERR_REQUEST_MALFORMED, NULL, "this is not an HTTP/1.1 request");
	so_door_refuse(connection, &error, false);
}
