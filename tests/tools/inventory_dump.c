/* SPDX-License-Identifier: Apache-2.0 */

/* Prints the inventory of a root as JSON: inventory_dump [--machine-id ID] [ROOT]. For tests. */

#include "base/json.h"
#include "host/collect.h"

#include <stdio.h>
#include <string.h>

static void write_index(struct json_writer *writer, const struct package_index *index)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "uri", index->uri);
        json_add_string(writer, "suite", index->suite);
        json_add_string(writer, "component", index->component);
        json_add_string(writer, "arch", index->arch);
        json_add_string(writer, "origin", index->origin);
        json_add_string(writer, "label", index->label);
        json_add_string(writer, "codename", index->codename);
        json_add_string(writer, "release_suite", index->release_suite);
        json_add_string(writer, "path", index->path);
        json_add_time(writer, "date", index->date);
        json_add_time(writer, "valid_until", index->valid_until);
        json_add_time(writer, "refreshed_at", index->refreshed_at);
        json_add_bool(writer, "is_security", index->is_security);
        json_add_bool(writer, "not_automatic", index->not_automatic);
        json_end(writer);
}

static void write_available(struct json_writer *writer, const struct available *available)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "version", available->version);
        json_add_string(writer, "source", available->source);
        json_add_string(writer, "source_version", available->source_version);
        json_begin_array(writer, "indexes");
        for (size_t i = 0; i < available->n_indexes; i++)
                json_add_string(writer, NULL, available->indexes[i]->repository);
        json_end(writer);
        json_add_string(writer, "filename", available->file.filename);
        json_add_string(writer, "sha256", available->file.sha256);
        json_add_int(writer, "size_bytes", available->file.size_bytes);
        json_add_int(writer, "installed_size_bytes", available->installed_size_bytes);
        json_add_int(writer, "phased_percent", available->phased_percent);
        json_add_string(writer, "depends", available->depends);
        json_add_int(writer, "priority", available->priority);
        json_add_string(writer, "held_by", available->held_by);
        json_end(writer);
}

static void write_package(struct json_writer *writer, const struct package *package)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "name", package->name);
        json_add_string(writer, "arch", package->arch);
        json_add_string(writer, "version", package->version);
        json_add_string(writer, "source", package->source);
        json_add_string(writer, "source_version", package->source_version);
        json_add_string(writer, "status", package->status);
        json_add_string(writer, "hold", package->hold);
        json_add_bool(writer, "is_auto", package->is_auto);
        json_begin_array(writer, "available");
        for (size_t i = 0; i < package->n_available; i++)
                write_available(writer, &package->available[i]);
        json_end(writer);
        json_add_string(writer, "candidate",
                        package->candidate ? package->candidate->version : NULL);
        json_end(writer);
}

static void write_inventory(struct json_writer *writer, const struct inventory *inventory)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "arch", inventory->arch);
        json_begin_array(writer, "indexes");
        for (size_t i = 0; i < inventory->n_indexes; i++)
                write_index(writer, inventory->indexes[i]);
        json_end(writer);
        json_begin_array(writer, "packages");
        for (size_t i = 0; i < inventory->n_packages; i++)
                write_package(writer, &inventory->packages[i]);
        json_end(writer);
        json_add_strings(writer, "other_updaters", &inventory->other_updaters);
        json_add_strings(writer, "problems", &inventory->problems);
        json_add_strings(writer, "broken", &inventory->broken);
        json_add_strings(writer, "kernels", &inventory->kernels);
        json_add_bool(writer, "interrupted", inventory->interrupted);
        json_add_time(writer, "newest_date", inventory_newest_date(inventory));
        json_add_time(writer, "refreshed_at", inventory_refreshed_at(inventory));
        json_end(writer);
}

static int print_inventory(const struct inventory *inventory)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;

        write_inventory(writer, inventory);
        if (json_writer_finish(writer, false, &text) < 0)
                return 1;
        return puts(text) < 0;
}

int main(int argc, char **argv)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        struct collect_options options = {.root = &root};
        bool only_count = false;
        struct diag diag = {0};
        int r;

        for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
                if (strcmp(argv[1], "--count") == 0)
                        only_count = true;
                else if (strcmp(argv[1], "--as-host") == 0)
                        root.is_host = true;
                else if (strncmp(argv[1], "--machine-id=", 13) == 0)
                        options.machine_id = argv[1] + 13;
        }
        {
                bool as_host = root.is_host;

                r = root_open(argc > 1 ? argv[1] : "/", &root, &diag);
                root.is_host = root.is_host || as_host;
        }
        if (r >= 0)
                r = collect_inventory(&options, &inventory, &diag);
        if (r < 0) {
                fprintf(stderr, "%s\n", diag_text(&diag, r));
                return 1;
        }
        if (only_count)
                return printf("%zu\n", inventory->n_packages) < 0;
        return print_inventory(inventory);
}
