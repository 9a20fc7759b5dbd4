/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit doctor`: all that would keep this host from being protected, with or
 * without an agent that runs.
 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "dbus/doctor.h"
#include "dbus/names.h"
#include "dbus/tacit.h"
#include "util/exitcode.h"
#include "util/privilege.h"

/* --- the agent and its configuration --------------------------------------------- */

static void check_users(struct doctor *d)
{
	static const char *const users[] = { AGENT_USER, NETD_USER, KEYD_USER };

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		uid_t uid;

		if (privilege_user(users[i], &uid) < 0)
			doctor_add(d, DOCTOR_WARNING, "agent",
				   "systemd-sysusers",
				   "there is no user %s: its program runs as "
				   "another, with more rights than it needs",
				   users[i]);
	}
}

static struct config *check_config(struct doctor *d, const char *dir)
{
	struct config_errors errors = { 0 };
	struct config *config = NULL;
	int r = config_load(dir, &config, &errors);
	size_t count = errors.count + errors.dropped;

	if (r == -EINVAL)
		doctor_add(d, DOCTOR_ERROR, "agent", "tacit check-config",
			   "the configuration has %zu error%s", count,
			   count == 1 ? "" : "s");
	else if (r < 0)
		doctor_add(d, r == -EACCES ? DOCTOR_UNKNOWN : DOCTOR_ERROR,
			   "agent", r == -EACCES ? "sudo tacit doctor" : NULL,
			   "the configuration cannot be read: %s",
			   strerror(-r));
	else
		doctor_add(d, DOCTOR_OK, "agent", NULL,
			   "the configuration has no errors");
	config_errors_done(&errors);
	return config;
}

static void check_host(struct doctor *d, const struct tacit_dict *host)
{
	const char *warning = tacit_dict_text(host, "Warning");

	if (tacit_dict_bool(host, "Protecting"))
		doctor_add(d, DOCTOR_OK, "agent", NULL,
			   "it runs, and protects this host");
	else
		doctor_add(d, DOCTOR_ERROR, "agent",
			   "mend what else is said here, or by journalctl "
			   "-u tacit -u tacit-netd; then systemctl restart "
			   "tacit",
			   "it runs, and does not protect this host");
	if (*warning)
		doctor_add(d, DOCTOR_WARNING, "agent", NULL, "%s", warning);
	if (!tacit_dict_bool(host, "PrivilegesSeparate"))
		doctor_add(d, DOCTOR_NOTE, "agent", NULL,
			   "its programs run as one user: one that is taken "
			   "over has the rights of all");
}

static void check_agent(struct doctor *d, const char *socket)
{
	struct tacit_client *client;
	struct tacit_dict host;
	sd_bus_message *reply;
	int code = tacit_client_try(socket, &client);

	if (code) {
		doctor_add(d, DOCTOR_NOTE, "agent",
			   "systemctl enable --now tacit",
			   "it does not run: nothing is encrypted");
		return;
	}
	code = tacit_client_call(client, "org.freedesktop.DBus.Properties",
				 "GetAll", &reply, "s", DBUS_INTERFACE);
	if (code == EXIT_OK) {
		if (tacit_dict_read(reply, &host) > 0) {
			check_host(d, &host);
			tacit_dict_done(&host);
		}
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
}

/* --- showing -------------------------------------------------------------------------- */

static void show_json(const struct tacit_output *o, const struct doctor *d)
{
	fprintf(o->file, "{\"worst\": \"%s\", \"findings\": [",
		doctor_grade_name(doctor_worst(d)));
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->list[i];

		fprintf(o->file,
			"%s{\"topic\": \"%s\", \"grade\": \"%s\", "
			"\"text\": ",
			i ? ", " : "", f->topic, doctor_grade_name(f->grade));
		tacit_json_text(o->file, f->text);
		fputs(", \"remedy\": ", o->file);
		tacit_json_text(o->file, f->remedy);
		fputc('}', o->file);
	}
	fputs("]}\n", o->file);
}

static void show_text(const struct tacit_output *o, const struct doctor *d)
{
	static const enum tacit_colour colours[DOCTOR_GRADES] = {
		[DOCTOR_OK] = TACIT_GREEN,     [DOCTOR_NOTE] = TACIT_DIM,
		[DOCTOR_UNKNOWN] = TACIT_CYAN, [DOCTOR_WARNING] = TACIT_YELLOW,
		[DOCTOR_ERROR] = TACIT_RED,
	};
	const char *topic = "";

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->list[i];
		char grade[16];

		if (strcmp(topic, f->topic) != 0) {
			topic = f->topic;
			fputs(i ? "\n" : "", o->file);
			tacit_output_text(o, TACIT_BOLD, topic);
			fputc('\n', o->file);
		}
		snprintf(grade, sizeof(grade), "  %-8s",
			 doctor_grade_name(f->grade));
		tacit_output_text(o, colours[f->grade], grade);
		if (o->terminal)
			tacit_output_wrapped(o, 10, f->text);
		else
			tacit_output_text(o, TACIT_PLAIN, f->text);
		fputc('\n', o->file);
		/* What is to be typed stays whole. */
		if (!*f->remedy)
			continue;
		fputs("          -> ", o->file);
		tacit_output_text(o, TACIT_PLAIN, f->remedy);
		fputc('\n', o->file);
	}
}

static int exit_code(const struct doctor *d)
{
	switch (doctor_worst(d)) {
	case DOCTOR_OK:
	case DOCTOR_NOTE:
		return EXIT_OK;
	case DOCTOR_UNKNOWN:
		return EXIT_NO_PRIVILEGE;
	case DOCTOR_WARNING:
		return EXIT_DOCTOR_WARNING;
	case DOCTOR_ERROR:
	case DOCTOR_GRADES:
		break;
	}
	return EXIT_FAILED;
}

int tacit_doctor(struct tacit *t, char **arguments)
{
	struct doctor d = { .root = geteuid() == 0 };
	struct config *config = check_config(&d, t->config_dir);
	int code;

	(void)arguments;
	d.config = config;
	check_agent(&d, t->socket);
	check_users(&d);
	doctor_kernel(&d);
	doctor_system(&d);
	doctor_firewall(&d);
	doctor_others(&d);
	if (t->out.json)
		show_json(&t->out, &d);
	else
		show_text(&t->out, &d);
	code = d.failed ? EXIT_FAILED : exit_code(&d);
	doctor_done(&d);
	config_free(config);
	return code;
}
