/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of debugging. What cannot be written is said once, and harms nobody. */
#include "config.h"

#include "agent/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log.h"
#include "util/secret.h"

struct output {
	int fd; /* -1: not wanted, or over */
	uint64_t size, limit;
	char *path;
};

struct capture {
	struct output messages, ike, esp;
	uint16_t natt_port;
};

static void finish(struct output *o, const char *why)
{
	log_warning("%s: nothing more is written: %s", o->path, why);
	close(o->fd);
	o->fd = -1;
}

/* Whole blocks and lines only. */
static void put(struct output *o, const void *data, size_t len)
{
	ssize_t n;

	if (o->fd < 0)
		return;
	if (o->size + len > o->limit) {
		finish(o, "it is as large as it may be");
		return;
	}
	n = write(o->fd, data, len);
	if (n < 0 || (size_t)n != len)
		finish(o, n < 0 ? strerror(errno) : "there is no room");
	else
		o->size += len;
}

/* Never through a link, and never with the mode of a file that was there. */
static int open_output(struct output *o, const char *directory,
		       const char *name, uint64_t limit, int how)
{
	struct stat st;
	int r;

	o->limit = limit;
	if (asprintf(&o->path, "%s%s%s", directory, *name ? "/" : "", name) <
	    0) {
		o->path = NULL;
		return -ENOMEM;
	}
	o->fd = open(o->path,
		     O_WRONLY | O_CREAT | how | O_NOFOLLOW | O_CLOEXEC |
			     O_NONBLOCK | O_NOCTTY,
		     0600);
	r = o->fd < 0 || fchmod(o->fd, 0600) < 0 || fstat(o->fd, &st) < 0
		    ? -errno
		    : 0;
	if (r == 0)
		o->size = (uint64_t)st.st_size;
	else
		log_error("%s cannot be written: %s", o->path, strerror(-r));
	return r;
}

static int open_messages(struct capture *c, const char *file)
{
	uint8_t buf[PCAPNG_SECTION];
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	int r = open_output(&c->messages, file, "", LIMIT_CAPTURE, O_TRUNC);

	if (r < 0)
		return r;
	pcapng_write_section(&w);
	put(&c->messages, buf, w.len);
	log_warning("IKE messages are written to %s, decrypted, as [Debug] "
		    "asks for",
		    file);
	return 0;
}

static int open_keys(struct capture *c, const char *directory)
{
	int r;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		r = -errno;
		log_error("%s cannot be made: %s", directory, strerror(-r));
		return r;
	}
	r = open_output(&c->ike, directory, "ikev2_decryption_table",
			LIMIT_CAPTURE_KEYS, O_APPEND);
	if (r == 0)
		r = open_output(&c->esp, directory, "esp_sa",
				LIMIT_CAPTURE_KEYS, O_APPEND);
	if (r == 0)
		log_warning("the keys of all SAs are written to %s, as "
			    "[Debug] asks for",
			    directory);
	return r;
}

int capture_new(const char *file, const char *directory, uint16_t natt_port,
		struct capture **ret)
{
	struct capture *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c)
		return -ENOMEM;
	c->natt_port = natt_port;
	c->messages.fd = c->ike.fd = c->esp.fd = -1;
	if (file)
		r = open_messages(c, file);
	if (r == 0 && directory)
		r = open_keys(c, directory);
	if (r < 0) {
		capture_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void close_output(struct output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	free(o->path);
}

struct capture *capture_free(struct capture *c)
{
	if (!c)
		return NULL;
	close_output(&c->messages);
	close_output(&c->ike);
	close_output(&c->esp);
	free(c);
	return NULL;
}

size_t capture_block(uint16_t natt_port, uint64_t time_us,
		     const struct ike_tap_message *m,
		     uint8_t buf[static CAPTURE_BLOCK])
{
	uint8_t marked[4 + LIMIT_IKE_MESSAGE];
	struct wbuf w = wbuf_of(buf, CAPTURE_BLOCK);
	struct pcapng_packet p = {
		.time_us = time_us,
		.from = m->sent ? m->local : m->remote,
		.to = m->sent ? m->remote : m->local,
		.data = m->data,
		.len = m->len,
		.comment = m->opened ? "decrypted" : NULL,
	};

	/* RFC 3948 2.2: on that port ESP is what has no such marker. */
	if (m->local.port == natt_port && m->len <= LIMIT_IKE_MESSAGE) {
		memset(marked, 0, 4);
		memcpy(marked + 4, m->data, m->len);
		p.data = marked;
		p.len += 4;
	}
	pcapng_write_packet(&w, &p);
	secret_wipe(marked, p.data == marked ? p.len : 0);
	/* Larger than a message may be: what the engine drops as well. */
	return wbuf_ok(&w) ? w.len : 0;
}

static void put_message(struct capture *c, uint64_t time_us,
			const struct ike_tap_message *m)
{
	uint8_t buf[CAPTURE_BLOCK];
	size_t len = capture_block(c->natt_port, time_us, m, buf);

	if (len)
		put(&c->messages, buf, len);
	secret_wipe(buf, sizeof(buf));
}

static void put_keys(struct capture *c, const struct ike_tap_keys *k)
{
	char line[IKE_TAP_KEYS_LINE];
	int n = ike_tap_keys_format(k, line, sizeof(line));

	if (n > 0)
		put(&c->ike, line, (size_t)n);
	secret_wipe(line, sizeof(line));
}

void capture_tap(struct capture *c, uint64_t time_us, const struct ike_tap *t)
{
	switch (t->type) {
	case IKE_TAP_MESSAGE:
		if (c->messages.fd >= 0)
			put_message(c, time_us, &t->message);
		break;
	case IKE_TAP_KEYS:
		put_keys(c, &t->keys);
		break;
	}
}

/* As in Wireshark's epan/dissectors/packet-ipsec.c; NULL: not there. */
static const char *esp_name(uint8_t cipher)
{
	switch ((enum esp_cipher)cipher) {
	case ESP_AES_GCM_16_128:
	case ESP_AES_GCM_16_256:
		return "AES-GCM with 16 octet ICV [RFC4106]";
	case ESP_CHACHA20_POLY1305:
		return NULL;
	case ESP_AES_CBC_128_SHA2_256:
	case ESP_AES_CBC_128_SHA2_384:
	case ESP_AES_CBC_128_SHA2_512:
	case ESP_AES_CBC_256_SHA2_256:
	case ESP_AES_CBC_256_SHA2_384:
	case ESP_AES_CBC_256_SHA2_512:
		return "AES-CBC [RFC3602]";
	}
	return NULL;
}

/* By the length of its key. */
static const char *esp_integrity(uint8_t auth_len)
{
	switch (auth_len) {
	case 0:
		return "NULL";
	case 32:
		return "HMAC-SHA-256-128 [RFC4868]";
	case 48:
		return "HMAC-SHA-384-192 [RFC4868]";
	default:
		return "HMAC-SHA-512-256 [RFC4868]";
	}
}

/* A number for Wireshark; none: empty. */
static void hex(const uint8_t *data, size_t len, char *to)
{
	*to = '\0';
	if (len)
		to += sprintf(to, "0x");
	for (size_t i = 0; i < len; i++)
		to += sprintf(to, "%02x", data[i]);
}

static void put_esp(struct capture *c, const struct addr *from,
		    const struct addr *to, const struct esp_sa *sa)
{
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];
	char encr[2 * ESP_KEY_MAX + 3], auth[2 * ESP_KEY_MAX + 3];
	uint8_t auth_len = esp_auth_len((enum esp_cipher)sa->cipher);
	const char *name = esp_name(sa->cipher);
	char line[512];
	int n;

	if (!name || sa->key_len > ESP_KEY_MAX || sa->key_len < auth_len)
		return;
	hex(sa->key, sa->key_len - auth_len, encr);
	hex(sa->key + sa->key_len - auth_len, auth_len, auth);
	n = snprintf(line, sizeof(line),
		     "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"%s\","
		     "\"%s\",\"%s\"\n",
		     from->family == AF_INET ? "IPv4" : "IPv6",
		     addr_format(from, src), addr_format(to, dst), sa->spi,
		     name, encr, esp_integrity(auth_len), auth);
	put(&c->esp, line, (size_t)n);
	secret_wipe(line, sizeof(line));
	secret_wipe(encr, sizeof(encr));
	secret_wipe(auth, sizeof(auth));
}

void capture_child(struct capture *c, const struct addr *local,
		   const struct addr *remote, const struct esp_sa *in,
		   const struct esp_sa *out)
{
	if (!c || c->esp.fd < 0)
		return;
	put_esp(c, remote, local, in);
	put_esp(c, local, remote, out);
}

const char *capture_warning(const struct capture *c)
{
	if (!c)
		return "";
	if (c->ike.path)
		return "the keys of all SAs are written to a file: remove "
		       "Keys= from [Debug] in tacit.conf when done";
	return "IKE messages are written to a file, decrypted: remove "
	       "Capture= from [Debug] in tacit.conf when done";
}
