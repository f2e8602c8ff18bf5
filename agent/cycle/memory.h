/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a cycle remembers for the next ones, as named values in the store: the keys, and the rule
 * that a trouble is shouted once per change. A value that can't be read is as if it were not there;
 * one that can't be written is logged.
 */

#include "host/log.h"
#include "host/store.h"

#include <stdbool.h>
#include <time.h>

#define MEMORY_POLICY_ID          "policy.id"      /* whose version and digest these are: */
#define MEMORY_POLICY_VERSION     "policy.version" /* the highest version taken */
#define MEMORY_POLICY_DIGEST      "policy.digest"
#define MEMORY_POLICY_RESET       "policy.reset" /* the helper's last note that was followed */
#define MEMORY_POLICY_URL         "policy.url" /* where the stored ETag is from */
#define MEMORY_POLICY_CHECKED_AT  "policy.checked_at"
#define MEMORY_POLICY_REFUSED     "policy.refused"  /* the last refusal that was shouted */
#define MEMORY_POLICY_UNUSABLE    "policy.unusable" /* the same for the stored one */
#define MEMORY_POLICY_UNREACHABLE "policy.unreachable"
#define MEMORY_POLICY_EXPIRED     "policy.expired"
#define MEMORY_POLICY_WAITS       "policy.waits"   /* for which feed a new policy waits */
#define MEMORY_FEED_ETAG          "feed.etag"      /* .KEY: with what it is the ETag of */
#define MEMORY_FEED_STATE         STORE_FEED_STATE /* .KEY: what was last said of it */
#define MEMORY_FEED_WAIT          "feed.wait"      /* .KEY: failures, until when, and why */
#define MEMORY_REFRESHED_AT       "refresh.at"     /* when every repository last answered */
#define MEMORY_REFRESH_FAILED     "refresh.failed"
#define MEMORY_RUN_REFUSED        "run.refused"        /* and the method */
#define MEMORY_RUN_ATTEMPTS       "run.attempts"       /* opening, policy, how often */
#define MEMORY_OPERATIONS_SEEN    "operations.seen"    /* those at once that led to a refresh */
#define MEMORY_OPERATION_ATTEMPTS "operation.attempts" /* .ID: as run.attempts */
#define MEMORY_REBOOT_REQUIRED    "reboot.required"
#define MEMORY_REPORT_DIGEST      "report.digest" /* of the last report without its times */
#define MEMORY_REPORT_AT          "report.at"
#define MEMORY_REPORT_FAILED      "report.failed"     /* why delivery last failed */
#define MEMORY_REPORT_NO_GZIP     "report.no_gzip"    /* report_url of who answered 415 */
#define MEMORY_FINGERPRINT        "fingerprint"       /* of the inputs of the last report */
#define MEMORY_FINGERPRINT_AT     "fingerprint.at"    /* when they were judged */
#define MEMORY_FINGERPRINT_UNTIL  "fingerprint.until" /* when it has to be made again */
#define MEMORY_LAST_RESULT        "result"            /* the reply of the last cycle that judged */

/* The value of key; NULL when there is none or it can't be read. The caller frees. */
char *memory_get(struct store *store, const char *key);
int64_t memory_get_int(struct store *store, const char *key);

/* Returns a negative errno, with the event of a state problem already logged. */
int memory_set(struct store *store, const char *key, const char *value);
int memory_set_int(struct store *store, const char *key, int64_t value);

/* Whether text (NULL: all is well) differs from what was noted under key; notes it. */
bool memory_changed(struct store *store, const char *key, const char *text);
