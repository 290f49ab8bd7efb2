# SPDX-License-Identifier: GPL-2.0-only
"""The cases of test/errors, a module for each kind of bad input."""
