/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target without a fuzzer: over every seed, over every shorter
 * beginning of it, and over a fixed number of changed copies, the same ones
 * each time. Seeds are the files named on the command line, else those in
 * $srcdir/tests/fuzz/seeds/NAME, where the program is fuzz-NAME. Each input
 * is a heap block of exactly its size, so that ASan sees a read past it.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_MAX 65536u
#define CUTS	 512u /* shorter beginnings of one seed */
#define CHANGES	 256u /* changed copies of one seed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* xorshift64 (Marsaglia); the state is never 0. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void run_one(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	/* An empty input ends where its block ends, too. */
	LLVMFuzzerTestOneInput(len ? copy : copy + 1, len);
	free(copy);
}

static void run_cuts(const uint8_t *data, size_t len)
{
	size_t step = len / CUTS + 1;

	for (size_t n = 0; n < len; n += step)
		run_one(data, n);
}

/* A few bytes changed: anything, an edge value, or one bit. */
static void change(uint64_t *state, uint8_t *data, size_t len)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff };
	unsigned int times = 1 + (unsigned int)(next_random(state) % 4);
	uint64_t r;

	while (times--) {
		uint8_t *at = &data[next_random(state) % len];

		r = next_random(state);
		if (r % 3 == 0)
			*at = (uint8_t)(r >> 8);
		else if (r % 3 == 1)
			*at = edges[(r >> 8) % sizeof(edges)];
		else
			*at ^= (uint8_t)(1u << ((r >> 8) % 8));
	}
}

static void run_changes(uint64_t *state, const uint8_t *data, size_t len)
{
	static uint8_t copy[SEED_MAX];

	for (unsigned int i = 0; len && i < CHANGES; i++) {
		memcpy(copy, data, len);
		change(state, copy, len);
		run_one(copy, len);
	}
}

static int run_file(const char *path)
{
	static uint8_t data[SEED_MAX + 1];
	uint64_t state = 0x9e3779b97f4a7c15;
	FILE *f = fopen(path, "rb");
	size_t len;
	int bad;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	len = fread(data, 1, sizeof(data), f);
	bad = ferror(f) || len > SEED_MAX;
	fclose(f);
	if (bad) {
		fprintf(stderr, "%s: unreadable or too large\n", path);
		return -1;
	}
	/* Said before: if the target aborts, this is the last line. */
	printf("%s: %zu bytes\n", path, len);
	fflush(stdout);
	run_one(data, len);
	run_cuts(data, len);
	run_changes(&state, data, len);
	return 0;
}

/* The number of seeds run, or -1. */
static int run_dir(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort), run = 0;
	char path[4096];

	if (n < 0) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && run >= 0)
			run = run_file(path) < 0 ? -1 : run + 1;
		free(names[i]);
	}
	free(names);
	return run;
}

static int run_own_dir(const char *program)
{
	const char *base = strrchr(program, '/');
	const char *srcdir = getenv("srcdir");
	char dir[2048];

	base = base ? base + 1 : program;
	if (strncmp(base, "fuzz-", 5) == 0)
		base += 5;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/seeds/%s",
		 srcdir ? srcdir : ".", base);
	return run_dir(dir);
}

int main(int argc, char **argv)
{
	static const uint8_t nothing[1];
	int run = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	run_one(nothing, 0);
	if (argc < 2)
		run = run_own_dir(argv[0]);
	for (int i = 1; i < argc && run >= 0; i++)
		run = run_file(argv[i]) < 0 ? -1 : run + 1;
	if (run == 0)
		fprintf(stderr, "no seeds\n");
	return run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
