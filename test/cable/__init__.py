# SPDX-License-Identifier: GPL-2.0-only
"""TCP between two hosts, which are two network namespaces with a cable between them."""
