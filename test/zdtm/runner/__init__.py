# SPDX-License-Identifier: GPL-2.0-only
"""The runner of the zdtm tests: see Documentation/howto-test.md."""
