/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/feed_wait.h"

#include "base/str.h"
#include "cycle/memory.h"
#include "host/backoff.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

enum {
        WAIT_MAX_SECONDS = 6 * 3600, /* whatever Retry-After says, or a clock that was wrong */
        FAILURES_MAX = 1000,
};

static const struct backoff pauses = {.min_sec = 5, .base_sec = 15 * 60, .ceiling_sec = 4 * 3600};

/* What is noted: "FAILURES UNTIL SENTENCE". */
struct wait {
        unsigned long long n_failures, until;
        char *text;
};

static void wait_done(struct wait *wait)
{
        free(wait->text);
}

/* The same feed from elsewhere, or signed by others, is another one. */
static char *key_of(const struct feed *feed)
{
        const char *source = feed->manifest_url ?: feed->sha256;
        CLEANUP(freep) char *keys = NULL;
        CLEANUP(freep) char *name = NULL;
        char key[SHA256_TEXT_SIZE];

        if (strv_join(&feed->keys, " ", &keys) < 0)
                return NULL;
        name = str_format("%s\n%s\n%s", feed->id, source ?: "", keys);
        return !name || feed_key(name, key) < 0 ? NULL : str_format(MEMORY_FEED_WAIT ".%s", key);
}

/* Cuts the first word off *text as a number. */
static int take_number(char **text, unsigned long long max, unsigned long long *ret)
{
        char *end = strchr(*text, ' ');
        int r;

        if (!end)
                return -EINVAL;
        *end = '\0';
        r = str_to_uint64(*text, max, ret);
        *text = end + 1;
        return r;
}

/* What can't be read is no wait. */
static void recall(struct store *store, const char *key, struct wait *ret)
{
        CLEANUP(freep) char *note = memory_get(store, key);
        struct wait wait = {0};
        char *rest = note;

        if (!note || take_number(&rest, FAILURES_MAX, &wait.n_failures) < 0 ||
            take_number(&rest, INT64_MAX, &wait.until) < 0)
                return;
        wait.text = strdup(rest);
        *ret = wait;
}

static bool is_over(const struct wait *wait, time_t now)
{
        time_t until = (time_t)wait->until;

        return wait->n_failures == 0 || until <= now || until - now > WAIT_MAX_SECONDS;
}

int feed_wait_check(const struct feeds_request *request, const struct feed *feed, struct diag *diag)
{
        CLEANUP(freep) char *key = key_of(feed);
        struct wait wait CLEANUP(wait_done) = {0};

        if (!key)
                return -ENOMEM;
        if (!request->may_wait)
                return 0;
        recall(request->store, key, &wait);
        return is_over(&wait, request->now) ? 0 : diag_fail(diag, -EAGAIN, "%s", wait.text ?: "");
}

static void note(const struct feeds_request *request, const char *key, int64_t retry_after_seconds,
                 const char *text)
{
        struct wait wait CLEANUP(wait_done) = {0};
        CLEANUP(freep) char *value = NULL;
        uint32_t random = 0;
        int64_t delay;

        recall(request->store, key, &wait);
        if (wait.n_failures < FAILURES_MAX)
                wait.n_failures++;
        (void)getrandom(&random, sizeof(random), GRND_NONBLOCK); /* 0 is as good as any */
        delay = backoff_delay_sec(&pauses, (unsigned)wait.n_failures, random);
        if (retry_after_seconds > WAIT_MAX_SECONDS)
                retry_after_seconds = WAIT_MAX_SECONDS;
        if (delay < retry_after_seconds)
                delay = retry_after_seconds;
        value = str_format("%llu %lld %s", wait.n_failures, (long long)request->now + delay, text);
        if (value)
                (void)memory_set(request->store, key, value);
}

int feed_wait_failed(const struct feeds_request *request, const struct feed *feed,
                     int64_t retry_after_seconds, int error, const struct diag *diag)
{
        CLEANUP(freep) char *key = key_of(feed);

        if (error != -ENOMEM && key)
                note(request, key, retry_after_seconds, diag_text(diag, error));
        return error;
}

void feed_wait_settle(const struct feeds_request *request, const struct feed_item *item)
{
        CLEANUP(freep) char *key = key_of(item->feed);
        CLEANUP(freep) char *prefix = str_format("feed '%s': ", item->feed->id);
        struct wait wait CLEANUP(wait_done) = {0};
        const char *text = item->trouble;

        if (!key || !prefix)
                return;
        if (!text) {
                (void)memory_changed(request->store, key, NULL);
                return;
        }
        recall(request->store, key, &wait);
        if (is_over(&wait, request->now))
                note(request, key, 0, str_has_prefix(text, prefix) ? text + strlen(prefix) : text);
}
