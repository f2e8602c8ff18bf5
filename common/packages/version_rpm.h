/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* rpm's version order (rpm-version(7)): [epoch:]version[-release]. No epoch is epoch 0. */

/* Less than, equal to or greater than 0. Any text is accepted; a version without a release comes
 * before the same one with any. */
int version_rpm_compare(const char *a, const char *b);
