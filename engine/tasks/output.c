/*
 * engine/tasks/output.c
 *
 * Cuts a program's output into lines and bounds what is kept of it.
 *
 * Process: runner and client, in a task's thread; one owner, nothing shared.
 */
#include "engine/tasks/output.h"

#include <inttypes.h>
#include <string.h>

/* Lines beyond this are not shown as events; files and variables get all. */
#define MAX_LINES 1000
/* A longer line is cut into pieces of this size. */
#define MAX_LINE 4000

void
so_output_init(SoOutput *output, SoTaskRun *run, SoProcessStream stream)
{
	static const struct
	{
		const char *label;
		const char *stream;
	} names[SO_PROCESS_STREAMS] = {
		[SO_PROCESS_OUTPUT] = {"standard output", "stdout"},
		[SO_PROCESS_ERROR] = {"standard error", "stderr"},
		[SO_PROCESS_COMMANDS] = {"commands", ""},
	};

	memset(output, 0, sizeof(*output));
	output->run = run;
	output->label = names[stream].label;
	output->stream = names[stream].stream;
	so_byte_buffer_init(&output->kept);
	so_byte_buffer_init(&output->line);
}

void
so_output_free(SoOutput *output)
{
	so_byte_buffer_free(&output->kept);
	so_byte_buffer_free(&output->line);
}

static void
remember_end(SoOutput *output, const char *bytes, size_t length)
{
	if (length >= SO_OUTPUT_LAST)
	{
		bytes += length - SO_OUTPUT_LAST;
		length = SO_OUTPUT_LAST;
		output->last_length = 0;
	}
	if (output->last_length + length > SO_OUTPUT_LAST)
	{
		size_t drop = output->last_length + length - SO_OUTPUT_LAST;

		memmove(output->last, output->last + drop, output->last_length - drop);
		output->last_length -= drop;
	}
	memcpy(output->last + output->last_length, bytes, length);
	output->last_length += length;
}

/* A zero byte would end the text early, and a broken character is no text. */
static void
make_printable(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '\0' || (text[i] == '\r' && i + 1 == length))
			text[i] = ' ';
	}
}

static bool
emit_line(SoOutput *output)
{
	size_t length = so_byte_buffer_length(&output->line);
	char *text;
	bool go_on = true;

	so_put_u8(&output->line, 0);
	if (output->line.failed)
		return false;
	text = (char *) output->line.data + output->line.start;
	make_printable(text, length);
	if (output->on_line != NULL)
		go_on = output->on_line(output->context, text);
	else if (!output->silent && length > 0)
	{
		if (output->lines_shown < MAX_LINES)
		{
			output->lines_shown++;
			so_task_output_line(output->run, output->stream, text);
		}
		else
			output->lines_dropped++;
	}
	so_byte_buffer_clear(&output->line);
	return go_on;
}

/*
 * How many bytes to leave for the next piece, so that the cut after room bytes
 * (bytes[room] exists) does not split a character of UTF-8.
 */
static size_t
split_character(const SoOutput *output, const char *bytes, size_t room)
{
	size_t back = 0;

	while (back < 3 && back < room && ((unsigned char) bytes[room - back] & 0xC0) == 0x80)
		back++;
	/* Never all of an empty line: it would not get shorter. */
	return back < room || so_byte_buffer_length(&output->line) > 0 ? back : 0;
}

static bool
take_lines(SoOutput *output, const char *bytes, size_t length)
{
	/* A command line may carry a large value; an event is short. */
	size_t limit = output->on_line != NULL ? output->limit : MAX_LINE;

	while (length > 0)
	{
		const char *newline = memchr(bytes, '\n', length);
		size_t part = newline != NULL ? (size_t) (newline - bytes) : length;
		size_t room = limit - so_byte_buffer_length(&output->line);

		if (part > room)
		{
			room -= split_character(output, bytes, room);
			so_put_bytes(&output->line, bytes, room);
			if (!emit_line(output))
				return false;
			bytes += room;
			length -= room;
			continue;
		}
		so_put_bytes(&output->line, bytes, part);
		if (newline == NULL)
			break;
		if (!emit_line(output))
			return false;
		bytes += part + 1;
		length -= part + 1;
	}
	return !output->line.failed;
}

bool
so_output_take(SoOutput *output, const char *bytes, size_t length)
{
	remember_end(output, bytes, length);
	if (output->keep)
	{
		if (so_byte_buffer_length(&output->kept) + length > output->limit)
		{
			output->overflow = true;
			return false;
		}
		so_put_bytes(&output->kept, bytes, length);
		if (output->kept.failed)
			return false;
	}
	if (output->silent && output->on_line == NULL)
		return true;
	return take_lines(output, bytes, length);
}

bool
so_output_finish(SoOutput *output)
{
	bool good = true;

	if (so_byte_buffer_length(&output->line) > 0)
		good = emit_line(output);
	if (output->lines_dropped > 0)
		so_task_warning(output->run, SO_ERR_TASK_DROPPED_OUTPUT,
						"%" PRId64 " more lines of %s are not shown", output->lines_dropped,
						output->label);
	output->lines_dropped = 0;
	return good;
}

const char *
so_output_last(SoOutput *output)
{
	char *start = output->last;
	size_t length = output->last_length;

	while (length > 0 && (output->last[length - 1] == '\n' || output->last[length - 1] == ' '))
		length--;
	make_printable(output->last, length);
	output->last[length] = '\0';
	/* Begin at a line, or at least at a character. */
	if (output->last_length == SO_OUTPUT_LAST)
	{
		char *newline = strchr(start, '\n');

		if (newline != NULL && newline[1] != '\0')
			start = newline + 1;
		while (((unsigned char) *start & 0xC0) == 0x80)
			start++;
	}
	return start;
}
