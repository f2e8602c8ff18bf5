/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "wire/varlink.h"

#include <string.h>

static const char service_name[] = "org.varlink.service";

/* The length of the interface in a method name, which has a dot (varlink_read_call()). */
static size_t interface_length(const char *method)
{
        const char *dot = strrchr(method, '.');

        return dot ? (size_t)(dot - method) : 0;
}

static bool is_interface(const char *method, const char *name)
{
        return interface_length(method) == strlen(name) && strncmp(method, name, strlen(name)) == 0;
}

static char *answer_info(const char *const *names, size_t n)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *parameters = NULL;

        json_begin_object(writer, NULL);
        json_add_string(writer, "vendor", "patchd");
        json_add_string(writer, "product", "patchd");
        json_add_string(writer, "version", PATCHD_VERSION);
        json_add_string(writer, "url", "");
        json_begin_array(writer, "interfaces");
        json_add_string(writer, NULL, service_name);
        for (size_t i = 0; i < n; i++)
                json_add_string(writer, NULL, names[i]);
        json_end(writer);
        json_end(writer);
        if (json_writer_finish(writer, false, &parameters) < 0)
                return NULL;
        return varlink_reply_text(parameters, false);
}

static char *describe(const char *text)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *parameters = NULL;

        json_begin_object(writer, NULL);
        json_add_string(writer, "description", text);
        json_end(writer);
        if (json_writer_finish(writer, false, &parameters) < 0)
                return NULL;
        return varlink_reply_text(parameters, false);
}

static char *answer_description(const struct varlink_call *call, const char *const *names,
                                const char *const *texts, size_t n)
{
        const char *interface = json_get_string(call->parameters, "interface");

        if (!interface)
                return varlink_invalid_text("interface");
        if (strcmp(interface, service_name) == 0)
                return describe(varlink_interface_service);
        for (size_t i = 0; i < n; i++)
                if (strcmp(interface, names[i]) == 0)
                        return describe(texts[i]);
        return varlink_error_text("org.varlink.service.InterfaceNotFound", "interface", interface);
}

char *varlink_answer_service(const struct varlink_call *call, const char *const *names,
                             const char *const *texts, size_t n)
{
        const char *name = call->method + interface_length(call->method) + 1;

        if (!is_interface(call->method, service_name))
                return NULL;
        if (strcmp(name, "GetInfo") == 0)
                return answer_info(names, n);
        if (strcmp(name, "GetInterfaceDescription") == 0)
                return answer_description(call, names, texts, n);
        return varlink_error_text("org.varlink.service.MethodNotFound", "method", call->method);
}

char *varlink_unknown_text(const struct varlink_call *call, const char *const *names, size_t n)
{
        CLEANUP(freep) char *interface = NULL;

        for (size_t i = 0; i < n; i++)
                if (is_interface(call->method, names[i]))
                        return varlink_error_text("org.varlink.service.MethodNotFound", "method",
                                                  call->method);
        interface = strndup(call->method, interface_length(call->method));
        if (!interface)
                return NULL;
        return varlink_error_text("org.varlink.service.InterfaceNotFound", "interface", interface);
}
