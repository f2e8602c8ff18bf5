/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/old_kernels.h"

#include "base/str.h"
#include "packages/version_deb.h"

#include <ctype.h>
#include <string.h>

enum {
        KEPT_OF_FLAVOUR = 2,
        MARGIN_PERCENT = 10, /* the next kernel may be larger than the largest so far */
};

void old_kernels_done(struct old_kernels *kernels)
{
        free(kernels->packages);
        *kernels = (struct old_kernels){0};
}

bool old_kernels_is_image(const char *name)
{
        static const char *const prefixes[] = {"linux-image-unsigned-", "linux-image-"};

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (str_has_prefix(name, prefixes[i]) &&
                    isdigit((unsigned char)name[strlen(prefixes[i])]))
                        return !str_has_suffix(name, "-dbg") && !str_has_suffix(name, "-dbgsym");
        return false;
}

/* ---- releases ---- */

/* "amd64" of "6.1.0-37-amd64": what follows the first dash before a letter. */
static const char *flavour_of(const char *release)
{
        for (const char *p = release; *p; p++)
                if (*p == '-' && isalpha((unsigned char)p[1]))
                        return p + 1;
        return "";
}

/* Of one flavour the releases order as versions do. */
static size_t count_newer(const struct inventory *inventory, const char *release)
{
        size_t n = 0;

        for (size_t i = 0; i < inventory->kernels.n_items; i++) {
                const char *other = inventory->kernels.items[i];

                n += strcmp(flavour_of(other), flavour_of(release)) == 0 &&
                     version_deb_compare(other, release) > 0;
        }
        return n;
}

bool old_kernels_is_of_release(const char *name, const char *release)
{
        size_t length = strlen(name), tail = strlen(release);

        return str_has_prefix(name, "linux-") && length > tail && name[length - tail - 1] == '-' &&
               str_has_suffix(name, release);
}

static bool is_of_release(const struct package *package, const char *release)
{
        return package->version && old_kernels_is_of_release(package->name, release);
}

static bool may_go(const struct old_kernels_request *request, const char *release)
{
        const struct inventory *inventory = request->inventory;

        if (str_equal(release, request->running) ||
            count_newer(inventory, release) < KEPT_OF_FLAVOUR)
                return false;
        for (size_t i = 0; i < inventory->n_packages; i++) {
                const struct package *package = &inventory->packages[i];

                if (is_of_release(package, release) &&
                    (!package->is_auto || package->hold || package->status ||
                     plan_find(request->plan, package->name, package->arch)))
                        return false;
        }
        return true;
}

static int compare_releases(const void *a, const void *b)
{
        const char *const *left = a, *const *right = b;
        int order = version_deb_compare(*left, *right);

        return order != 0 ? order : strcmp(*left, *right);
}

/* ---- room ---- */

static int64_t usage_of(const struct old_kernels_request *request, const char *release)
{
        for (size_t i = 0; i < request->n_usage; i++)
                if (strcmp(request->usage[i].release, release) == 0)
                        return request->usage[i].size_bytes;
        return 0;
}

/* As much as the largest kernel so far, for each one that comes. */
static int64_t measure_need(const struct old_kernels_request *request)
{
        int64_t largest = 0, n_images = 0;

        for (size_t i = 0; i < request->n_usage; i++)
                if (request->usage[i].size_bytes > largest)
                        largest = request->usage[i].size_bytes;
        for (size_t i = 0; i < request->plan->n_steps; i++)
                for (size_t j = 0; j < request->plan->steps[i].n_items; j++)
                        n_images += old_kernels_is_image(request->plan->steps[i].items[j].name);
        return largest * n_images;
}

static void take_release(const struct old_kernels_request *request, const char *release,
                         struct old_kernels *kernels)
{
        for (size_t i = 0; i < request->inventory->n_packages; i++)
                if (is_of_release(&request->inventory->packages[i], release))
                        kernels->packages[kernels->n_packages++] = &request->inventory->packages[i];
        kernels->freed_bytes += usage_of(request, release);
}

int old_kernels_choose(const struct old_kernels_request *request, struct old_kernels *ret)
{
        const struct inventory *inventory = request->inventory;
        size_t n = inventory->kernels.n_items;
        CLEANUP(freep) const char **releases = calloc(n + 1, sizeof(const char *));
        CLEANUP(old_kernels_done) struct old_kernels kernels = {0};
        int64_t wanted;

        kernels.packages = calloc(inventory->n_packages + 1, sizeof(const struct package *));
        if (!releases || !kernels.packages)
                return -ENOMEM;
        kernels.needed_bytes = measure_need(request);
        wanted = kernels.needed_bytes + kernels.needed_bytes * MARGIN_PERCENT / 100;
        for (size_t i = 0; i < n; i++)
                releases[i] = inventory->kernels.items[i];
        if (n > 0)
                qsort(releases, n, sizeof(*releases), compare_releases);
        for (size_t i = 0; i < n && request->free_bytes + kernels.freed_bytes < wanted; i++)
                if (usage_of(request, releases[i]) > 0 && may_go(request, releases[i]))
                        take_release(request, releases[i], &kernels);
        if (request->free_bytes + kernels.freed_bytes < kernels.needed_bytes) {
                kernels.n_packages = 0;
                kernels.freed_bytes = 0;
        }
        *ret = kernels;
        kernels = (struct old_kernels){0};
        return 0;
}
