/*
 * test/unit/test_tasks_remote_list.c
 *
 * engine/tasks/remote_list.c: the listings of servers, good and odd ones.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/tasks/remote_list.h"

typedef void (*Reader)(TALLOC_CTX *context, const char *text, SoRemoteList *list);

/* "name d size modified|..." */
static void
check(Reader reader, const char *text, const char *expected)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoRemoteList list = {NULL, 0};
	char *joined = talloc_strdup(context, "");

	reader(context, text, &list);
	for (int i = 0; i < list.count; i++)
		joined =
			talloc_asprintf_append(joined, "%s%s%s %lld %s", i > 0 ? "|" : "", list.entries[i].name,
								   list.entries[i].is_directory ? "/" : "",
								   (long long) list.entries[i].size, list.entries[i].modified);
	assert_string_equal(joined, expected);
	talloc_free(context);
}

static void
reads_mlsd(void **state)
{
	(void) state;
	check(
		so_remote_list_read_mlsd,
		"type=cdir;modify=20240101000000; .\r\nType=file;Size=12;Modify=20240102030405; a b.csv\r\n"
		"type=dir;modify=20240103000000;perm=el; sub\r\n",
		"a b.csv 12 20240102030405|sub/ -1 20240103000000");
	check(so_remote_list_read_mlsd, "", "");
	check(so_remote_list_read_mlsd, "nonsense\r\n; \r\n", "");
	check(so_remote_list_read_mlsd, "type=file;size=1; ../../etc/passwd\r\n", "passwd 1 ");
	check(so_remote_list_read_mlsd, "size=5; plain", "plain 5 ");
}

static void
reads_names(void **state)
{
	(void) state;
	check(so_remote_list_read_names, "a\r\n/in/b c\r\n.\r\n..\r\n\r\nd/\r\n", "a -1 |b c -1 ");
}

static void
reads_long_listings(void **state)
{
	(void) state;
	check(so_remote_list_read_long,
		  "-rw-r--r--    1 user     group         123 Jan  2 03:04 a.csv\n"
		  "drwxr-xr-x    2 user     group        4096 Feb 11  2023 two  words\n"
		  "drwxr-xr-x    2 user     group        4096 Feb 11  2023 .\n",
		  "a.csv 123 Jan  2 03:04|two  words/ 4096 Feb 11  2023");
	check(so_remote_list_read_long, "total 5\n\nshort line\n-rw 1 u g 5 Jan 2 03:04\n", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_mlsd),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(reads_long_listings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
