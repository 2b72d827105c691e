"""exports(5) of macOS and Linux, from text to values: who may mount what, and what is wrong.

Each dialect is read as its server reads it, quirks included. What only the machine knows (paths,
users, volumes, names) comes in as a view of the system, so that one machine's file can be judged
on another.
"""
