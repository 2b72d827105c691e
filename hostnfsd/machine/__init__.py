"""The machine we run on, as far as exports files are about it: files, users, names, the server.

All of it blocks, and DNS may do so for seconds: an event loop runs it in a thread.
"""
