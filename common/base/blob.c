/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blob.h"

#include <string.h>

int blob_copy(struct blob *blob, const void *bytes, size_t size)
{
        char *data = malloc(size + 1);

        if (!data)
                return -ENOMEM;
        if (size > 0)
                memcpy(data, bytes, size);
        data[size] = '\0';
        blob_done(blob);
        *blob = (struct blob){.data = data, .size = size};
        return 0;
}

void blob_done(struct blob *blob)
{
        free(blob->data);
        *blob = (struct blob){0};
}
