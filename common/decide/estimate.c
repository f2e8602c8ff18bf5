/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/estimate.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

enum {
        MSEC_PER_SECOND = 1000,
        BYTES_PER_MB = 1000 * 1000,
        SPEED_DEFAULT = 100,
        SPEED_MIN = 20,
        SPEED_MAX = 5000,
        SPEED_WEIGHT = 4, /* a step changes the speed by a quarter of the difference */
        /* Of a node that nothing is known of: a small machine with a slow disk. */
        STEP_MSEC = 5 * MSEC_PER_SECOND,
        PACKAGE_MSEC = 2 * MSEC_PER_SECOND,
        MB_MSEC = 200,
        KERNEL_MSEC = 45 * MSEC_PER_SECOND, /* its initramfs is made and the boot loader told */
};

/* What takes much longer than its size tells. */
static const struct {
        const char *prefix;
        int64_t msec;
} heavy_packages[] = {
    {"linux-image-", KERNEL_MSEC},
    {"linux-headers-", KERNEL_MSEC}, /* modules are built for it */
    {"initramfs-tools", KERNEL_MSEC},
};

void estimates_done(struct estimates *estimates)
{
        for (size_t i = 0; i < estimates->n_packages; i++)
                free(estimates->packages[i].key);
        free(estimates->packages);
        *estimates = (struct estimates){0};
}

void estimates_init(struct estimates *ret)
{
        *ret = (struct estimates){.speed_percent = SPEED_DEFAULT};
}

static char *make_key(const char *name)
{
        CLEANUP(str_done) struct str text = {0};
        char *key = NULL;

        for (const char *p = name; *p; p++)
                if (!isdigit((unsigned char)*p))
                        str_append_char(&text, *p);
                else if (p == name || !isdigit((unsigned char)p[-1]))
                        str_append_char(&text, '#');
        return str_take(&text, &key) < 0 ? NULL : key;
}

static size_t lower_bound(const struct estimates *estimates, const char *key)
{
        size_t low = 0, high = estimates->n_packages;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(estimates->packages[middle].key, key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct estimate_package *find(const struct estimates *estimates, const char *key)
{
        size_t at = lower_bound(estimates, key);

        return at < estimates->n_packages && strcmp(estimates->packages[at].key, key) == 0
                   ? &estimates->packages[at]
                   : NULL;
}

static void forget_oldest(struct estimates *estimates)
{
        size_t oldest = 0;

        for (size_t i = 1; i < estimates->n_packages; i++)
                if (estimates->packages[i].learned_at < estimates->packages[oldest].learned_at)
                        oldest = i;
        free(estimates->packages[oldest].key);
        estimates->n_packages--;
        memmove(&estimates->packages[oldest], &estimates->packages[oldest + 1],
                (estimates->n_packages - oldest) * sizeof(*estimates->packages));
}

/* The package of that key, made when it isn't there. NULL: out of memory. */
static struct estimate_package *find_or_add(struct estimates *estimates, const char *key)
{
        struct estimate_package *packages = find(estimates, key);
        CLEANUP(freep) char *copy = NULL;
        size_t at;

        if (packages)
                return packages;
        copy = strdup(key);
        if (!copy)
                return NULL;
        if (estimates->n_packages >= ESTIMATE_PACKAGES_MAX)
                forget_oldest(estimates);
        packages = reallocarray(estimates->packages, estimates->n_packages + 1, sizeof(*packages));
        if (!packages)
                return NULL;
        estimates->packages = packages;
        at = lower_bound(estimates, key);
        memmove(&packages[at + 1], &packages[at], (estimates->n_packages - at) * sizeof(*packages));
        packages[at] = (struct estimate_package){.key = TAKE_PTR(copy)};
        estimates->n_packages++;
        return &packages[at];
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
        return value < min ? min : value > max ? max : value;
}

/* ---- the file ---- */

/* Of the last run and those before it. */
static const char *const msec_names[ESTIMATE_RUNS_MAX] = {"msec", "msec_before", "msec_earlier"};

static int read_package(const char *name, const struct json *json, void *arg)
{
        struct estimates *estimates = arg;
        struct estimate_package *package;

        if (name[0] == '\0' || !json_is_object(json) ||
            estimates->n_packages >= ESTIMATE_PACKAGES_MAX)
                return 0;
        package = find_or_add(estimates, name);
        if (!package)
                return -ENOMEM;
        package->learned_at = json_get_time(json, "learned_at");
        for (size_t i = 0; i < ESTIMATE_RUNS_MAX; i++)
                package->msec[i] =
                    clamp(json_get_int(json, msec_names[i], 0), 0, ESTIMATE_MSEC_MAX);
        return 0;
}

int estimates_read(const struct json *json, struct estimates *ret)
{
        struct estimates estimates;
        int r;

        estimates_init(&estimates);
        estimates.speed_percent =
            clamp(json_get_int(json, "speed_percent", SPEED_DEFAULT), SPEED_MIN, SPEED_MAX);
        r = json_for_each_member(json_get(json, "packages"), read_package, &estimates);
        if (r < 0) {
                estimates_done(&estimates);
                return r;
        }
        *ret = estimates;
        return 0;
}

int estimates_to_text(const struct estimates *estimates, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_add_int(writer, "speed_percent", estimates->speed_percent);
        json_begin_object(writer, "packages");
        for (size_t i = 0; i < estimates->n_packages; i++) {
                const struct estimate_package *package = &estimates->packages[i];

                json_begin_object(writer, package->key);
                for (size_t j = 0; j < ESTIMATE_RUNS_MAX; j++)
                        if (package->msec[j] > 0)
                                json_add_int(writer, msec_names[j], package->msec[j]);
                json_add_time(writer, "learned_at", package->learned_at);
                json_end(writer);
        }
        json_end(writer);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

/* ---- times ---- */

static int64_t default_msec(const struct plan_item *item)
{
        int64_t msec = PACKAGE_MSEC + item->target->installed_size_bytes / BYTES_PER_MB * MB_MSEC;

        for (size_t i = 0; i < ELEMENTSOF(heavy_packages); i++)
                if (str_has_prefix(item->name, heavy_packages[i].prefix))
                        msec += heavy_packages[i].msec;
        return clamp(msec, 0, ESTIMATE_MSEC_MAX);
}

static int64_t learned_msec(const struct estimates *estimates, const struct plan_item *item)
{
        CLEANUP(freep) char *key = make_key(item->name);
        const struct estimate_package *package = key ? find(estimates, key) : NULL;
        int64_t longest = 0;

        for (size_t i = 0; package && i < ESTIMATE_RUNS_MAX; i++)
                if (package->msec[i] > longest)
                        longest = package->msec[i];
        return longest;
}

int64_t estimate_msec(const struct estimates *estimates, const struct plan_step *step)
{
        int64_t sum = STEP_MSEC * estimates->speed_percent / 100;

        for (size_t i = 0; i < step->n_items; i++) {
                int64_t learned = learned_msec(estimates, &step->items[i]);

                sum += learned > 0 ? learned
                                   : default_msec(&step->items[i]) * estimates->speed_percent / 100;
        }
        return clamp(sum, 1, ESTIMATE_MSEC_MAX);
}

static int learn_package(struct estimates *estimates, const char *name, int64_t msec, time_t now)
{
        CLEANUP(freep) char *key = make_key(name);
        struct estimate_package *package = key ? find_or_add(estimates, key) : NULL;

        if (!package)
                return -ENOMEM;
        memmove(&package->msec[1], &package->msec[0],
                (ESTIMATE_RUNS_MAX - 1) * sizeof(package->msec[0]));
        package->msec[0] = clamp(msec, 1, ESTIMATE_MSEC_MAX);
        package->learned_at = now;
        return 0;
}

/* The time of a step belongs to its packages in the proportion that was expected. */
int estimates_learn(struct estimates *estimates, const struct plan_step *step, int64_t msec,
                    time_t now)
{
        int64_t expected = 0, speed;
        int r = 0;

        msec = clamp(msec, 1, ESTIMATE_MSEC_MAX);
        for (size_t i = 0; i < step->n_items; i++)
                expected += default_msec(&step->items[i]);
        if (expected == 0)
                return 0;
        speed = clamp(msec * 100 / (expected + STEP_MSEC), SPEED_MIN, SPEED_MAX);
        estimates->speed_percent += (speed - estimates->speed_percent) / SPEED_WEIGHT;
        for (size_t i = 0; r >= 0 && i < step->n_items; i++)
                r = learn_package(estimates, step->items[i].name,
                                  msec * default_msec(&step->items[i]) / expected, now);
        return r;
}

int estimate_refusal(const struct opening *opening, time_t now, int64_t msec,
                     int64_t reserve_seconds, char **ret)
{
        int64_t seconds = (msec + MSEC_PER_SECOND - 1) / MSEC_PER_SECOND;
        time_t ends_at = now + (time_t)(seconds + reserve_seconds);
        char ends[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE];
        CLEANUP(freep) char *reserve = NULL;

        if (opening->closes_at == 0 || ends_at <= opening->closes_at) {
                *ret = NULL;
                return 0;
        }
        reserve = reserve_seconds > 0
                      ? str_format(" with %lld s kept for a reboot", (long long)reserve_seconds)
                      : strdup("");
        if (!reserve)
                return -ENOMEM;
        *ret = str_format("not started: it takes about %lld s and would end at %s%s, but the "
                          "window closes at %s",
                          (long long)seconds, time_to_rfc3339(ends_at, ends), reserve,
                          time_to_rfc3339(opening->closes_at, closes));
        return *ret ? 0 : -ENOMEM;
}
