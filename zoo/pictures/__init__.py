"""Pictures, one file each: every one answers one question and is drawn from traces, tables or options.

A file of this folder has a `PICTURE` (a `Kind`), whose `draw` returns a `Picture`. Files whose names begin with an
underscore hold what pictures have in common.
"""
