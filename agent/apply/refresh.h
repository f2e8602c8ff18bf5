/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Fetching the package indexes of all configured repositories, with stamps and first sightings. */

#include "apply/dispatch.h"

METHOD_HANDLER(refresh_handle);
