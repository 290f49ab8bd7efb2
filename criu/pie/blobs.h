// SPDX-License-Identifier: GPL-2.0-only
/* The blobs as the program carries them. */
#pragma once

extern const unsigned char parasite_blob[], parasite_blob_end[];
extern const unsigned char restorer_blob[], restorer_blob_end[];
