// SPDX-License-Identifier: GPL-2.0-only
/* Messages of any type, filled with random contents by their descriptor. */
#pragma once
#include <protobuf-c/protobuf-c.h>

/* Valid, with all required fields; free it with protobuf_c_message_free_unpacked(). */
ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *desc);
