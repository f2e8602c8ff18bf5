/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/deliver.h"

#include "base/str.h"
#include "cycle/http.h"
#include "cycle/memory.h"
#include "host/archive.h"

#include <inttypes.h>
#include <string.h>

void delivered_done(struct delivered *delivered)
{
        free(delivered->error);
        *delivered = (struct delivered){0};
}

enum verdict_of_endpoint { TAKEN, LATER, NEVER };

static enum verdict_of_endpoint judge_status(long status)
{
        static const long never[] = {400, 413, 422};

        if (status >= 200 && status < 300)
                return TAKEN;
        for (size_t i = 0; i < ELEMENTSOF(never); i++)
                if (status == never[i])
                        return NEVER;
        return LATER;
}

static int put_once(const struct delivery *delivery, const char *url,
                    const struct spooled_report *report, bool compress,
                    struct transport_response *ret, struct diag *diag)
{
        CLEANUP(freep) char *digest = str_format("X-Patchd-Content-Sha256: %s", report->sha256);
        CLEANUP(freep)
        char *sequence = str_format("X-Patchd-Sequence: %" PRId64, report->sequence);
        CLEANUP(blob_done) struct blob body = {0};
        const char *headers[] = {"Content-Type: application/json", digest, sequence,
                                 "Content-Encoding: gzip"};
        int r;

        if (!digest || !sequence)
                return -ENOMEM;
        if (compress)
                r = archive_gzip(report->report, strlen(report->report), &body, diag);
        else
                r = blob_copy(&body, report->report, strlen(report->report));
        if (r < 0)
                return r;
        return transport_put(delivery->transport, url, &body, headers,
                             ELEMENTSOF(headers) - (compress ? 0 : 1), ret, diag);
}

/* Compressed, but to an endpoint that once answered 415. */
static int put_report(const struct delivery *delivery, const char *url,
                      const struct spooled_report *report, struct transport_response *ret,
                      struct diag *diag)
{
        CLEANUP(freep) char *plain_url = memory_get(delivery->store, MEMORY_REPORT_NO_GZIP);
        bool compress = !str_equal(plain_url, url);
        int r;

        r = put_once(delivery, url, report, compress, ret, diag);
        if (r < 0 || ret->status != 415 || !compress)
                return r;
        transport_response_done(ret);
        r = put_once(delivery, url, report, false, ret, diag);
        if (r >= 0 && judge_status(ret->status) == TAKEN)
                (void)memory_set(delivery->store, MEMORY_REPORT_NO_GZIP, url);
        return r;
}

static void say(const struct delivery *delivery, enum event event, int64_t sequence,
                const char *reason)
{
        CLEANUP(freep) char *result = str_format("sequence %" PRId64, sequence);

        log_event(event, &(struct event_fields){
                             .policy_id = delivery->policy_id, .result = result, .reason = reason});
}

/* One report. Gives 1 when the next may follow, 0 when the rest has to wait. */
static int deliver_one(const struct delivery *delivery, const char *url,
                       const struct spooled_report *report, struct delivered *delivered,
                       struct diag *diag)
{
        CLEANUP(transport_response_done) struct transport_response response = {0};
        enum verdict_of_endpoint verdict;
        struct diag trouble = {0};
        int r;

        r = put_report(delivery, url, report, &response, &trouble);
        if (r == -ENOMEM)
                return r;
        verdict = r < 0 ? LATER : judge_status(response.status);
        if (r >= 0 && verdict != TAKEN)
                r = http_fail_status(&trouble, url, response.status, "report_url");
        if (verdict == LATER) {
                delivered->retry_after_seconds = response.retry_after_seconds;
                delivered->error = strdup(diag_text(&trouble, r));
                return delivered->error ? 0 : -ENOMEM;
        }
        r = store_delivered(delivery->store, report->sequence, diag);
        if (r < 0)
                return r;
        if (verdict == TAKEN) {
                delivered->n_delivered++;
                say(delivery, EVENT_REPORT_DELIVERED, report->sequence, NULL);
        } else {
                delivered->n_dropped++;
                say(delivery, EVENT_REPORT_DROPPED, report->sequence, trouble.text);
        }
        return 1;
}

static int deliver_all(const struct delivery *delivery, const char *url,
                       struct delivered *delivered, struct diag *diag)
{
        for (int n = 0; n < DELIVER_MAX_PER_CYCLE; n++) {
                CLEANUP(spooled_report_done) struct spooled_report report = {0};
                int r = store_next_spooled(delivery->store, &report, diag);

                if (r == -ENOENT) {
                        diag_clear(diag);
                        return 0;
                }
                if (r >= 0)
                        r = deliver_one(delivery, url, &report, delivered, diag);
                if (r <= 0)
                        return r;
        }
        return 0;
}

int deliver_spool(const struct delivery *delivery, struct delivered *ret, struct diag *diag)
{
        CLEANUP(freep) char *url = NULL;
        int r;

        r = config_expand_url(delivery->config->report_url, delivery->node_id, delivery->policy_id,
                              &url, diag);
        if (r >= 0)
                r = deliver_all(delivery, url, ret, diag);
        if (r < 0)
                return r;
        /* The wait is said once per change, not at each poll. */
        if (memory_changed(delivery->store, MEMORY_REPORT_FAILED, ret->error) && ret->error)
                log_event(
                    EVENT_REPORT_SPOOLED,
                    &(struct event_fields){.policy_id = delivery->policy_id, .reason = ret->error});
        return 0;
}
