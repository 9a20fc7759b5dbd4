/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a key command prints. */
#include <stdlib.h>

#include "agent/key-output.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct ike_identity nobody = ike_identity_null();
	struct key_answer answer;
	unsigned line;

	if (key_output_parse((const char *)data, len, &nobody, &answer, &line) <
	    0)
		return 0;
	if (!answer.keys->n || answer.keys->n > LIMIT_KNOWN_KEYS ||
	    answer.lifetime_ms < KEY_OUTPUT_MS_MIN ||
	    answer.lifetime_ms > KEY_OUTPUT_MS_MAX)
		abort();
	key_answer_done(&answer);
	return 0;
}
