/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent/explain-advice.h: whatever the cause, something is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/explain-advice.h"

static bool says(const struct advice *a, const char *words)
{
	for (size_t i = 0; i < a->n; i++) {
		if (strstr(a->text[i], words))
			return true;
	}
	return false;
}

static struct policy policy_of(enum policy_level level)
{
	struct policy p = { .name = "office", .level = level };

	return p;
}

static struct dbus_explanation explanation(void)
{
	struct dbus_explanation e = { .netd = true };

	assert_int_equal(addr_parse("192.0.2.7", &e.remote), 0);
	e.peer.identity = e.peer.cipher = "";
	return e;
}

static void test_policies(void **state)
{
	struct dbus_explanation e = explanation();
	struct flow f = { .state = FLOW_IDLE };
	struct policy p;
	struct advice a;

	(void)state;
	advice_find(NULL, NULL, &e, &a);
	assert_int_equal(a.n, 1);
	assert_true(says(&a, "No policy covers"));
	p = policy_of(POLICY_FORBID);
	p.file = "/etc/tacit/policy.d/office.conf";
	advice_find(&p, &f, &e, &a);
	assert_int_equal(a.n, 1);
	assert_true(says(&a, "forbid of policy office"));
	assert_true(says(&a, p.file));
	p = policy_of(POLICY_BLOCK);
	advice_find(&p, &f, &e, &a);
	assert_true(says(&a, "lets nothing pass"));
	p = policy_of(POLICY_ALLOW);
	advice_find(&p, NULL, &e, &a);
	assert_int_equal(a.n, 2);
	assert_true(says(&a, "write offer in a file of its own"));
	assert_true(says(&a, "tacit up 192.0.2.7"));
	e.netd = false;
	p = policy_of(POLICY_OFFER);
	advice_find(&p, NULL, &e, &a);
	assert_true(says(&a, "journalctl -u tacit-netd"));
}

static void test_reasons(void **state)
{
	static const struct {
		enum ike_reason reason;
		uint16_t notify;
		const char *words;
	} rows[] = {
		{ IKE_REASON_UNANSWERED, 0, "UDP 500 and 4500" },
		{ IKE_REASON_UNREACHABLE, 0, "start an IKE daemon" },
		{ IKE_REASON_REFUSED, 14, "compare [Algorithms]" },
		{ IKE_REASON_REFUSED, 24, "notify 24" },
		{ IKE_REASON_MODE, 0, "The peer refuses: see its log" },
		{ IKE_REASON_AUTH, 0, "tacit key show" },
		{ IKE_REASON_NO_KEY, 0, "Discover=always" },
		{ IKE_REASON_BOGUS, 0, "tacit lookup" },
		{ IKE_REASON_PROTOCOL, 0, "tacit capture" },
		{ IKE_REASON_RESOURCES, 0, "journalctl -u tacit" },
	};
	static const enum flow_state states[] = { FLOW_IDLE, FLOW_CLEAR,
						  FLOW_BLOCKED, FLOW_HOLDDOWN };
	struct dbus_explanation e = explanation();
	const struct policy p = policy_of(POLICY_REQUIRE);
	struct advice a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < 4; j++) {
			const struct flow f = { .state = states[j],
						.reason = rows[i].reason,
						.notify = rows[i].notify };

			advice_find(&p, &f, &e, &a);
			assert_int_equal(a.n, 2);
			assert_true(says(&a, rows[i].words));
			assert_true(says(&a, "tacit up 192.0.2.7"));
			for (size_t k = 0; k < a.n; k++)
				assert_true(strlen(a.text[k]) < ADVICE_LEN - 1);
		}
	}
}

static void test_secured(void **state)
{
	struct dbus_explanation e = explanation();
	const struct policy p = policy_of(POLICY_OFFER);
	const struct flow f = { .state = FLOW_SECURED };
	const struct flow busy = { .state = FLOW_NEGOTIATE };
	struct advice a;

	(void)state;
	e.known = true;
	e.peer.cipher = "AES-GCM-16-256";
	advice_find(&p, &f, &e, &a);
	assert_true(says(&a, "has not been proven"));
	e.peer.identity = "@peer.example";
	advice_find(&p, &f, &e, &a);
	assert_int_equal(a.n, 0);
	advice_find(&p, &busy, &e, &a);
	assert_true(says(&a, "ask again"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_secured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
