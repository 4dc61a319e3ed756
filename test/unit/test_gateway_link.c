/*
 * test/unit/test_gateway_link.c
 *
 * The gateway's end of the link: frames in any pieces, end of stream, violations, a
 * master that does not read; and what the frames to the master contain.
 *
 * Process: the unit test; the other end of a socket pair plays the master.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/protocol.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/outgoing.h"

static struct event_base *base;
static SoLink link_here;
static int master; /* the other end */
static int frames;
static uint8_t types[100];
static size_t lengths[100];
static char last_payload[100];
static int gone;
static SoError gone_error;

static void
on_frame(void *context, const SoFrame *frame)
{
	assert_ptr_equal(context, &frames);
	assert_true(frames < 100);
	types[frames] = frame->type;
	lengths[frames] = frame->length;
	snprintf(last_payload, sizeof(last_payload), "%.*s",
			 (int) (frame->length < 99 ? frame->length : 99), (const char *) frame->payload);
	frames++;
}

static void
on_gone(void *context, const SoError *error)
{
	assert_ptr_equal(context, &frames);
	gone++;
	so_error_clear(&gone_error);
	if (error != NULL)
		gone_error = *error;
}

static int
setup(void **state)
{
	int ends[2];
	SoError error;

	(void) state;
	signal(SIGPIPE, SIG_IGN); /* as the gateway does */
	base = event_base_new();
	if (base == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	master = ends[1];
	memset(&link_here, 0, sizeof(link_here));
	link_here.on_frame = on_frame;
	link_here.on_gone = on_gone;
	link_here.context = &frames;
	frames = 0;
	gone = 0;
	return so_link_open(&link_here, base, ends[0], &error) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void) state;
	event_free(link_here.read_event);
	event_free(link_here.write_event);
	so_byte_buffer_free(&link_here.in);
	so_byte_buffer_free(&link_here.out);
	close(link_here.fd);
	if (master >= 0)
		close(master);
	event_base_free(base);
	return 0;
}

/* Let the loop do what is there to do now. */
static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
master_sends(const void *bytes, size_t size)
{
	assert_int_equal(send(master, bytes, size, MSG_NOSIGNAL), (ssize_t) size);
}

static void
test_descriptor(void **state)
{
	(void) state;
	assert_true((fcntl(link_here.fd, F_GETFL) & O_NONBLOCK) != 0);
	turn();
	assert_int_equal(frames, 0);
	assert_int_equal(gone, 0);
	assert_int_equal(so_link_waiting(&link_here), 0);
}

/* Three frames at once, and the same byte by byte. */
static void
test_pieces(void **state)
{
	SoByteBuffer out;
	size_t size;

	(void) state;
	so_byte_buffer_init(&out);
	so_frame_put(&out, SO_GATEWAY_TRUST, 0, "abc", 3);
	so_frame_put(&out, SO_GATEWAY_ANSWER, 0, "", 0);
	so_frame_put(&out, SO_GATEWAY_CONFIGURE, 0, "hello", 5);
	size = so_byte_buffer_length(&out);
	master_sends(out.data + out.start, size);
	turn();
	assert_int_equal(frames, 3);
	for (size_t i = 0; i < size; i++)
	{
		master_sends(out.data + out.start + i, 1);
		turn();
	}
	assert_int_equal(frames, 6);
	for (int i = 0; i < 6; i += 3)
	{
		assert_int_equal(types[i], SO_GATEWAY_TRUST);
		assert_int_equal(lengths[i], 3);
		assert_int_equal(types[i + 1], SO_GATEWAY_ANSWER);
		assert_int_equal(lengths[i + 1], 0);
		assert_int_equal(types[i + 2], SO_GATEWAY_CONFIGURE);
		assert_int_equal(lengths[i + 2], 5);
	}
	assert_string_equal(last_payload, "hello");
	assert_int_equal(gone, 0);
	so_byte_buffer_free(&out);
}

/* The master closes: what it sent before is taken, half a frame is dropped, no error. */
static void
test_end(void **state)
{
	SoByteBuffer out;

	(void) state;
	so_byte_buffer_init(&out);
	so_frame_put(&out, SO_GATEWAY_TRUST, 0, "abc", 3);
	so_frame_put(&out, SO_GATEWAY_TRUST, 0, "half", 4);
	master_sends(out.data + out.start, so_byte_buffer_length(&out) - 2);
	close(master);
	master = -1;
	turn();
	assert_int_equal(frames, 1);
	assert_int_equal(gone, 1);
	assert_int_equal(gone_error.code, SO_OK);
	turn();
	assert_int_equal(gone, 1);
	so_byte_buffer_free(&out);
}

/* A frame that is larger than any may be: the stream is of no use any more. */
static void
test_violation(void **state)
{
	(void) state;
	master_sends("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	turn();
	assert_int_equal(frames, 0);
	assert_int_equal(gone, 1);
	assert_int_not_equal(gone_error.code, SO_OK);
	master_sends("more", 4);
	turn();
	assert_int_equal(gone, 1);
}

/* Everything that the master finds at its end, as frames. */
static int
master_reads(SoByteBuffer *in, SoFrame *last)
{
	int count = 0;
	SoFrame frame;
	SoError error;

	while (so_frame_read(in, master) > 0)
		continue;
	while (so_frame_next(in, SO_FRAME_MAX_PAYLOAD, &frame, &error) == 1)
	{
		count++;
		*last = frame;
	}
	return count;
}

static void
test_log(void **state)
{
	SoByteBuffer in;
	SoFieldReader reader;
	SoFrame frame;
	size_t length;
	const char *text;

	(void) state;
	so_byte_buffer_init(&in);
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	so_link_log(&link_here, SO_LOG_WARNING, "a line");
	assert_true(so_link_waiting(&link_here) > 0);
	so_link_flush(&link_here);
	assert_int_equal(so_link_waiting(&link_here), 0);
	assert_int_equal(master_reads(&in, &frame), 1);
	assert_int_equal(frame.type, SO_GATEWAY_LOG);
	so_field_reader_init(&reader, frame.payload, frame.length);
	assert_int_equal(so_get_u8(&reader), SO_LOG_WARNING);
	text = so_get_block(&reader, &length);
	assert_int_equal(length, 6);
	assert_memory_equal(text, "a line", 6);
	assert_true(so_field_reader_done(&reader));
	so_byte_buffer_free(&in);
}

/*
 * The master does not read: log lines are dropped above a limit and counted;
 * when it reads again everything else arrives, and the count.
 */
static void
test_master_does_not_read(void **state)
{
	char line[1001];
	int written = 0;
	int arrived = 0;
	SoByteBuffer in;
	SoFrame frame = {0};

	(void) state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	so_byte_buffer_init(&in);
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	while (link_here.lost_lines < 10)
	{
		assert_true(written < 10000);
		so_link_log(&link_here, SO_LOG_INFORMATION, line);
		so_link_flush(&link_here);
		written++;
	}
	assert_true(so_link_waiting(&link_here) <= SO_LIMIT_LINK_LOG_BYTES + 2000);
	for (int i = 0; i < 1000 && (so_link_waiting(&link_here) > 0 || arrived == 0); i++)
	{
		arrived += master_reads(&in, &frame);
		turn();
		so_link_flush(&link_here);
	}
	arrived += master_reads(&in, &frame);
	assert_int_equal(so_link_waiting(&link_here), 0);
	/* All but the ten, and one line that counts them. */
	assert_int_equal(arrived, written - 10 + 1);
	assert_int_equal(link_here.lost_lines, 0);
	assert_int_equal(gone, 0);
	so_byte_buffer_free(&in);
}

static void
test_write_after_close(void **state)
{
	(void) state;
	close(master);
	master = -1;
	so_link_log(&link_here, SO_LOG_WARNING, "nobody is there");
	so_link_flush(&link_here);
	assert_int_equal(gone, 1);
	assert_int_equal(gone_error.code, SO_OK);
	turn();
	assert_int_equal(gone, 1);
}

/* Last words wait no longer than they may, and arrive when somebody reads. */
static void
test_flush_all(void **state)
{
	char *block = test_calloc(1, 4 << 20);
	size_t waiting;
	SoByteBuffer in;
	SoFrame frame;

	(void) state;
	so_frame_put(&link_here.out, SO_GATEWAY_LOG, 0, block, 4 << 20);
	so_link_flush_all(&link_here, 1);
	waiting = so_link_waiting(&link_here);
	assert_true(waiting > 0);
	so_byte_buffer_init(&in);
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 1000 && so_link_waiting(&link_here) > 0; i++)
	{
		while (so_frame_read(&in, master) > 0)
			continue;
		so_link_flush_all(&link_here, 1);
	}
	assert_int_equal(master_reads(&in, &frame), 1);
	assert_int_equal(frame.length, 4 << 20);
	so_byte_buffer_free(&in);
	test_free(block);
}

static void
assert_text(SoFieldReader *reader, const char *wanted)
{
	size_t length;
	const char *text = so_get_block(reader, &length);

	assert_int_equal(length, strlen(wanted));
	assert_memory_equal(text, wanted, length);
}

/* The frames of gateway/outgoing.h, field by field. */
static void
test_outgoing(void **state)
{
	SoByteBuffer *out = &link_here.out;
	SoThumbprint thumbprint;
	char digits[SO_THUMBPRINT_TEXT_SIZE];
	SoFieldReader reader;
	SoFrame frame;
	SoError error;
	SoError problem;

	(void) state;
	memset(thumbprint.bytes, 0xab, sizeof(thumbprint.bytes));
	so_thumbprint_format(&thumbprint, digits);
	so_error_set(&problem, SO_ERR_FILE_UNREADABLE, "/a.crt", "no such file");
	so_error_detail(&problem, "Really.");
	so_error_hint(&problem, "Make one.");
	so_outgoing_hello(&link_here);
	so_outgoing_listening(&link_here, "127.0.0.1:8391", 8391, &thumbprint);
	so_outgoing_reloaded(&link_here, &thumbprint, NULL);
	so_outgoing_reloaded(&link_here, &thumbprint, &problem);
	so_outgoing_failed(&link_here, &problem);
	so_outgoing_abandoned(&link_here, UINT64_C(1) << 40);

#define NEXT(kind)                                                                                 \
	assert_int_equal(so_frame_next(out, SO_FRAME_MAX_PAYLOAD, &frame, &error), 1);                 \
	assert_int_equal(frame.type, kind);                                                            \
	so_field_reader_init(&reader, frame.payload, frame.length)
	NEXT(SO_GATEWAY_HELLO);
	assert_text(&reader, SO_VERSION);
	assert_int_equal(so_get_u32(&reader), (uint32_t) getpid());
	assert_true(so_field_reader_done(&reader));
	NEXT(SO_GATEWAY_LISTENING);
	assert_text(&reader, "127.0.0.1:8391");
	assert_int_equal(so_get_u16(&reader), 8391);
	assert_text(&reader, digits);
	assert_true(so_field_reader_done(&reader));
	NEXT(SO_GATEWAY_RELOADED);
	assert_int_equal(so_get_u8(&reader), 1);
	assert_text(&reader, digits);
	assert_text(&reader, "");
	assert_text(&reader, "");
	assert_true(so_field_reader_done(&reader));
	NEXT(SO_GATEWAY_RELOADED);
	assert_int_equal(so_get_u8(&reader), 0);
	assert_text(&reader, digits);
	assert_text(&reader, "SO007");
	assert_text(&reader, "no such file (/a.crt). Really.");
	assert_true(so_field_reader_done(&reader));
	NEXT(SO_GATEWAY_FAILED);
	assert_text(&reader, "SO007");
	assert_text(&reader, "no such file (/a.crt)");
	assert_text(&reader, "Really.");
	assert_text(&reader, "Make one.");
	assert_true(so_field_reader_done(&reader));
	NEXT(SO_GATEWAY_ABANDONED);
	assert_true(so_get_u64(&reader) == UINT64_C(1) << 40);
	assert_true(so_field_reader_done(&reader));
#undef NEXT
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_violation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_master_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_after_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outgoing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
