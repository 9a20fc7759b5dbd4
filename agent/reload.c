/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/reload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/identify.h"
#include "agent/negotiation.h"
#include "agent/notify.h"
#include "policy/config-change.h"

/* Files that are being written are read so often until both sides have read the
 * same; tacit-netd's answer takes longer than a file does to be renamed. */
#define TRIES 5u

static void reload_say(struct agent *a, int error, const char *why)
{
	struct reload *r = &a->reload;

	r->error = error;
	snprintf(r->why, sizeof(r->why), "%s", why);
	if (error < 0)
		log_error("reload: %s; the configuration of before stays in "
			  "force",
			  why);
}

static void reload_end(struct agent *a)
{
	struct reload *r = &a->reload;

	r->next = config_free(r->next);
	notify_say(r->error < 0 ? "READY=1\nSTATUS=The new configuration has "
				  "errors; that of before is in force"
				: "READY=1\nSTATUS=Encrypting where policy "
				  "says so");
	if (r->done)
		r->done(a);
	if (r->again) {
		r->again = false;
		reload_begin(a);
	}
}

static void reload_needs_restart(const char *key)
{
	log_notice("%s is different: that takes effect with a restart", key);
}

static void reload_apply(struct agent *a)
{
	struct config *next = a->reload.next, before;

	config_keep_fixed(a->config, next, reload_needs_restart);
	before = *a->config;
	*a->config = *next;
	*next = before;
	if (!a->options->debug)
		log_set_level(a->config->log_level);
	identify_reload(a);
	negotiation_on_policies(a, next);
	reload_say(a, 0, "");
	log_info("the configuration has been read again");
	reload_end(a);
}

static bool reload_read(struct agent *a)
{
	struct config_errors errors;
	char text[LIMIT_RELOAD_WHY];
	int r = config_load(a->options->config_dir, &a->reload.next, &errors);

	config_errors_log(&errors);
	if (r == -EINVAL && errors.count)
		reload_say(a, r,
			   config_error_format(&errors.list[0], text,
					       sizeof(text)));
	else if (r < 0)
		reload_say(a, r, strerror(-r));
	config_errors_done(&errors);
	return r == 0;
}

/* Reads, and asks tacit-netd to read. Without one it will read by itself. */
static void reload_try(struct agent *a)
{
	struct record r;

	a->reload.next = config_free(a->reload.next);
	if (!reload_read(a)) {
		reload_end(a);
		return;
	}
	if (!link_is_up(a->link)) {
		reload_apply(a);
		return;
	}
	record_init(&r, RECORD_RELOAD, 0);
	r.reload.digest = config_digest(a->reload.next);
	link_request(a->link, (struct handle){ 0 }, &r);
}

void reload_begin(struct agent *a)
{
	if (a->reload.next) {
		a->reload.again = true;
		return;
	}
	notify_say("RELOADING=1\nSTATUS=Reading the configuration again");
	a->reload.tries = 1;
	reload_try(a);
}

void reload_on_reply(struct agent *a, const struct record_reply *reply)
{
	struct reload *r = &a->reload;

	if (!r->next)
		return;
	if (reply->error == 0) {
		reload_apply(a);
	} else if (reply->error == -ESTALE && r->tries < TRIES) {
		r->tries++;
		reload_try(a);
	} else {
		reload_say(a, reply->error,
			   reply->error == -ESTALE
				   ? "the files change while they are read, or "
				     "tacit-netd reads others"
				   : "tacit-netd cannot use the files: its log "
				     "says why");
		reload_end(a);
	}
}

void reload_on_link(struct agent *a, bool up, bool differs)
{
	if (!up && a->reload.next)
		reload_apply(a);
	else if (up && differs)
		reload_begin(a);
}

void reload_done(struct reload *r)
{
	r->next = config_free(r->next);
}
