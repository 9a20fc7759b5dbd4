/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two lists under one mutex; the work itself is done outside of it. */
#include "agent/keyd-workers.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ike/auth-octets.h"

/* As the agent's: enough for OpenSSL, little to lock. */
#define WORKERS_STACK (256 * 1024)
#define WORKERS_MAX   8

struct list {
	struct keyd_job *head, **tail;
};

struct keyd_workers {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list todo, done;
	unsigned jobs; /* in both, and in the hands of threads */
	unsigned idle, waiting, threads, most;
	bool stop;
	int fd;
	pthread_t thread[WORKERS_MAX];
};

static void list_put(struct list *l, struct keyd_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
}

static struct keyd_job *list_take(struct list *l)
{
	struct keyd_job *j = l->head;

	if (!j)
		return NULL;
	l->head = j->next;
	if (!l->head)
		l->tail = &l->head;
	return j;
}

/* --- one job ---------------------------------------------------------------- */

int keyd_job_new(const struct keyd_record *r, const struct own_key *key,
		 struct keyd_job **ret)
{
	struct keyd_job *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->record = *r;
	EVP_PKEY_up_ref(key->pkey);
	j->key = key->pkey;
	*ret = j;
	return 0;
}

int keyd_job_new_key(const struct keyd_wanted *wanted, struct keyd_job **ret)
{
	struct keyd_job *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->wanted = *wanted;
	*ret = j;
	return 0;
}

struct keyd_job *keyd_job_free(struct keyd_job *j)
{
	if (!j)
		return NULL;
	EVP_PKEY_free(j->key);
	own_key_done(&j->made);
	secret_wipe(j, sizeof(*j));
	free(j);
	return NULL;
}

bool keyd_sign_is_cheap(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ||
	       (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 256);
}

void keyd_sign(const struct keyd_record *r, EVP_PKEY *key,
	       struct keyd_record *reply)
{
	const struct keyd_sign *s = &r->sign;
	struct ike_sign what = {
		.key = s->key,
		.algorithm = (enum ike_signature)s->algorithm,
		.prf = s->prf,
		.initiator = s->initiator == 1,
		.id = { .type = s->identity_type, .len = s->identity_len },
		.sk_p = { .len = (uint8_t)s->secret_len },
		.nonce = { .len = s->nonce_len },
		.message = s->message,
		.message_len = s->message_len,
	};
	size_t len = 0;

	keyd_record_init(reply, KEYD_SIGNED, r->seq);
	memcpy(what.id.data, s->identity, s->identity_len);
	memcpy(what.sk_p.data, s->secret, s->secret_len);
	memcpy(what.nonce.data, s->nonce, s->nonce_len);
	reply->sig.error = ike_sign_with(key, &what, reply->sig.data, &len);
	if (reply->sig.error < 0)
		memset(reply->sig.data, 0, sizeof(reply->sig.data));
	else
		reply->sig.len = (uint32_t)len;
	secret_wipe(&what, sizeof(what));
}

void keyd_job_run(struct keyd_job *j)
{
	if (!j->key) {
		j->made_error = own_key_generate(j->wanted.kind, &j->made);
		return;
	}
	keyd_sign(&j->record, j->key, &j->reply);
	secret_wipe(&j->record, sizeof(j->record));
}

/* --- the threads ------------------------------------------------------------ */

static void *worker(void *user)
{
	struct keyd_workers *w = user;
	const uint64_t one = 1;
	struct keyd_job *j;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		w->idle++;
		while (!w->stop && !w->todo.head)
			pthread_cond_wait(&w->work, &w->lock);
		w->idle--;
		if (w->stop)
			break;
		j = list_take(&w->todo);
		w->waiting--;
		pthread_mutex_unlock(&w->lock);
		keyd_job_run(j);
		pthread_mutex_lock(&w->lock);
		list_put(&w->done, j);
		/* Only a full counter could make it fail: it wakes anyway. */
		if (write(w->fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int keyd_workers_new(struct keyd_workers **ret)
{
	struct keyd_workers *w = calloc(1, sizeof(*w));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!w)
		return -ENOMEM;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		int r = -errno;

		free(w);
		return r;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	w->todo.tail = &w->todo.head;
	w->done.tail = &w->done.head;
	/* One more than cores: making a key must not keep a signature waiting
	 * on a single core. */
	w->most = cores < 1		 ? 2
		  : cores >= WORKERS_MAX ? WORKERS_MAX
					 : (unsigned)cores + 1;
	*ret = w;
	return 0;
}

struct keyd_workers *keyd_workers_free(struct keyd_workers *w)
{
	struct keyd_job *j;

	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	while ((j = list_take(&w->todo)) || (j = list_take(&w->done)))
		keyd_job_free(j);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	close(w->fd);
	free(w);
	return NULL;
}

int keyd_workers_fd(const struct keyd_workers *w)
{
	return w->fd;
}

/* Signals belong to the event loop's thread alone. */
static int start_thread(struct keyd_workers *w)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKERS_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread[w->threads], &attr, worker, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r == 0)
		w->threads++;
	return -r;
}

int keyd_workers_add(struct keyd_workers *w, struct keyd_job *j)
{
	int r = 0;

	pthread_mutex_lock(&w->lock);
	if (w->jobs >= LIMIT_KEYD_JOBS) {
		r = -ENOBUFS;
	} else {
		if (w->idle <= w->waiting && w->threads < w->most)
			r = start_thread(w);
		if (w->threads > 0)
			r = 0; /* those that there are will do */
	}
	if (r == 0) {
		list_put(&w->todo, j);
		w->jobs++;
		w->waiting++;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

struct keyd_job *keyd_workers_take(struct keyd_workers *w)
{
	struct keyd_job *j;
	uint64_t n;

	pthread_mutex_lock(&w->lock);
	j = list_take(&w->done);
	if (j)
		w->jobs--;
	/* Emptied under the lock, so that no wake-up is lost. */
	else if (read(w->fd, &n, sizeof(n)) < 0)
		n = 0;
	pthread_mutex_unlock(&w->lock);
	return j;
}
